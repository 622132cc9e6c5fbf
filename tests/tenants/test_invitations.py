"""Invitations: made by admins, good once, for one address, for a while."""

from __future__ import annotations

import asyncio

import pytest

from auth import invitations
from fdb_provider.engine import Reader
from fdb_provider.models import Role
from fdb_provider.repositories.accounts import USERS
from tests.tenants.conftest import PASSWORD, Answer, Gateway, Person, answer, new_email, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def rejected(gateway: Gateway, invitation: Answer) -> None:
    """Asserts that a code is good for nothing."""
    form = {"email": invitation["email"], "password": PASSWORD, "name": "Bob"}
    response = await gateway.auth("register", **form, invitation=invitation["code"])
    await problem(response, 403, "InvitationRejected")
    response = await gateway.auth("invitation", invitation=invitation["code"])
    await problem(response, 403, "InvitationRejected")


async def members(owner: Person) -> list[Answer]:
    found: list[Answer] = (await owner.ask("GET", "/tenants/me/members"))["items"]
    return found


@pytest.mark.parametrize("role", ["owner", "admin", "member", "viewer"])
async def test_an_invitation_leads_into_the_tenant_with_its_role(gateway: Gateway, role: Role) -> None:
    owner = await gateway.register(name="Ada's")
    invitation = await owner.invite(role=role)
    assert invitation["link"] == f"/login?invitation={invitation['code']}"
    look = await answer(await gateway.auth("invitation", invitation=invitation["code"]), 200)
    assert look == {
        "email": invitation["email"],
        "role": role,
        "tenant": "Ada's",
        "expires_at": invitation["expires_at"],
    }
    person = await gateway.register(invitation["email"].upper(), invitation=invitation["code"])
    assert person.tenant == owner.tenant
    me = await person.ask("GET", "/users/me")
    assert (me["role"], me["tenant"]) == (role, owner.tenant)
    assert {one["id"]: one["role"] for one in await members(owner)} == {owner.id: "owner", person.id: role}
    assert (await person.send("GET", "/files/workspace/README.md")).status == 200
    assert (await owner.ask("GET", "/tenants/me/invitations"))["items"] == []
    await rejected(gateway, invitation)
    [entry] = await gateway.audit(owner.tenant, "member.join")
    assert (entry.user, entry.resource) == (person.id, f"invitation/{invitation['id']}")
    assert entry.detail == {"role": role, "by": owner.id}


async def test_a_session_is_its_owners_alone(gateway: Gateway) -> None:
    owner = await gateway.register()
    person = await owner.add()
    session = person.signed_in["session"]["id"]
    form = {"email": owner.email, "password": PASSWORD, "session": session}
    await problem(await gateway.auth("login", **form), 404, "NotFound")


async def test_the_code_is_told_once_and_kept_nowhere(gateway: Gateway) -> None:
    owner = await gateway.register()
    invitation = await owner.invite()
    secret = invitation["code"].rpartition(".")[2].encode()
    [listed] = (await owner.ask("GET", "/tenants/me/invitations"))["items"]
    assert listed == {name: value for name, value in invitation.items() if name not in ("code", "link")}
    assert listed["created_by"] == owner.id

    async def everything(tr: Reader) -> list[bytes]:
        return [key + value async for key, value in tr.get_range(b"", b"\xfe")]

    assert not any(secret in row for row in await gateway.database.read(everything))


async def test_an_invitation_is_for_one_address(gateway: Gateway) -> None:
    owner = await gateway.register()
    invitation = await owner.invite()
    form = {"email": new_email(), "password": PASSWORD, "name": "Eve"}
    response = await gateway.auth("register", **form, invitation=invitation["code"])
    told = await problem(response, 422, "InvalidFields")
    assert [error["pointer"] for error in told["errors"]] == ["#/email"]
    await gateway.register(invitation["email"], invitation=invitation["code"])


async def test_one_invitation_used_many_times_at_once_makes_one_user(gateway: Gateway) -> None:
    owner = await gateway.register()
    invitation = await owner.invite()
    form = {"email": invitation["email"], "password": PASSWORD, "name": "Bob"}
    responses = await asyncio.gather(
        *(gateway.auth("register", **form, invitation=invitation["code"]) for _ in range(4))
    )
    assert sorted(response.status for response in responses)[0] == 201
    assert sum(response.status == 201 for response in responses) == 1
    assert len(await members(owner)) == 2
    users = await gateway.database.read(lambda tr: USERS.list(tr, owner.tenant))
    assert len(users) == 2


async def test_an_invitation_taken_back_or_expired_is_good_for_nothing(gateway: Gateway) -> None:
    owner = await gateway.register()
    invitation = await owner.invite()
    path = f"/tenants/me/invitations/{invitation['id']}"
    await owner.ask("DELETE", path, status=204)
    await owner.refused("NotFound", "DELETE", path)
    await rejected(gateway, invitation)
    again = await owner.invite(invitation["email"])
    await owner.refused(
        "Exists", "POST", "/tenants/me/invitations", {"email": invitation["email"].upper(), "role": "viewer"}
    )
    await gateway.register(again["email"], invitation=again["code"])

    email = new_email()
    _, code = await invitations.invite(gateway.database, owner.actor, email, "member", days=0)
    await rejected(gateway, {"email": email, "code": str(code)})
    await owner.invite(email)  # the expired one is not in its way
    actions = [await gateway.audit(owner.tenant, f"invitation.{verb}") for verb in ("create", "revoke")]
    assert [len(entries) for entries in actions] == [4, 1]
    assert actions[0][0].detail == {"role": "member"}
    for nothing in ("", "x", "a.b.c", f"{owner.tenant}.{owner.id}.{'a' * 22}", f"{'0' * 20}.{'a' * 22}"):
        await problem(await gateway.auth("invitation", invitation=nothing), 403, "InvitationRejected")


async def test_an_invitation_is_good_for_what_its_maker_may_give_now(gateway: Gateway) -> None:
    owner = await gateway.register()
    admin = await owner.add("admin")
    invitation = await admin.invite(role="admin")
    member = f"/tenants/me/members/{admin.id}"
    await owner.ask("PUT", member, {"role": "member"})
    await rejected(gateway, invitation)
    await owner.ask("PUT", member, {"role": "admin"})
    await answer(await gateway.auth("invitation", invitation=invitation["code"]), 200)
    await owner.ask("DELETE", member, status=204)
    await rejected(gateway, invitation)


async def test_who_is_a_member_already_is_not_invited(gateway: Gateway) -> None:
    owner, stranger = await gateway.register(), await gateway.register()
    person = await owner.add()
    form = {"email": person.email, "role": "viewer"}
    await owner.refused("Exists", "POST", "/tenants/me/invitations", form)
    # Whether an address has an account elsewhere is for nobody to find out, but for whoever has the code.
    invitation = await owner.invite(stranger.email)
    form = {"email": stranger.email, "password": PASSWORD, "name": "Bob"}
    response = await gateway.auth("register", **form, invitation=invitation["code"])
    await problem(response, 409, "Exists")
    assert len(await members(owner)) == 2


async def test_what_is_wrong_with_an_invitation_is_said(gateway: Gateway) -> None:
    owner = await gateway.register()
    for form, field in (
        ({"email": "nobody"}, "#/email"),
        ({"email": "a@example.com", "role": "king"}, "#/role"),
        ({"email": "a@example.com", "expires_in_days": 0}, "#/expires_in_days"),
        ({"email": "a@example.com", "expires_in_days": 91}, "#/expires_in_days"),
        ({}, "#/email"),
    ):
        told = await owner.refused("InvalidFields", "POST", "/tenants/me/invitations", form)
        assert [error["pointer"] for error in told["errors"]] == [field]


async def test_invitations_are_listed_in_pages_the_next_to_expire_first(gateway: Gateway) -> None:
    owner = await gateway.register()
    made = []
    for days in (3, 1, 2):
        form = {"email": new_email(), "expires_in_days": days}
        made.append(await owner.ask("POST", "/tenants/me/invitations", form, status=201))
    page = await owner.ask("GET", "/tenants/me/invitations?limit=2")
    rest = await owner.ask("GET", f"/tenants/me/invitations?limit=2&after={page['next']}")
    assert [one["id"] for one in page["items"] + rest["items"]] == [made[n]["id"] for n in (1, 2, 0)]
    assert rest["next"] is None
