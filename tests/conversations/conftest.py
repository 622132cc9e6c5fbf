"""Users of a store; and, for each storage engine, a gateway that the tests of a module share."""

from __future__ import annotations

import io
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import ClientResponse, DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from auth.keys import KeyRing
from auth.tokens import Tokens
from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.models import Account, AuthSession, Role, new_id, now_ms
from fdb_provider.repositories import accounts, auth_sessions, workspace_sessions
from fdb_provider.scope import Actor, Scope
from tests import fdbserver
from theia_bridge.app import create_app
from theia_bridge.config import Settings
from theia_bridge.state import DATABASE

_numbers = itertools.count()


async def new_user(database: Database, *, tenant: str | None = None, role: Role = "owner") -> Actor:
    """A user with a workspace session, in a tenant of their own or as one more of `tenant`."""
    new = accounts.registration(f"user{next(_numbers)}@example.com", "Ada", "no password")
    user = msgspec.structs.replace(new.user, role=role)
    scope = Scope(tenant or new.tenant.id, user.id, new.session.id)

    async def body(tr: Transaction) -> None:
        if tenant is None:
            await accounts.TENANTS.insert(tr, scope.tenant, new.tenant)
        account = Account(email_key=user.email_key, tenant=scope.tenant, user=user.id)
        await accounts.ACCOUNTS.insert(tr, keyspace.SYSTEM, account)
        await accounts.USERS.insert(tr, scope.tenant, user)
        await workspace_sessions.create(tr, scope.tenant, new.session)

    await database.run(body)
    return Actor(scope)


@dataclass(frozen=True)
class Caller:
    """A signed-in user of a gateway."""

    client: TestClient[web.Request, web.Application]
    token: str
    actor: Actor

    async def send(
        self, method: str, path: str, json: object = None, *, if_match: str | None = None
    ) -> ClientResponse:
        """A request below `/api/v5`."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if if_match is not None:
            headers["If-Match"] = if_match
        data = None
        if json is not None:
            headers["Content-Type"] = "application/json"
            data = io.BytesIO(msgspec.json.encode(json))
        return await self.client.request(method, f"/api/v5{path}", data=data, headers=headers)


async def answer(response: ClientResponse, status: int = 200) -> Any:
    """What a response says, which must have that status."""
    assert response.status == status, await response.text()
    return await response.json()


async def problem(response: ClientResponse, status: int) -> dict[str, Any]:
    """The problem a response tells."""
    content: dict[str, Any] = await answer(response, status)
    assert response.content_type == "application/problem+json"
    return content


@dataclass(frozen=True)
class Gateway:
    """A running gateway."""

    client: TestClient[web.Request, web.Application]
    database: Database
    tokens: Tokens

    async def user(self, *, beside: Caller | None = None, role: Role = "owner") -> Caller:
        """A new user who has signed in, alone in a tenant or `beside` another one in theirs."""
        tenant = None if beside is None else beside.actor.scope.tenant
        actor = await new_user(self.database, tenant=tenant, role=role)
        now = now_ms()
        family = AuthSession(
            id=new_id(),
            user=actor.scope.user,
            session=actor.scope.session,
            secret_hash=b"",
            created_at=now,
            used_at=now,
            expires_at=now + 3_600_000,
        )

        async def body(tr: Transaction) -> None:
            await auth_sessions.create(tr, actor.scope.tenant, family)

        await self.database.run(body)
        token, _ = await self.tokens.issue(actor.scope, role, family.id)
        return Caller(self.client, token, actor)


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["embedded", pytest.param("fdb", marks=pytest.mark.fdb)]
)
async def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway on an empty store, in this process and on a real port."""
    folder = tmp_path_factory.mktemp("gateway")
    store = f"embedded:{folder / 'store'}"
    if request.param == "fdb":
        cluster: Path = request.getfixturevalue("fdb_cluster")
        fdbserver.empty(cluster)
        store = f"fdb:{cluster}"
    settings = Settings(store=store, keys=folder / "keys", cache=folder / "cache")
    app = await create_app(settings)
    ring = KeyRing.open(settings.keys, token_seconds=settings.access_token_seconds)
    tokens = Tokens(ring, issuer=settings.issuer, audience=settings.audience)
    async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
        yield Gateway(client, app[DATABASE], tokens)
