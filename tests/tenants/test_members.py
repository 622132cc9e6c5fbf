"""`/api/v5/tenants/me` and its members: who may do what to whom, leaving, and coming back."""

from __future__ import annotations

import asyncio
import re

import msgspec
import pytest

from fdb_provider.fsck import check
from fdb_provider.models import Role
from rpc import ChannelClosed, RpcError
from rpc.client import Client
from tests.tenants.conftest import PASSWORD, Gateway, Person, answer, problem
from theia_bridge.methods.protocol import Directory, ReadDirectoryParams, WriteFileParams
from theia_bridge.methods.registry import build_registry
from theia_bridge.rest import RESOURCES

pytestmark = pytest.mark.asyncio(loop_scope="module")


REGISTRY = build_registry()
WRITING = sorted(name for name, method in REGISTRY.methods.items() if method.shielded)
NEW = WriteFileParams(path="/workspace/written.txt", content=b"written")


async def role_of(person: Person) -> str:
    return str((await person.ask("GET", "/users/me"))["role"])


async def names(channel: Client) -> set[str]:
    found = await channel.call("fs.readDirectory", ReadDirectoryParams(path="/workspace"), Directory)
    return {entry.name for entry in found.entries}


async def kind_of(channel: Client, method: str, params: msgspec.Struct | None = None) -> str | None:
    """The kind of error that a call is answered with."""
    try:
        await channel.call(method, params, object)
    except RpcError as error:
        return error.kind
    return None


def member(person: Person) -> str:
    return f"/tenants/me/members/{person.id}"


# --- the tenant ---------------------------------------------------------------------------------------


async def test_a_tenant_is_renamed_by_its_admins_and_seen_by_all_in_it(gateway: Gateway) -> None:
    owner = await gateway.register(name="Ada Lovelace")
    viewer, admin = await owner.add("viewer"), await owner.add("admin")
    seen = await viewer.ask("GET", "/tenants/me")
    assert seen["name"] == "Ada Lovelace"
    assert (seen["id"], seen["role"]) == (owner.tenant, "viewer")
    await viewer.refused("NoPermissions", "PUT", "/tenants/me", {"name": "Mine"})
    await admin.ask("PUT", "/tenants/me", {"name": " Engines "})
    assert (await viewer.ask("GET", "/tenants/me"))["name"] == "Engines"
    await admin.refused("InvalidFields", "PUT", "/tenants/me", {"name": "\t"})
    [entry] = await gateway.audit(owner.tenant, "tenant.update")
    assert entry.user == admin.id


async def test_what_has_changed_since_it_was_read_is_not_overwritten(gateway: Gateway) -> None:
    owner = await gateway.register()
    other = await owner.add()
    changes: list[tuple[str, dict[str, str], dict[str, str]]] = [
        ("/tenants/me", {"name": "A"}, {"name": "B"}),
        (member(other), {"role": "viewer"}, {"role": "admin"}),
        ("/users/me", {"name": "A", "email": owner.email}, {"name": "B", "email": owner.email}),
    ]
    for path, first, second in changes:
        read = await owner.send("GET", path)
        etag = {"If-Match": read.headers["ETag"]}
        assert (await owner.send("GET", path, headers={"If-None-Match": read.headers["ETag"]})).status == 304
        await answer(await owner.send("PUT", path, first, etag), 200)
        await problem(await owner.send("PUT", path, second, etag), 412, "Conflict")
        now = await owner.send("GET", path)
        assert {**(await now.json()), **first} == await now.json()
        await answer(await owner.send("PUT", path, second, {"If-Match": now.headers["ETag"]}), 200)
    response = await owner.send("DELETE", member(other), headers={"If-Match": '"stale"'})
    await problem(response, 412, "Conflict")


# --- members ------------------------------------------------------------------------------------------


async def test_members_are_listed_by_address_in_pages(gateway: Gateway) -> None:
    owner = await gateway.register()
    people = [owner, *[await owner.add(role) for role in ("viewer", "member", "member", "admin")]]
    listed = []
    after = ""
    while True:
        page = await people[1].ask("GET", f"/tenants/me/members?limit=2{after}")
        listed += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert [one["email"] for one in listed] == sorted(person.email for person in people)
    assert set(listed[0]) == {"id", "email", "name", "role", "created_at", "removed_at"}
    some = await owner.ask("GET", "/tenants/me/members?role=member")
    assert {one["id"] for one in some["items"]} == {people[2].id, people[3].id}
    one = await people[1].ask("GET", member(owner))
    assert (one["email"], one["role"]) == (owner.email, "owner")
    await owner.refused("InvalidCursor", "GET", "/tenants/me/members?after=nonsense")


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_who_is_no_admin_manages_nobody(gateway: Gateway, role: Role) -> None:
    owner = await gateway.register()
    person, other = await owner.add(role), await owner.add("viewer")
    invitation = await owner.invite()
    form = {"email": "x@example.com", "role": "viewer"}
    await person.refused("NoPermissions", "PUT", member(person), {"role": "admin"})
    await person.refused("NoPermissions", "PUT", member(other), {"role": "viewer"})
    await person.refused("NoPermissions", "DELETE", member(other))
    await person.refused("NoPermissions", "DELETE", member(person))
    await person.refused("NoPermissions", "POST", f"{member(other)}/restore")
    await person.refused("NoPermissions", "POST", "/tenants/me/invitations", form)
    await person.refused("NoPermissions", "GET", "/tenants/me/invitations")
    await person.refused("NoPermissions", "DELETE", f"/tenants/me/invitations/{invitation['id']}")
    await person.refused("NoPermissions", "GET", "/tenants/me/members?removed=true")
    assert await role_of(other) == "viewer"


async def test_an_admin_makes_no_owner_and_touches_none(gateway: Gateway) -> None:
    owner = await gateway.register()
    admin, other = await owner.add("admin"), await owner.add()
    for person in (admin, other):
        await admin.refused("NoPermissions", "PUT", member(person), {"role": "owner"})
    await admin.refused("NoPermissions", "PUT", member(owner), {"role": "member"})
    await admin.refused("NoPermissions", "DELETE", member(owner))
    form = {"email": "x@example.com", "role": "owner"}
    await admin.refused("NoPermissions", "POST", "/tenants/me/invitations", form)
    invitation = await owner.invite(role="owner")
    await admin.refused("NoPermissions", "DELETE", f"/tenants/me/invitations/{invitation['id']}")
    second = await gateway.register(invitation["email"], invitation=invitation["code"])
    await owner.ask("DELETE", member(second), status=204)
    await admin.refused("NoPermissions", "POST", f"{member(second)}/restore")
    # What is left to them: all up to their own role, also their own.
    await admin.ask("PUT", member(other), {"role": "admin"})
    await other.ask("PUT", member(admin), {"role": "viewer"})
    assert [await role_of(one) for one in (owner, admin, other)] == ["owner", "viewer", "admin"]
    [*_, entry] = await gateway.audit(owner.tenant, "member.role")
    assert (entry.user, entry.resource) == (other.id, f"user/{admin.id}")
    assert entry.detail == {"was": "admin", "role": "viewer"}


async def test_the_last_owner_stays(gateway: Gateway) -> None:
    owner = await gateway.register()
    other = await owner.add("admin")
    await owner.refused("LastOwner", "PUT", member(owner), {"role": "admin"})
    await owner.refused("LastOwner", "DELETE", member(owner))
    await owner.ask("PUT", member(owner), {"role": "owner"})
    await owner.ask("PUT", member(other), {"role": "owner"})
    await owner.ask("PUT", member(owner), {"role": "member"})
    await other.refused("LastOwner", "DELETE", member(other))


async def test_two_owners_who_demote_each_other_at_once_leave_one(gateway: Gateway) -> None:
    one = await gateway.register()
    other = await one.add("owner")
    for _ in range(5):
        responses = await asyncio.gather(
            one.send("PUT", member(other), {"role": "member"}),
            other.send("PUT", member(one), {"role": "member"}),
            one.send("PUT", member(one), {"role": "admin"}),
        )
        assert any(response.status == 200 for response in responses)
        roles = {await role_of(one), await role_of(other)}
        assert "owner" in roles
        assert len(roles) == 2, "each tried to lower the other, and one of them came first"
        winner, loser = (one, other) if await role_of(one) == "owner" else (other, one)
        await winner.ask("PUT", member(loser), {"role": "owner"})


async def test_members_of_other_tenants_do_not_exist(gateway: Gateway) -> None:
    owner, stranger = await gateway.register(), await gateway.register()
    invitation = await stranger.invite()
    await owner.refused("NotFound", "GET", member(stranger))
    await owner.refused("NotFound", "PUT", member(stranger), {"role": "viewer"})
    await owner.refused("NotFound", "DELETE", member(stranger))
    await owner.refused("NotFound", "POST", f"{member(stranger)}/restore")
    await owner.refused("NotFound", "DELETE", f"/tenants/me/invitations/{invitation['id']}")
    assert await role_of(stranger) == "owner"


# --- leaving and coming back ----------------------------------------------------------------------------


async def test_a_removed_member_is_out_at_once_and_comes_back_with_all_they_had(gateway: Gateway) -> None:
    owner = await gateway.register()
    person = await owner.add("admin")
    assert (await person.put_file("/workspace/mine.txt", b"mine")).status == 201
    async with person.connect() as channel:
        await owner.ask("DELETE", member(person), status=204)
        async with asyncio.timeout(10):
            with pytest.raises(ChannelClosed, match="4401"):
                await anext(channel.notifications())
    await person.refused("Unauthorized", "GET", "/users/me")
    token = person.signed_in["refresh_token"]
    await problem(await gateway.auth("refresh", refresh_token=token), 401, "Unauthorized")
    await problem(await gateway.auth("login", email=person.email, password=PASSWORD), 401, "Unauthorized")
    assert person.id not in {one["id"] for one in (await owner.ask("GET", "/tenants/me/members"))["items"]}
    await owner.refused("NotFound", "GET", member(person))
    [removed] = (await owner.ask("GET", "/tenants/me/members?removed=true"))["items"]
    assert removed["id"] == person.id
    assert removed["removed_at"] >= removed["created_at"]
    form = {"email": person.email, "role": "member"}
    told = await owner.refused("Exists", "POST", "/tenants/me/invitations", form)
    assert f"{member(person)}/restore" in told["detail"]

    back = await owner.ask("POST", f"{member(person)}/restore")
    assert (back["role"], back["removed_at"]) == ("admin", None)
    await owner.refused("NotFound", "POST", f"{member(person)}/restore")
    person = await person.again()
    response = await person.send("GET", "/files/workspace/mine.txt")
    assert await response.read() == b"mine"
    for action in ("member.remove", "member.restore"):
        [entry] = await gateway.audit(owner.tenant, action)
        assert (entry.user, entry.resource) == (owner.id, f"user/{person.id}")


async def test_the_address_of_a_removed_member_is_free(gateway: Gateway) -> None:
    owner = await gateway.register()
    person = await owner.add()
    await owner.ask("DELETE", member(person), status=204)
    elsewhere = await gateway.register(person.email)
    assert elsewhere.tenant != owner.tenant
    await owner.refused("Exists", "POST", f"{member(person)}/restore")


# --- roles --------------------------------------------------------------------------------------------


async def test_a_viewer_reads_and_does_not_write(gateway: Gateway) -> None:
    owner = await gateway.register()
    viewer = await owner.add("viewer")
    assert (await viewer.send("GET", "/files/workspace/README.md")).status == 200
    await problem(await viewer.put_file("/workspace/new.txt", b""), 403, "NoPermissions")
    async with viewer.connect() as channel:
        assert len(WRITING) > 10
        for method in WRITING:
            assert await kind_of(channel, method) == "NoPermissions", method
        assert await kind_of(channel, "fs.writeFile", NEW) == "NoPermissions"
        assert await names(channel) == {"README.md"}


async def test_every_endpoint_that_writes_is_closed_to_viewers(gateway: Gateway) -> None:
    viewer = await (await gateway.register()).add("viewer")
    own = {
        "/auth/sessions",
        "/auth/sessions/{id}",
        "/sessions/{id}/open",
        "/users/me",
        "/users/me/password",
    }
    writing = [
        endpoint
        for resource in RESOURCES
        for endpoint in resource.endpoints
        if endpoint.method != "GET" and not endpoint.public and endpoint.path not in own
    ]
    assert len(writing) > 15
    for endpoint in writing:
        path = re.sub(r"\{.*?\}", "x", endpoint.path)
        await viewer.refused("NoPermissions", endpoint.method, path, {})


async def test_another_role_counts_at_once_also_on_open_sockets(gateway: Gateway) -> None:
    owner = await gateway.register()
    person = await owner.add()

    async def until(channel: Client, expected: str | None) -> None:
        async with asyncio.timeout(10):
            while await kind_of(channel, "fs.writeFile", NEW) != expected:  # each call is a round trip
                pass

    async with person.connect() as channel:
        await until(channel, None)
        await owner.ask("PUT", member(person), {"role": "viewer"})
        await problem(await person.put_file("/workspace/new.txt", b""), 403, "NoPermissions")
        await until(channel, "NoPermissions")
        await owner.ask("PUT", member(person), {"role": "member"})
        assert (await person.put_file("/workspace/new.txt", b"")).status == 201
        await until(channel, None)


async def test_after_all_that_the_store_fits_together(gateway: Gateway) -> None:
    owner = await gateway.register()
    person = await owner.add()
    await person.put_file("/home/kept.txt", b"kept")
    await owner.ask("DELETE", member(person), status=204)
    report = await check(gateway.database)
    assert report.names > 0
    assert [str(finding) for finding in report.found] == []
