"""What the audit tells of sign-ins."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from fdb_provider.models import Audit
from fdb_provider.repositories import auth_sessions
from fdb_provider.repositories.audit import AUDIT
from tests.auth.conftest import Identity

Site = TestClient[web.Request, web.Application]
ADA = {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}


async def call(site: Site, operation: str, **body: str) -> dict[str, Any]:
    response = await site.post(f"/api/v5/auth/{operation}", json=body)
    answer: dict[str, Any] = await response.json() if response.status in (200, 201) else {}
    return answer


async def entries(parts: Identity, answer: dict[str, Any]) -> list[Audit]:
    """The entries of one user, the first one first."""
    user = answer["user"]
    return await parts.database.read(
        lambda tr: AUDIT.by_index(tr, user["tenant"], "by_user_time", user["id"])
    )


async def test_each_change_of_a_sign_in_is_told_with_who_and_from_where(site: Site, parts: Identity) -> None:
    new = await call(site, "register", **ADA)
    fresh = await call(site, "refresh", refresh_token=new["refresh_token"])
    await call(site, "logout", refresh_token=fresh["refresh_token"])
    await call(site, "login", email=ADA["email"], password=ADA["password"])
    found = await entries(parts, new)
    assert sorted(entry.action for entry in found) == [
        "auth.login",
        "auth.logout",
        "auth.refresh",
        "auth.register",
    ]
    assert {entry.address for entry in found} == {"127.0.0.1"}
    assert {entry.session for entry in found} == {new["session"]["id"]}
    first = {entry.resource for entry in found if entry.action != "auth.login"}
    assert len(first) == 1, "all of the first sign-in"
    assert {entry.resource for entry in found} - first, "the second one is another"


async def test_a_refresh_token_that_comes_back_is_told_once(site: Site, parts: Identity) -> None:
    new = await call(site, "register", **ADA)
    token = new["refresh_token"]
    for _ in range(2):
        token = (await call(site, "refresh", refresh_token=token))["refresh_token"]
    for _ in range(2):
        assert await call(site, "refresh", refresh_token=new["refresh_token"]) == {}
    user = new["user"]
    assert await parts.database.read(lambda tr: auth_sessions.of_user(tr, user["tenant"], user["id"])) == []
    assert [entry.action for entry in await entries(parts, new)].count("auth.reuse") == 1


async def test_what_changes_nothing_tells_nothing(site: Site, parts: Identity) -> None:
    new = await call(site, "register", **ADA)
    await call(site, "register", **ADA)
    await call(site, "login", email=ADA["email"], password="wrong horse")
    await call(site, "logout", refresh_token="x" * 20)
    assert [entry.action for entry in await entries(parts, new)] == ["auth.register"]
