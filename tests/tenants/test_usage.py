"""`/api/v5/tenants/me/usage`: how much is kept, and who may know."""

from __future__ import annotations

import pytest

from tests.tenants.conftest import Gateway, answer

pytestmark = pytest.mark.asyncio(loop_scope="module")
USAGE = "/tenants/me/usage"


async def test_admins_see_what_each_member_and_each_session_keeps(gateway: Gateway) -> None:
    owner = await gateway.register()
    admin, member = await owner.add("admin"), await owner.add()
    before = await member.ask("GET", USAGE)
    await answer(await member.put_file("/workspace/a.bin", b"a" * 1000), 201)
    await answer(await member.put_file("/home/b.bin", b"b" * 500), 201)
    after = await member.ask("GET", USAGE)
    grown = {name: after[name]["bytes"] - before[name]["bytes"] for name in after}
    assert grown == {"tenant": 1500, "user": 500, "session": 1000}
    assert after["session"]["files"] - before["session"]["files"] == 1
    assert (await owner.ask("GET", USAGE))["tenant"] == after["tenant"]

    homes = {one["id"]: one for one in (await admin.ask("GET", f"{USAGE}/users"))["items"]}
    assert set(homes) == {owner.id, admin.id, member.id}
    assert homes[member.id]["home"] == after["user"]
    assert homes[member.id]["email"] == member.email
    sessions = (await admin.ask("GET", f"{USAGE}/sessions"))["items"]
    assert {one["user"] for one in sessions} == {owner.id, admin.id, member.id}
    [own] = (await admin.ask("GET", f"{USAGE}/sessions?user={member.id}"))["items"]
    assert own["id"] == member.signed_in["session"]["id"]
    assert own["workspace"] == after["session"]
    total = sum(one["workspace"]["bytes"] for one in sessions)
    total += sum(one["home"]["bytes"] for one in homes.values())
    assert total == after["tenant"]["bytes"]

    # It is all they see: the session itself is its owner's alone.
    await admin.refused("NotFound", "GET", f"/sessions/{own['id']}")
    for path in (f"{USAGE}/users", f"{USAGE}/sessions", f"{USAGE}/sessions?user={member.id}"):
        await member.refused("NoPermissions", "GET", path)


async def test_what_a_removed_member_keeps_stays_in_sight(gateway: Gateway) -> None:
    owner = await gateway.register()
    member = await owner.add()
    await answer(await member.put_file("/home/b.bin", b"b" * 500), 201)
    before = await owner.ask("GET", USAGE)
    await owner.ask("DELETE", f"/tenants/me/members/{member.id}", status=204)
    assert (await owner.ask("GET", USAGE))["tenant"] == before["tenant"]
    assert len((await owner.ask("GET", f"{USAGE}/users"))["items"]) == 1
    [removed] = (await owner.ask("GET", f"{USAGE}/users?removed=true"))["items"]
    assert (removed["id"], removed["home"]["bytes"]) == (member.id, 500)
    assert removed["removed_at"]
    assert len((await owner.ask("GET", f"{USAGE}/sessions?user={member.id}"))["items"]) == 1


async def test_usage_is_listed_in_pages_and_of_the_own_tenant_only(gateway: Gateway) -> None:
    owner, stranger = await gateway.register(), await gateway.register()
    people = {owner.id, *[(await owner.add()).id for _ in range(2)]}
    for kind, whose in (("users", "id"), ("sessions", "user")):
        page = await owner.ask("GET", f"{USAGE}/{kind}?limit=2")
        rest = await owner.ask("GET", f"{USAGE}/{kind}?limit=2&after={page['next']}")
        assert {one[whose] for one in page["items"] + rest["items"]} == people
        assert rest["next"] is None
        await owner.refused("InvalidCursor", "GET", f"{USAGE}/{kind}?after=nonsense")
    assert (await owner.ask("GET", f"{USAGE}/sessions?user={stranger.id}"))["items"] == []
