"""Who may make an account, as the setting `registration` has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auth import invitations
from auth.errors import RegistrationClosed
from fdb_provider import keyspace
from fdb_provider.errors import RecordExists, RecordNotFound
from tests.process import environment, run
from tests.tenants.conftest import PASSWORD, Gateway, answer, new_email, problem, serve
from theia_bridge import users
from theia_bridge.config import Settings

FORM = {"password": PASSWORD, "name": "Ada"}


@pytest.fixture
async def gateway(request: pytest.FixtureRequest, store_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that registers as the test's parameter says, on an empty store."""
    client = await serve(store_url, tmp_path, registration=request.param)
    yield Gateway(client)
    await client.close()


async def operators_invitation(gateway: Gateway) -> tuple[str, str]:
    """Address and code of an invitation to have a tenant of one's own."""
    email = new_email()
    _, code = await invitations.invite_as_operator(gateway.database, keyspace.SYSTEM, email, "owner", days=1)
    return email, str(code)


@pytest.mark.parametrize("gateway", ["open"], indirect=True)
async def test_open_to_everybody(gateway: Gateway) -> None:
    ada = await gateway.register()
    assert (await ada.add()).tenant == ada.tenant
    email, code = await operators_invitation(gateway)
    assert (await gateway.register(email, invitation=code)).tenant != ada.tenant


@pytest.mark.parametrize("gateway", ["invitation"], indirect=True)
async def test_by_invitation(gateway: Gateway) -> None:
    response = await gateway.auth("register", email=new_email(), **FORM)
    told = await problem(response, 403, "RegistrationClosed")
    assert "invitation" in told["detail"]
    response = await gateway.auth("register", email=new_email(), **FORM, invitation="x")
    await problem(response, 403, "InvitationRejected")
    email, code = await operators_invitation(gateway)
    look = await answer(await gateway.auth("invitation", invitation=code), 200)
    assert (look["email"], look["role"], look["tenant"]) == (email, "owner", None)
    ada = await gateway.register(email, invitation=code)
    assert (await ada.ask("GET", "/users/me"))["role"] == "owner"
    assert (await ada.add("viewer")).tenant == ada.tenant
    response = await gateway.auth("register", email=email, **FORM, invitation=code)
    await problem(response, 403, "InvitationRejected")


@pytest.mark.parametrize("gateway", ["closed"], indirect=True)
async def test_closed(gateway: Gateway) -> None:
    email, code = await operators_invitation(gateway)
    for form in ({"email": new_email()}, {"email": email, "invitation": code}):
        response = await gateway.auth("register", **FORM, **form)
        await problem(response, 403, "RegistrationClosed")
    response = await gateway.auth("invitation", invitation=code)
    await problem(response, 403, "RegistrationClosed")


async def test_the_operator_adds_and_invites_people_where_nobody_can_register(tmp_path: Path) -> None:
    store = f"embedded:{tmp_path / 'store'}"
    ada, bob, eve = "ada@example.com", "bob@example.com", "eve@example.com"
    closed = Settings(store=store, registration="closed")
    invited = Settings(store=store, registration="invitation")

    async def user(registration: str, *arguments: str) -> str:
        env = environment(tmp_path, STORE=store, REGISTRATION=registration, PASSWORD=PASSWORD)
        code, out, err = await run("user", *arguments, env=env, cwd=tmp_path)
        assert code == 0, err
        return out

    await user("closed", "add", "--email", ada, "--name", "Ada")
    await users.add(closed, bob, "Bob", PASSWORD, into=ada, role="viewer")
    with pytest.raises(RecordNotFound, match="nobody@example"):
        await users.add(closed, "x@example.com", "X", PASSWORD, into="nobody@example.com")
    with pytest.raises(RegistrationClosed):
        await users.invite(closed, eve, ada, "admin", days=1)
    where = "--into", ada, "--role", "admin", "--url", "https://ide.example/"
    address, _, code = (await user("invitation", "invite", "--email", eve, *where)).strip().partition("=")
    assert address == "https://ide.example/login?invitation"
    for email, into, told in ((eve, ada, "invited already"), (bob, ada, "account"), (ada, None, "account")):
        with pytest.raises(RecordExists, match=told):
            await users.invite(invited, email, into, "member", days=1)
    own = await users.invite(invited, "new@example.com", None, "member", days=1)

    client = await serve(store, tmp_path, registration="invitation")
    gateway = Gateway(client)
    people = {email: await gateway.login(email) for email in (ada, bob)}
    people[eve] = await gateway.register(eve, invitation=code)
    roles = {
        one["email"]: one["role"] for one in (await people[bob].ask("GET", "/tenants/me/members"))["items"]
    }
    assert roles == {ada: "owner", bob: "viewer", eve: "admin"}
    look = await answer(await gateway.auth("invitation", invitation=own), 200)
    assert (look["role"], look["tenant"]) == ("owner", None)
    new = await gateway.register("new@example.com", invitation=own)
    assert (await new.ask("GET", "/users/me"))["role"] == "owner"
    assert new.tenant not in {person.tenant for person in people.values()}
    await client.close()
