"""`/api/v5/users/me`: what people change of themselves."""

from __future__ import annotations

import asyncio

import pytest

from tests.tenants.conftest import PASSWORD, Gateway, answer, new_email, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_user_reads_and_renames_themselves(gateway: Gateway) -> None:
    viewer = await (await gateway.register()).add("viewer")
    me = await viewer.ask("GET", "/users/me")
    assert set(me) == {"id", "email", "name", "role", "tenant", "created_at"}
    assert (me["id"], me["email"], me["name"]) == (viewer.id, viewer.email, "Ada")
    changed = await viewer.ask("PUT", "/users/me", {"name": " Ada King ", "email": me["email"]})
    assert changed == me | {"name": "Ada King"}
    assert await viewer.ask("GET", "/users/me") == changed
    told = await viewer.refused("InvalidFields", "PUT", "/users/me", {"name": " ", "email": "x"})
    assert {error["pointer"] for error in told["errors"]} == {"#/name", "#/email"}
    [entry] = await gateway.audit(viewer.tenant, "user.update")
    assert (entry.user, entry.detail) == (viewer.id, {"changed": "name"})


async def test_another_address_takes_the_password_and_is_the_one_to_sign_in_with(gateway: Gateway) -> None:
    person, other = await gateway.register(), await gateway.register()
    email = new_email()
    form = {"name": "Ada", "email": email}
    for wrong in (form, form | {"password": "wrong horse"}):
        told = await person.refused("InvalidFields", "PUT", "/users/me", wrong)
        assert [error["pointer"] for error in told["errors"]] == ["#/password"]
    taken = form | {"email": other.email.upper(), "password": PASSWORD}
    await person.refused("Exists", "PUT", "/users/me", taken)
    assert (await person.ask("GET", "/users/me"))["email"] == person.email

    await person.ask("PUT", "/users/me", form | {"password": PASSWORD})
    assert (await gateway.login(email)).id == person.id
    response = await gateway.auth("login", email=person.email, password=PASSWORD)
    await problem(response, 401, "Unauthorized")
    assert (await gateway.register(person.email)).id != person.id
    # The same address in another form is still the user's own.
    again = await person.ask("PUT", "/users/me", form | {"email": email.upper(), "password": PASSWORD})
    assert again["email"] == email.upper()
    assert (await gateway.login(email)).id == person.id


async def test_an_address_that_two_claim_at_once_becomes_that_of_one(gateway: Gateway) -> None:
    people = [await gateway.register() for _ in range(3)]
    form = {"name": "Ada", "email": new_email(), "password": PASSWORD}
    responses = await asyncio.gather(*(person.send("PUT", "/users/me", form) for person in people))
    assert sorted(response.status for response in responses) == [200, 409, 409]
    winner = await gateway.login(form["email"])
    for person in people:
        if person.id != winner.id:
            assert (await gateway.login(person.email)).id == person.id


async def test_another_password_ends_all_other_sign_ins(gateway: Gateway) -> None:
    person = await gateway.register()
    others = [await person.again() for _ in range(2)]
    form = {"current_password": "wrong horse", "new_password": "battery staple"}
    told = await person.refused("InvalidFields", "PUT", "/users/me/password", form)
    assert [error["pointer"] for error in told["errors"]] == ["#/current_password"]
    short = {"current_password": PASSWORD, "new_password": "short"}
    told = await person.refused("InvalidFields", "PUT", "/users/me/password", short)
    assert [error["pointer"] for error in told["errors"]] == ["#/new_password"]
    await others[0].ask("GET", "/users/me")

    await person.ask("PUT", "/users/me/password", form | {"current_password": PASSWORD}, status=204)
    await person.ask("GET", "/users/me")
    refreshed = await gateway.auth("refresh", refresh_token=person.signed_in["refresh_token"])
    await answer(refreshed, 200)
    for other in others:
        await other.refused("Unauthorized", "GET", "/users/me")
        token = other.signed_in["refresh_token"]
        await problem(await gateway.auth("refresh", refresh_token=token), 401, "Unauthorized")
    response = await gateway.auth("login", email=person.email, password=PASSWORD)
    await problem(response, 401, "Unauthorized")
    await gateway.login(person.email, "battery staple")
    [entry] = await gateway.audit(person.tenant, "user.password")
    assert entry.user == person.id


async def test_guessing_the_password_is_throttled_as_at_login(gateway: Gateway) -> None:
    person = await gateway.register()
    guess = {"current_password": "wrong horse", "new_password": "battery staple"}
    for _ in range(10):
        await person.refused("InvalidFields", "PUT", "/users/me/password", guess)
    response = await person.send("PUT", "/users/me/password", guess | {"current_password": PASSWORD})
    await problem(response, 429, "TooManyAttempts")
    assert int(response.headers["Retry-After"]) > 0
    form = {"name": "Ada", "email": new_email(), "password": PASSWORD}
    await person.refused("TooManyAttempts", "PUT", "/users/me", form)
    response = await gateway.auth("login", email=person.email, password=PASSWORD)
    await problem(response, 429, "TooManyAttempts")
    await person.ask("PUT", "/users/me", form | {"email": person.email})
