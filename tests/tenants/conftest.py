"""A gateway for each storage engine, which the tests of a module share, and people who use it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from fdb_provider.engine import Database
from fdb_provider.models import Audit, Role
from fdb_provider.repositories.audit import AUDIT
from fdb_provider.scope import Actor, Scope
from rpc.client import Client
from tests import fdbserver
from theia_bridge.app import create_app
from theia_bridge.config import Settings
from theia_bridge.state import DATABASE

Answer = dict[str, Any]
Method = Literal["GET", "PUT", "POST", "DELETE"]
PASSWORD = "correct horse"
_numbers = itertools.count()


@dataclass
class Person:
    """Someone who has signed in."""

    gateway: Gateway
    signed_in: Answer

    @property
    def id(self) -> str:
        return str(self.signed_in["user"]["id"])

    @property
    def tenant(self) -> str:
        return str(self.signed_in["user"]["tenant"])

    @property
    def email(self) -> str:
        return str(self.signed_in["user"]["email"])

    @property
    def token(self) -> str:
        return str(self.signed_in["access_token"])

    @property
    def actor(self) -> Actor:
        return Actor(Scope(self.tenant, self.id, str(self.signed_in["session"]["id"])))

    async def send(
        self, method: Method, path: str, json: object = None, headers: Mapping[str, str] | None = None
    ) -> ClientResponse:
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return await self.gateway.client.request(method, f"/api/v5{path}", json=json, headers=given)

    async def ask(self, method: Method, path: str, json: object = None, *, status: int = 200) -> Answer:
        """What is answered, with the status that is expected."""
        return await answer(await self.send(method, path, json), status)

    async def refused(self, kind: str, method: Method, path: str, json: object = None) -> Answer:
        """Asserts that it is refused with a kind of error; returns what is told."""
        response = await self.send(method, path, json)
        told: Answer = await response.json()
        assert response.status >= 400, told
        assert told["kind"] == kind, told
        return told

    async def invite(self, email: str | None = None, role: Role = "member") -> Answer:
        form = {"email": email or new_email(), "role": role}
        return await self.ask("POST", "/tenants/me/invitations", form, status=201)

    async def add(self, role: Role = "member") -> Person:
        """Someone new in the same tenant, by an invitation."""
        invitation = await self.invite(role=role)
        return await self.gateway.register(invitation["email"], invitation=invitation["code"])

    async def again(self) -> Person:
        """The same person, signed in once more."""
        return await self.gateway.login(self.email)

    async def put_file(self, path: str, content: bytes) -> ClientResponse:
        return await self.gateway.client.put(
            f"/api/v5/files{path}", data=content, headers={"Authorization": f"Bearer {self.token}"}
        )

    def connect(self) -> AbstractAsyncContextManager[Client]:
        """An RPC channel."""
        return Client.connect(
            str(self.gateway.client.make_url("/ws/rpc")).replace("http", "ws", 1), token=self.token
        )


@dataclass(frozen=True)
class Gateway:
    """A running gateway."""

    client: TestClient[web.Request, web.Application]

    @property
    def database(self) -> Database:
        assert self.client.app is not None
        return self.client.app[DATABASE]

    async def auth(self, operation: str, **form: object) -> ClientResponse:
        return await self.client.post(f"/api/v5/auth/{operation}", json=form)

    async def register(self, email: str | None = None, **form: object) -> Person:
        form = {"email": email or new_email(), "password": PASSWORD, "name": "Ada", **form}
        return Person(self, await answer(await self.auth("register", **form), 201))

    async def login(self, email: str, password: str = PASSWORD) -> Person:
        return Person(self, await answer(await self.auth("login", email=email, password=password), 200))

    async def audit(self, tenant: str, action: str) -> list[Audit]:
        """What the audit of a tenant tells of an action, the first first."""
        return await self.database.read(lambda tr: AUDIT.by_index(tr, tenant, "by_action_time", action))


def new_email() -> str:
    """An address that nobody has yet."""
    return f"person{next(_numbers)}@example.com"


async def answer(response: ClientResponse, status: int) -> Answer:
    text = await response.text()
    assert response.status == status, text
    if response.status == 204:
        return {}
    found: Answer = await response.json()
    return found


async def problem(response: ClientResponse, status: int, kind: str) -> Answer:
    told = await answer(response, status)
    assert told["kind"] == kind, told
    return told


async def serve(store: str, folder: Path, **settings: Any) -> TestClient[web.Request, web.Application]:
    """A gateway in this process, to be closed."""
    made = Settings(store=store, keys=folder / "keys", cache=folder / "cache", ide=folder, **settings)
    server = TestServer(await create_app(made))
    await server.start_server()
    return TestClient(server, cookie_jar=DummyCookieJar())


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["embedded", pytest.param("fdb", marks=pytest.mark.fdb)]
)
async def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    store = f"embedded:{folder / 'store'}"
    if request.param == "fdb":
        cluster: Path = request.getfixturevalue("fdb_cluster")
        fdbserver.empty(cluster)
        store = f"fdb:{cluster}"
    client = await serve(store, folder)
    yield Gateway(client)
    await client.close()
