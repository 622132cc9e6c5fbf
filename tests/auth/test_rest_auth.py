"""`/api/v5/auth` and the throttle behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from http.cookies import Morsel
from typing import Any

import jwt
import msgspec
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from auth.errors import InvalidCredentials, InvalidFields, PasswordsBusy, RefreshRejected, TooManyAttempts
from auth.fields import check_fields
from auth.passwords import Passwords
from auth.service import Accounts
from auth.throttle import Limits, Throttle
from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import RecordExists
from fdb_provider.models import WorkspaceSession, new_id, now_ms
from fdb_provider.repositories import accounts as account_records
from fdb_provider.repositories import auth_sessions, workspace_sessions
from fdb_provider.scope import NOBODY, Actor, Scope
from tests.auth.conftest import Clock, Identity

Site = TestClient[web.Request, web.Application]
ADA = {"email": "Ada@Example.com", "password": "correct horse", "name": "Ada Lovelace"}


async def call(site: Site, operation: str, **body: object) -> ClientResponse:
    return await site.post(f"/api/v5/auth/{operation}", json=body)


async def registered(site: Site, **changed: str) -> dict[str, Any]:
    response = await call(site, "register", **(ADA | changed))
    assert response.status == 201, await response.text()
    answer: dict[str, Any] = await response.json()
    return answer


async def logged_in(site: Site, **changed: str) -> dict[str, Any]:
    response = await call(site, "login", email=ADA["email"], password=ADA["password"], **changed)
    assert response.status == 200, await response.text()
    answer: dict[str, Any] = await response.json()
    return answer


async def me(site: Site, answer: dict[str, Any]) -> int:
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    return (await site.get("/api/v5/me", headers=headers)).status


async def problem(response: ClientResponse, status: int) -> dict[str, Any]:
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    content: dict[str, Any] = await response.json()
    assert content["status"] == status
    assert content["type"]
    assert content["title"]
    assert content["detail"]
    assert content["kind"]
    assert content.pop("request_id") == response.headers["X-Request-Id"]
    return content


async def everything(database: Database) -> list[tuple[bytes, bytes]]:
    async def body(tr: Reader) -> list[tuple[bytes, bytes]]:
        return [row async for row in tr.get_range(b"", b"\xfe")]

    return await database.read(body)


# --- registering --------------------------------------------------------------------------------------


async def test_registering_makes_an_account_and_signs_in(site: Site) -> None:
    response = await call(site, "register", **ADA)
    answer = await response.json()
    assert response.status == 201
    assert response.headers["Cache-Control"] == "no-store"
    assert set(answer) == {"access_token", "refresh_token", "token_type", "expires_in", "user", "session"}
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 900
    assert set(answer["user"]) == {"id", "email", "name", "role", "tenant"}
    assert (answer["user"]["email"], answer["user"]["name"]) == (ADA["email"], ADA["name"])
    assert answer["user"]["role"] == "owner"
    assert set(answer["session"]) == {"id", "name"}
    assert await me(site, answer) == 200


async def test_the_cookies_of_a_sign_in_are_out_of_reach_of_scripts_and_other_sites(site: Site) -> None:
    response = await call(site, "register", **ADA)
    access: Morsel[str] = response.cookies["theia_bridge_access"]
    refresh: Morsel[str] = response.cookies["theia_bridge_refresh"]
    assert (access["httponly"], access["samesite"], access["path"]) == (True, "Lax", "/")
    assert (refresh["httponly"], refresh["samesite"], refresh["path"]) == (True, "Strict", "/api/v5/auth")
    assert (access["secure"], refresh["secure"]) == ("", "")
    cookies = {"theia_bridge_access": access.value}
    assert (await site.get("/api/v5/me", cookies=cookies)).status == 200


async def test_the_workspace_is_prepared_in_the_transaction_of_the_registration(parts: Identity) -> None:
    async def prepare(tr: Transaction, scope: Scope) -> None:
        tr.set(keyspace.pack(scope.tenant, "prepared"), scope.session.encode())

    async def fails(tr: Transaction, scope: Scope) -> None:
        raise RuntimeError("no README")

    def accounts(prepare: account_records.Prepare) -> Accounts:
        throttle = Throttle(parts.database)
        return Accounts(parts.database, parts.passwords, parts.tokens, throttle, prepare=prepare)

    before = await everything(parts.database)
    with pytest.raises(RuntimeError):
        await accounts(fails).register("a@example.com", "correct horse", "A")
    assert await everything(parts.database) == before
    done = await accounts(prepare).register("a@example.com", "correct horse", "A")

    async def body(tr: Reader) -> bytes | None:
        return await tr.get(keyspace.pack(done.tenant, "prepared"))

    assert await parts.database.read(body) == done.session.id.encode()


@pytest.mark.parametrize(
    "email", ["ada@example.com", "ADA@EXAMPLE.COM", " ada@example.com ", "\uff41da@example.com"]
)
async def test_an_address_has_one_account_however_it_is_written(site: Site, email: str) -> None:
    await registered(site)
    content = await problem(await call(site, "register", **(ADA | {"email": email})), 409)
    assert content["kind"] == "Exists"
    assert (await call(site, "login", email=email, password=ADA["password"])).status == 200


async def test_of_registrations_made_at_once_one_wins(parts: Identity) -> None:
    many = [parts.accounts.register("a@example.com", "correct horse", str(n)) for n in range(6)]
    results = await asyncio.gather(*many, return_exceptions=True)
    assert sum(isinstance(result, RecordExists) for result in results) == 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", ""),
        ("email", "ada"),
        ("email", "ada@"),
        ("email", "@example.com"),
        ("email", "a b@example.com"),
        ("email", "ada@exa mple.com"),
        ("email", "ada@-example.com"),
        ("email", "ada@example..com"),
        ("email", "ada@example.com\r\nBcc: x@example.com"),
        ("email", f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.com"),
        ("email", 7),
        ("email", None),
        ("password", "1234567"),
        ("password", "x" * 1025),
        ("password", ["correct horse"]),
        ("name", ""),
        ("name", "  \t "),
        ("name", "x" * 201),
        ("name", "a\x00b"),
    ],
)
async def test_a_field_that_cannot_be_accepted_is_named(site: Site, field: str, value: object) -> None:
    content = await problem(await call(site, "register", **(ADA | {field: value})), 422)
    assert [error["pointer"] for error in content["errors"]] == [f"#/{field}"]
    assert content["errors"][0]["detail"]


@pytest.mark.parametrize("field", ["email", "password", "name"])
async def test_a_missing_field_is_named(site: Site, field: str) -> None:
    form = {name: value for name, value in ADA.items() if name != field}
    content = await problem(await call(site, "register", **form), 422)
    assert [error["pointer"] for error in content["errors"]] == [f"#/{field}"]


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(InvalidFields) as caught:
        check_fields(email="x", password="x", name="")
    assert set(caught.value.fields) == {"email", "password", "name"}


@pytest.mark.parametrize(
    "email", ["a@b.example", "first.last+tag@sub.example.co", "o'hara@localhost", "käthe@müller.example"]
)
async def test_usual_addresses_are_accepted(site: Site, email: str) -> None:
    assert (await registered(site, email=email))["user"]["email"] == email


@pytest.mark.parametrize("operation", ["register", "login", "refresh", "logout"])
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'"x"', "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"email=a&password=b", "application/x-www-form-urlencoded", 415),
        (b" " * 20_000, "application/json", 413),
    ],
)
async def test_a_body_that_is_not_the_form_is_refused(
    site: Site, operation: str, body: bytes, content_type: str, status: int
) -> None:
    headers = {"Content-Type": content_type}
    response = await site.post(f"/api/v5/auth/{operation}", data=body, headers=headers)
    await problem(response, status)


async def test_a_get_is_no_login(site: Site) -> None:
    response = await site.get("/api/v5/auth/login")
    assert response.status in (401, 405)


# --- signing in ---------------------------------------------------------------------------------------


async def test_login_opens_the_session_asked_for_or_the_last_used(site: Site, parts: Identity) -> None:
    user = (first := await registered(site))["user"]
    second = WorkspaceSession(id=new_id(), user=user["id"], name="Second", created_at=1, used_at=1)

    async def body(tr: Transaction) -> None:
        await workspace_sessions.create(tr, user["tenant"], second)

    await parts.database.run(body)
    assert (await logged_in(site))["session"]["id"] == first["session"]["id"]
    assert (await logged_in(site, session=second.id))["session"] == {"id": second.id, "name": "Second"}
    assert (await logged_in(site))["session"]["id"] == second.id


async def test_anothers_session_does_not_exist(site: Site, parts: Identity) -> None:
    ada, eve = await registered(site), await registered(site, email="eve@example.com")
    neighbour = WorkspaceSession(id=new_id(), user="another", name="N", created_at=1, used_at=1)

    async def body(tr: Transaction) -> None:
        await workspace_sessions.create(tr, ada["user"]["tenant"], neighbour)

    await parts.database.run(body)
    for session in (eve["session"]["id"], neighbour.id, "", "nonsense"):
        credentials = {"email": ADA["email"], "password": ADA["password"], "session": session}
        content = await problem(await call(site, "login", **credentials), 404)
        assert content["kind"] == "NotFound"


async def test_an_unknown_account_and_a_wrong_password_cannot_be_told_apart(
    site: Site, parts: Identity
) -> None:
    await registered(site)
    answers = []
    for email in (ADA["email"], "nobody@example.com", "not an address", "x" * 254):
        before = parts.passwords.verified
        response = await call(site, "login", email=email, password="wrong horse")
        content = await problem(response, 401)
        headers = {name.lower(): value for name, value in response.headers.items()}
        del headers["date"], headers["x-request-id"]
        answers.append((content, headers, parts.passwords.verified - before))
    first, *others = answers
    assert others == [first] * 3
    assert first[2] == 1


@pytest.mark.parametrize("email", ["x" * 11_000, "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 254])
async def test_an_address_of_any_length_is_refused_without_a_fault(site: Site, email: str) -> None:
    # The second is short but eighteen times as long in the form in which it is looked up.
    content = await problem(
        await call(site, "login", email=email, password="x"), 422 if len(email) > 254 else 401
    )
    assert [error["pointer"] for error in content.get("errors", [])] == ["#/email"][: len(email) > 254]


async def test_a_session_of_any_length_is_refused_alike_with_and_without_the_password(site: Site) -> None:
    await registered(site)
    answers = [
        await problem(
            await call(site, "login", email=ADA["email"], password=password, session="x" * 12_000), 422
        )
        for password in (ADA["password"], "wrong horse")
    ]
    assert answers[0] == answers[1]
    assert [error["pointer"] for error in answers[0]["errors"]] == ["#/session"]


async def test_a_password_hashed_with_older_parameters_is_hashed_anew(parts: Identity) -> None:
    done = await parts.accounts.register("a@example.com", "correct horse", "A")
    dearer = Passwords(memory_kib=64, iterations=2)
    accounts = Accounts(parts.database, dearer, parts.tokens, Throttle(parts.database))
    await accounts.login("a@example.com", "correct horse")

    async def body(tr: Reader) -> str:
        user = await account_records.user(tr, done.tenant, done.user.id)
        assert user is not None
        return user.password_hash

    assert "t=2" in await parts.database.read(body)
    await accounts.login("a@example.com", "correct horse")
    dearer.close()


async def test_no_secret_is_stored(site: Site, parts: Identity) -> None:
    answer = await registered(site)
    stored = b"".join(part for row in await everything(parts.database) for part in row)
    secret = answer["refresh_token"].rpartition(".")[2]
    for text in (ADA["password"], secret, answer["access_token"], answer["refresh_token"]):
        assert text.encode() not in stored


# --- failures are limited -----------------------------------------------------------------------------


@pytest.mark.parametrize("email", [ADA["email"], "nobody@example.com"])
async def test_an_account_is_closed_after_too_many_failures_and_opens_again(
    site: Site, parts: Identity, email: str
) -> None:
    await registered(site)
    for _ in range(10):
        assert (await call(site, "login", email=email, password="wrong horse")).status == 401
    response = await call(site, "login", email=email.upper(), password=ADA["password"])
    content = await problem(response, 429)
    assert content["kind"] == "TooManyAttempts"
    assert 0 < int(response.headers["Retry-After"]) <= 900
    parts.clock.now += 2 * 900
    expected = 200 if email == ADA["email"] else 401
    assert (await call(site, "login", email=email, password=ADA["password"])).status == expected


async def test_nobody_is_locked_out_by_guesses_from_elsewhere(parts: Identity) -> None:
    def login(password: str, address: str) -> Awaitable[object]:
        return parts.accounts.login("ada@example.com", password, actor=Actor(NOBODY, address=address))

    await parts.accounts.register("ada@example.com", "correct horse", "Ada")
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            await login("wrong horse", "192.0.2.1")
    with pytest.raises(TooManyAttempts):
        await login("correct horse", "192.0.2.1")
    await login("correct horse", "192.0.2.2")
    with pytest.raises(TooManyAttempts):  # the owner's success gives the other no more guesses
        await login("wrong horse", "192.0.2.1")


async def test_guesses_from_many_addresses_are_limited_together(database: Database) -> None:
    throttle = Throttle(database, Limits(account_address=2, account=6), Clock())
    for n in range(6):
        await fail(throttle, "a", f"192.0.2.{n % 3}")
        async with throttle.attempt(account="b", address=f"192.0.2.{n % 3}") as attempt:
            await attempt.succeeded()
    with pytest.raises(TooManyAttempts):
        await fail(throttle, "a", "192.0.2.9")
    await fail(throttle, "b", "192.0.2.9")


async def test_an_owners_success_does_not_forget_the_guesses_of_others(database: Database) -> None:
    throttle = Throttle(database, Limits(account=4), Clock())
    for n in range(4):
        await fail(throttle, "a", f"192.0.2.{n}")
        if n < 3:
            async with throttle.attempt(account="a", address="192.0.2.9") as attempt:
                await attempt.succeeded()
    with pytest.raises(TooManyAttempts):
        await fail(throttle, "a", "192.0.2.9")


async def test_success_forgets_the_accounts_failures(site: Site) -> None:
    await registered(site)
    for _ in range(3):
        for _ in range(9):
            assert (await call(site, "login", email=ADA["email"], password="wrong horse")).status == 401
        await logged_in(site)


async def fail(throttle: Throttle, account: str | None, address: str | None = None) -> None:
    async with throttle.attempt(account=account, address=address) as attempt:
        await attempt.failed()


async def test_attempts_made_at_once_do_not_slip_past(database: Database) -> None:
    throttle = Throttle(database, Limits(), Clock())
    results = await asyncio.gather(*(fail(throttle, "a") for _ in range(40)), return_exceptions=True)
    assert sum(isinstance(result, TooManyAttempts) for result in results) == 30


async def test_any_number_of_good_attempts_may_be_made_at_once(site: Site) -> None:
    await registered(site)
    await asyncio.gather(*(logged_in(site) for _ in range(60)))


async def test_an_attempt_without_an_end_does_not_count(database: Database) -> None:
    throttle = Throttle(database, Limits(account_address=1), Clock())
    for _ in range(3):
        with pytest.raises(PasswordsBusy):
            async with throttle.attempt(account="a", address=None):
                raise PasswordsBusy


async def test_an_address_is_limited_over_all_accounts_and_gateways(database: Database) -> None:
    clock = Clock()
    gateways = [Throttle(database, Limits(), clock) for _ in range(2)]
    for n in range(50):
        await fail(gateways[n % 2], f"a{n}", f"2001:db8::{n:x}")
    with pytest.raises(TooManyAttempts):
        await fail(gateways[0], "fresh", "2001:db8::ffff")
    await fail(gateways[0], "fresh", "2001:db8:0:1::1")
    await fail(gateways[1], "fresh", "192.0.2.1")


async def test_success_does_not_forget_the_addresss_failures(database: Database) -> None:
    throttle = Throttle(database, Limits(address=2), Clock())
    await fail(throttle, "victim", "192.0.2.1")
    async with throttle.attempt(account="own", address="192.0.2.1") as attempt:
        await attempt.succeeded()
    await fail(throttle, "victim", "192.0.2.1")
    with pytest.raises(TooManyAttempts):
        await fail(throttle, "victim", "192.0.2.1")


async def test_the_limit_slides_and_old_counters_go(database: Database) -> None:
    clock = Clock(900.0 * 2_000_000)
    throttle = Throttle(database, Limits(account_address=10), clock)
    for _ in range(10):
        await fail(throttle, "a")
    clock.now += 900  # all ten still count
    with pytest.raises(TooManyAttempts):
        await fail(throttle, "a")
    clock.now += 450  # five of them do
    for _ in range(5):
        await fail(throttle, "a")
    with pytest.raises(TooManyAttempts):
        await fail(throttle, "a")
    clock.now += 1800
    await fail(throttle, "b")
    begin, end = keyspace.range_of(keyspace.attempts())
    counters = [key for key, _ in await everything(database) if begin <= key < end]
    assert len(counters) == 2  # those of the last failure: of the account, and of it from its address


async def test_taken_addresses_cannot_be_listed_by_registering(parts: Identity) -> None:
    accounts = Accounts(
        parts.database, parts.passwords, parts.tokens, Throttle(parts.database, Limits(address=3))
    )
    for n in range(5):  # as many accounts as one likes
        await accounts.register(
            f"{n}@example.com", "correct horse", "A", actor=Actor(NOBODY, address="192.0.2.1")
        )
    for _ in range(3):
        with pytest.raises(RecordExists):
            await accounts.register(
                "0@example.com", "correct horse", "A", actor=Actor(NOBODY, address="192.0.2.1")
            )
    with pytest.raises(TooManyAttempts):
        await accounts.register(
            "0@example.com", "correct horse", "A", actor=Actor(NOBODY, address="192.0.2.1")
        )


# --- signing on and out -------------------------------------------------------------------------------


async def later(parts: Identity, answer: dict[str, Any], by: int = auth_sessions.GRACE_MS + 1) -> None:
    """Sets the time of the family's last rotation back, in milliseconds; by itself out of the grace."""
    tenant, family, _ = answer["refresh_token"].split(".")

    async def body(tr: Transaction) -> None:
        found = await auth_sessions.get(tr, tenant, family)
        assert found is not None
        past = msgspec.structs.replace(found, used_at=found.used_at - by)
        await auth_sessions.FAMILIES.put(tr, tenant, past)

    await parts.database.run(body)


async def refreshed(site: Site, answer: dict[str, Any]) -> dict[str, Any]:
    response = await call(site, "refresh", refresh_token=answer["refresh_token"])
    assert response.status == 200, await response.text()
    fresh: dict[str, Any] = await response.json()
    return fresh


async def test_a_refresh_token_is_good_for_one_use(site: Site, parts: Identity) -> None:
    first = await registered(site)
    response = await call(site, "refresh", refresh_token=first["refresh_token"])
    second = await response.json()
    assert response.status == 200
    assert second["user"] == first["user"]
    assert second["session"] == first["session"]
    assert second["refresh_token"] != first["refresh_token"]
    assert await me(site, second) == 200

    await later(parts, first)
    await problem(await call(site, "refresh", refresh_token=first["refresh_token"]), 401)
    # Using it twice has ended the whole family, on both sides of the theft.
    await problem(await call(site, "refresh", refresh_token=second["refresh_token"]), 401)
    assert await me(site, first) == 401
    assert await me(site, second) == 401


async def test_reuse_ends_that_family_only(site: Site, parts: Identity) -> None:
    one, other = await registered(site), await logged_in(site)
    await call(site, "refresh", refresh_token=one["refresh_token"])
    await later(parts, one)
    await call(site, "refresh", refresh_token=one["refresh_token"])
    assert await me(site, one) == 401
    assert await me(site, other) == 200
    assert (await call(site, "refresh", refresh_token=other["refresh_token"])).status == 200


async def test_an_answer_that_was_lost_is_given_again_for_a_few_seconds(site: Site, parts: Identity) -> None:
    first = await registered(site)
    lost = await refreshed(site, first)
    again = await refreshed(site, first)
    assert again["refresh_token"] != lost["refresh_token"]
    await later(parts, first)
    assert await me(site, await refreshed(site, again)) == 200


@pytest.mark.parametrize("kept", range(4))
async def test_of_uses_made_at_once_all_succeed_and_one_of_them_goes_on(
    site: Site, parts: Identity, kept: int
) -> None:
    first = await registered(site)
    answers = await asyncio.gather(*(refreshed(site, first) for _ in range(4)))
    await later(parts, first)
    onward = await refreshed(site, answers[kept])  # whichever of the cookies the browser has kept
    assert await me(site, onward) == 200
    await later(parts, first)
    await problem(await call(site, "refresh", refresh_token=answers[kept - 1]["refresh_token"]), 401)
    assert await me(site, onward) == 401


async def test_the_token_before_the_previous_one_ends_the_family_at_once(site: Site) -> None:
    first = await registered(site)
    third = await refreshed(site, await refreshed(site, first))
    await problem(await call(site, "refresh", refresh_token=first["refresh_token"]), 401)
    assert await me(site, third) == 401


async def test_the_grace_does_not_begin_anew_with_each_use(site: Site, parts: Identity) -> None:
    first = await registered(site)
    await refreshed(site, first)
    await later(parts, first, auth_sessions.GRACE_MS // 2)
    await refreshed(site, first)
    await later(parts, first, auth_sessions.GRACE_MS // 2 + 1)
    await problem(await call(site, "refresh", refresh_token=first["refresh_token"]), 401)


async def test_within_the_grace_a_token_is_traded_a_bounded_number_of_times(site: Site) -> None:
    first = await registered(site)
    for _ in range(auth_sessions.SIBLINGS):
        await refreshed(site, first)
    await problem(await call(site, "refresh", refresh_token=first["refresh_token"]), 401)


async def test_logout_with_the_token_before_ends_the_sign_in_too(site: Site, parts: Identity) -> None:
    first = await registered(site)
    second = await refreshed(site, first)
    await later(parts, first)
    assert (await call(site, "logout", refresh_token=first["refresh_token"])).status == 204
    assert await me(site, second) == 401


async def test_the_cookie_refreshes_and_signs_out_too(site: Site) -> None:
    jar = {"theia_bridge_refresh": (await registered(site))["refresh_token"]}
    response = await site.post("/api/v5/auth/refresh", json={}, cookies=jar)
    assert response.status == 200
    assert response.cookies["theia_bridge_refresh"].value == (await response.json())["refresh_token"]
    jar = {"theia_bridge_refresh": response.cookies["theia_bridge_refresh"].value}
    out = await site.post("/api/v5/auth/logout", cookies=jar)
    assert out.status == 204
    for name in ("theia_bridge_access", "theia_bridge_refresh"):
        assert out.cookies[name].value == ""
        assert out.cookies[name]["max-age"] == "0"
    refused = await site.post("/api/v5/auth/refresh", cookies=jar)
    await problem(refused, 401)
    assert refused.cookies["theia_bridge_access"]["max-age"] == "0"


async def test_logout_ends_the_sign_in_and_its_access_tokens(site: Site) -> None:
    one, other = await registered(site), await logged_in(site)
    assert (await call(site, "logout", refresh_token=one["refresh_token"])).status == 204
    assert await me(site, one) == 401
    assert await me(site, other) == 200
    await problem(await call(site, "refresh", refresh_token=one["refresh_token"]), 401)
    assert (await call(site, "logout", refresh_token=one["refresh_token"])).status == 204


async def test_logout_takes_the_secret_and_not_only_the_familys_id(site: Site) -> None:
    answer = await registered(site)
    family, _, _ = answer["refresh_token"].rpartition(".")
    assert (await call(site, "logout", refresh_token=f"{family}.{'A' * 43}")).status == 204
    assert await me(site, answer) == 200
    assert (await call(site, "refresh", refresh_token=answer["refresh_token"])).status == 200


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "..", "é.é.é", "0" * 20 + "." + "0" * 20 + "." + "A" * 43]
)
async def test_what_is_no_refresh_token_is_refused(site: Site, token: str) -> None:
    await problem(await call(site, "refresh", refresh_token=token), 401)
    assert (await call(site, "logout", refresh_token=token)).status == 204


async def test_a_refresh_token_ends_with_its_time(parts: Identity) -> None:
    accounts = Accounts(
        parts.database, parts.passwords, parts.tokens, Throttle(parts.database), refresh_seconds=0
    )
    done = await accounts.register("a@example.com", "correct horse", "A")
    with pytest.raises(RefreshRejected):
        await accounts.refresh(done.refresh_token)


async def test_a_sign_in_removes_expired_ones_of_its_user(parts: Identity) -> None:
    short = Accounts(
        parts.database, parts.passwords, parts.tokens, Throttle(parts.database), refresh_seconds=0
    )
    await short.register("a@example.com", "correct horse", "A")
    for _ in range(3):
        done = await parts.accounts.login("a@example.com", "correct horse")

    async def body(tr: Reader) -> int:
        return len(await auth_sessions.of_user(tr, done.tenant, done.user.id))

    assert await parts.database.read(body) == 3


async def test_a_sign_in_goes_on_in_another_session_when_its_own_is_gone(parts: Identity) -> None:
    done = await parts.accounts.register("a@example.com", "correct horse", "A")
    other = WorkspaceSession(id=new_id(), user=done.user.id, name="Other", created_at=now_ms(), used_at=1)

    async def body(tr: Transaction) -> None:
        await workspace_sessions.create(tr, done.tenant, other)
        await workspace_sessions.SESSIONS.delete(tr, done.tenant, done.session.id)

    await parts.database.run(body)
    again = await parts.accounts.refresh(done.refresh_token)
    assert again.session.id == other.id
    assert (await parts.gate.authenticate(again.access_token)).scope.session == other.id


async def test_a_refreshed_token_lives_anew(site: Site) -> None:
    answer = await (
        await call(site, "refresh", refresh_token=(await registered(site))["refresh_token"])
    ).json()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 900
    assert abs(claims["iat"] - time.time()) < 60
