"""Where a user is signed in, and ending it: `/api/v5/auth/sessions`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from auth.device import ADDRESS_LIMIT, AGENT_LIMIT
from auth.errors import InvalidCredentials
from auth.refresh import RefreshToken
from auth.service import Accounts, SignIn
from auth.throttle import Throttle
from fdb_provider.engine import Transaction
from fdb_provider.models import AuthSession, User, new_id, now_ms
from fdb_provider.repositories import accounts, auth_sessions
from fdb_provider.repositories.audit import AUDIT
from fdb_provider.scope import NOBODY, Actor
from tests.auth.conftest import CountingPasswords, Identity

Site = TestClient[web.Request, web.Application]
EMAIL, PASSWORD = "ada@example.com", "correct horse"
LIST = "/api/v5/auth/sessions"


@pytest.fixture
async def ada(parts: Identity) -> SignIn:
    return await parts.accounts.register(EMAIL, PASSWORD, "Ada")


def family(done: SignIn) -> str:
    return RefreshToken.parse(done.refresh_token).family


async def call(site: Site, method: str, path: str, done: SignIn) -> ClientResponse:
    headers = {"Authorization": f"Bearer {done.access_token}"}
    return await site.request(method, path, headers=headers)


async def listed(site: Site, done: SignIn, query: str = "") -> dict[str, Any]:
    response = await call(site, "GET", LIST + query, done)
    assert response.status == 200, await response.text()
    answer: dict[str, Any] = await response.json()
    return answer


async def stands(site: Site, done: SignIn) -> bool:
    return (await call(site, "GET", "/api/v5/me", done)).status == 200


async def test_a_list_tells_where_one_is_signed_in(site: Site, ada: SignIn) -> None:
    before = now_ms()
    form = {"email": EMAIL, "password": PASSWORD}
    response = await site.post("/api/v5/auth/login", json=form, headers={"User-Agent": "Browser/1.0 (X11)"})
    assert response.status == 200
    other, current = (await listed(site, ada))["items"]
    assert set(current) == {
        *("id", "created_at", "used_at", "expires_at", "address", "user_agent", "session", "current"),
    }
    assert (current["id"], current["current"], current["session"]) == (family(ada), True, ada.session.id)
    assert (current["address"], current["user_agent"]) == ("", "")
    assert (other["address"], other["user_agent"]) == ("127.0.0.1", "Browser/1.0 (X11)")
    assert not other["current"]
    assert before <= other["created_at"] == other["used_at"] <= now_ms() < other["expires_at"]


async def test_a_refresh_tells_where_it_came_from_and_when(site: Site, parts: Identity, ada: SignIn) -> None:
    (was,) = (await listed(site, ada))["items"]
    actor = Actor(NOBODY, address="192.0.2.7")
    done = await parts.accounts.refresh(ada.refresh_token, actor=actor, agent="Other/2")
    (now,) = (await listed(site, done))["items"]
    assert (now["address"], now["user_agent"], now["created_at"]) == (
        "192.0.2.7",
        "Other/2",
        was["created_at"],
    )
    assert now["used_at"] > was["used_at"]


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("a\x00b\r\nc\x1b[31m", "abc[31m"),
        ("safe \u202egpj.exe", "safe gpj.exe"),
        ("zero\u200bwidth\u2028line\ud800", "zerowidthline"),
        ("  x  ", "x"),
        ("ü" * 1000, "ü" * AGENT_LIMIT),
        ("", ""),
    ],
)
async def test_what_a_program_says_of_itself_is_one_short_line(
    site: Site, parts: Identity, ada: SignIn, agent: str, shown: str
) -> None:
    actor = Actor(NOBODY, address="f" * 1000)
    done = await parts.accounts.login(EMAIL, PASSWORD, actor=actor, agent=agent)
    items = (await listed(site, done))["items"]
    (current,) = (item for item in items if item["current"])
    assert (current["user_agent"], current["address"]) == (shown, "f" * ADDRESS_LIMIT)


async def test_one_sign_in_is_ended(site: Site, parts: Identity, ada: SignIn) -> None:
    other, third = [await parts.accounts.login(EMAIL, PASSWORD) for _ in range(2)]
    assert (await call(site, "DELETE", f"{LIST}/{family(other)}", ada)).status == 204
    assert not await stands(site, other)
    assert await stands(site, third)
    assert {item["id"] for item in (await listed(site, ada))["items"]} == {family(ada), family(third)}
    assert (await call(site, "DELETE", f"{LIST}/{family(other)}", ada)).status == 404
    assert (await call(site, "DELETE", f"{LIST}/{family(ada)}", ada)).status == 204
    assert not await stands(site, ada)


async def test_all_others_are_ended(site: Site, parts: Identity, ada: SignIn) -> None:
    others = [await parts.accounts.login(EMAIL, PASSWORD) for _ in range(3)]
    eve = await parts.accounts.register("eve@example.com", PASSWORD, "Eve")
    assert (await call(site, "DELETE", LIST, ada)).status == 204
    assert [await stands(site, done) for done in (ada, *others, eve)] == [True, False, False, False, True]
    assert (await call(site, "DELETE", LIST, ada)).status == 204
    entries = await parts.database.read(
        lambda tr: AUDIT.by_index(tr, ada.tenant, "by_action_time", "auth.revoke-others")
    )
    assert [entry.detail for entry in entries] == [{"ended": "3"}, {"ended": "0"}]


async def test_anothers_sign_in_does_not_exist(site: Site, parts: Identity, ada: SignIn) -> None:
    eve = await parts.accounts.register("eve@example.com", PASSWORD, "Eve")
    neighbour = AuthSession(new_id(), "neighbour", "s", b"", now_ms(), now_ms(), now_ms() + 10**6)
    await parts.database.run(lambda tr: auth_sessions.create(tr, ada.tenant, neighbour))
    for other in (family(eve), neighbour.id, "nonsense", "%2e%2e"):
        response = await call(site, "DELETE", f"{LIST}/{other}", ada)
        assert (response.status, (await response.json())["kind"]) == (404, "NotFound")
    assert await stands(site, eve)
    assert await parts.database.read(lambda tr: auth_sessions.get(tr, ada.tenant, neighbour.id)) == neighbour
    assert len((await listed(site, ada))["items"]) == 1


async def test_a_viewer_ends_sign_ins_too(site: Site, parts: Identity, ada: SignIn) -> None:
    viewer: User = msgspec.structs.replace(ada.user, role="viewer")
    await parts.database.run(lambda tr: accounts.USERS.put(tr, ada.tenant, viewer))
    other = await parts.accounts.login(EMAIL, PASSWORD)
    assert (await call(site, "DELETE", f"{LIST}/{family(other)}", ada)).status == 204
    assert (await call(site, "DELETE", LIST, ada)).status == 204


async def test_the_list_comes_in_pages_without_what_has_ended(
    site: Site, parts: Identity, ada: SignIn
) -> None:
    now = now_ms()

    async def many(tr: Transaction) -> None:
        for n in range(5):
            one = AuthSession(f"live{n}", ada.user.id, "s", b"", now, now + n, now + (n + 1) * 10**6)
            await auth_sessions.create(tr, ada.tenant, one)
            await auth_sessions.FAMILIES.put(
                tr, ada.tenant, AuthSession(f"over{n}", ada.user.id, "s", b"", 1, 1, now - n)
            )

    await parts.database.run(many)
    found: list[str] = []
    page = await listed(site, ada, "?limit=2")
    while page["next"] is not None:
        found += [item["id"] for item in page["items"]]
        page = await listed(site, ada, f"?limit=2&after={page['next']}")
    found += [item["id"] for item in page["items"]]
    assert found == [family(ada), "live4", "live3", "live2", "live1", "live0"]


async def test_a_user_has_so_many_sign_ins_and_one_more_ends_the_first_to_expire(
    parts: Identity, ada: SignIn
) -> None:
    now = now_ms()

    async def fill(tr: Transaction) -> None:
        for n in range(auth_sessions.SIGN_INS - 1):
            one = AuthSession(new_id(), ada.user.id, "s", b"", now, now, now + (n + 1) * 10**6)
            await auth_sessions.FAMILIES.put(tr, ada.tenant, one)

    await parts.database.run(fill)
    was = await parts.database.read(lambda tr: auth_sessions.of_user(tr, ada.tenant, ada.user.id))
    assert len(was) == auth_sessions.SIGN_INS
    done = await parts.accounts.login(EMAIL, PASSWORD)
    now_there = await parts.database.read(lambda tr: auth_sessions.of_user(tr, ada.tenant, ada.user.id))
    assert {one.id for one in now_there} == {one.id for one in was[1:]} | {family(done)}
    ended = await parts.database.run(
        lambda tr: auth_sessions.revoke_all(tr, ada.tenant, ada.user.id, keep=None)
    )
    assert len(ended) == auth_sessions.SIGN_INS


async def test_a_sign_in_not_to_be_remembered_ends_with_its_token(site: Site, ada: SignIn) -> None:
    form = {"email": EMAIL, "password": PASSWORD, "remember": False}
    response = await site.post("/api/v5/auth/login", json=form)
    answer = await response.json()
    assert (response.status, answer["refresh_token"], dict(response.cookies)) == (200, None, {})
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    (current,) = (
        item for item in (await (await site.get(LIST, headers=headers)).json())["items"] if item["current"]
    )
    assert 900 <= current["expires_at"] / 1000 - time.time() <= 940


class Meanwhile(CountingPasswords):
    """Something happens once, right after a password was checked."""

    def __init__(self, event: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._event = event

    async def verify(self, stored: str | None, password: str) -> bool:
        fine = await super().verify(stored, password)
        if self.verified == 1:
            await self._event()
        return fine


@pytest.mark.parametrize("cause", ["removed", "password"])
async def test_what_ends_sign_ins_ends_one_in_the_making_too(
    parts: Identity, ada: SignIn, cause: str
) -> None:
    async def end(tr: Transaction) -> None:
        if cause == "removed":
            await accounts.USERS.delete(tr, ada.tenant, ada.user.id)
        else:
            changed = msgspec.structs.replace(ada.user, password_hash=hashed)
            await accounts.USERS.put(tr, ada.tenant, changed)
        await auth_sessions.revoke_all(tr, ada.tenant, ada.user.id, keep=None)

    hashed = await parts.passwords.hash("another horse")
    passwords = Meanwhile(lambda: parts.database.run(end))
    racing = Accounts(parts.database, passwords, parts.tokens, Throttle(parts.database))
    with pytest.raises(InvalidCredentials):
        await racing.login(EMAIL, PASSWORD)
    passwords.close()
    assert await parts.database.read(lambda tr: auth_sessions.of_user(tr, ada.tenant, ada.user.id)) == []


async def test_a_login_goes_on_when_another_one_hashed_the_password_anew(
    parts: Identity, ada: SignIn
) -> None:
    hashed = await parts.passwords.hash(PASSWORD)

    async def rehash(tr: Transaction) -> None:
        await accounts.USERS.put(tr, ada.tenant, msgspec.structs.replace(ada.user, password_hash=hashed))

    passwords = Meanwhile(lambda: parts.database.run(rehash))
    racing = Accounts(parts.database, passwords, parts.tokens, Throttle(parts.database))
    done = await racing.login(EMAIL, PASSWORD)
    passwords.close()
    assert passwords.verified == 2
    await parts.gate.authenticate(done.access_token)
