"""`/api/v5/audit`: who sees what, and what is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from fdb_provider import keyspace
from fdb_provider.engine.url import open_database
from fdb_provider.models import Audit
from fdb_provider.repositories.audit import AUDIT
from rpc import RpcError
from tests.tenants.conftest import Answer, Gateway, Person, serve
from theia_bridge import observations
from theia_bridge.methods.protocol import FileContent, PathParams, Stat, WriteFileParams
from theia_bridge.observations import Observations

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def told(person: Person, **query: Any) -> list[Answer]:
    """All that a query finds, page by page, the newest first."""
    found: list[Answer] = []
    while True:
        page = await person.ask("GET", f"/audit?{urlencode(query)}")
        found += page["items"]
        if page["next"] is None:
            return found
        query["after"] = page["next"]


def counted(entries: list[Answer]) -> Counter[tuple[str, ...]]:
    """How often what was refused; what is written by and by may come in several entries."""
    counts: Counter[tuple[str, ...]] = Counter()
    for entry in entries:
        counts[entry["resource"], *entry["detail"].values()] += entry["count"]
    return counts


async def test_admins_see_all_and_others_what_they_did_themselves(gateway: Gateway) -> None:
    owner = await gateway.register()
    member = await owner.add()
    admin = await owner.add("admin")
    stranger = await gateway.register()
    await member.put_file("/workspace/a.txt", b"1")
    for boss in (owner, admin):
        assert {entry["user"] for entry in await told(boss)} >= {owner.id, member.id}
        assert stranger.id not in {entry["user"] for entry in await told(boss)}
        assert {entry["user"] for entry in await told(boss, user=member.id)} == {member.id}
        assert await told(boss, user=stranger.id) == []
    assert {entry["user"] for entry in await told(member)} == {member.id}
    assert {entry["user"] for entry in await told(member, user=member.id)} == {member.id}
    await member.refused("NoPermissions", "GET", f"/audit?user={owner.id}")


async def test_an_entry_tells_who_what_where_when_and_in_which_request(gateway: Gateway) -> None:
    owner = await gateway.register()
    member = await owner.add()
    response = await owner.send("PUT", f"/tenants/me/members/{member.id}", {"role": "viewer"})
    (entry,) = await told(owner, action="member.role", resource=f"user/{member.id}")
    assert entry["request"] == response.headers["X-Request-Id"]
    assert (entry["user"], entry["session"]) == (owner.id, owner.signed_in["session"]["id"])
    assert (entry["address"], entry["outcome"], entry["count"]) == ("127.0.0.1", "done", 1)
    assert entry["detail"] == {"was": "member", "role": "viewer"}
    assert await told(owner, action="member.role", until=entry["at"]) == []
    assert await told(owner, action="member.role", since=entry["at"]) == [entry]
    wrong = await owner.refused("InvalidFields", "GET", "/audit?action=member.eat")
    assert "member.role" in wrong["errors"][0]["detail"]


async def test_files_are_told_of_as_soon_as_it_is_asked(gateway: Gateway) -> None:
    owner = await gateway.register()
    session = owner.signed_in["session"]["id"]
    async with owner.connect() as client:
        for data in (b"1", b"2", b"3"):
            params = WriteFileParams(path="/workspace/ä b.txt", content=data)
            await client.call("fs.writeFile", params, Stat)
        await client.call("fs.writeFile", WriteFileParams(path="/home/x", content=b""), Stat)
    resource = f"session/{session}/workspace/ä b.txt"
    assert [(e["action"], e["count"]) for e in await told(owner, resource=resource)] == [
        ("file.update", 2),
        ("file.add", 1),
    ]
    (home,) = await told(owner, resource=f"user/{owner.id}/home/x")
    assert (home["user"], home["session"]) == (owner.id, "")
    many = await told(owner, limit=1)
    assert [entry["at"] for entry in many] == sorted((e["at"] for e in many), reverse=True)


async def test_refusals_are_told_and_counted_together(gateway: Gateway) -> None:
    owner = await gateway.register()
    member = await owner.add()
    for _ in range(3):
        await member.refused("NoPermissions", "PUT", "/tenants/me", {"name": "Mine"})
    await member.refused("NotFound", "GET", "/tenants/me/members/nobody")
    refused = await told(owner, action="access.refuse", user=member.id)
    assert counted(refused) == {
        ("user/nobody", "GET /api/v5/tenants/me/members/{id}", "404"): 1,
        ("", "PUT /api/v5/tenants/me", "403"): 3,
    }
    assert all(entry["outcome"] == "refused" for entry in refused)


async def test_a_wrong_password_is_told_to_the_tenant_whose_it_is(gateway: Gateway) -> None:
    owner = await gateway.register()
    for _ in range(2):
        assert (await gateway.auth("login", email=owner.email, password="wrong horse")).status == 401
    refused = [e for e in await told(owner, action="auth.login") if e["outcome"] == "refused"]
    assert {(entry["user"], entry["address"]) for entry in refused} == {(owner.id, "127.0.0.1")}
    assert sum(entry["count"] for entry in refused) == 2


async def test_who_is_unknown_is_told_to_the_operator(gateway: Gateway) -> None:
    owner = await gateway.register()
    token = owner.token
    owner.signed_in["access_token"] = "x.y.z"
    await owner.refused("Unauthorized", "GET", "/tenants/me/members/secret-path")
    owner.signed_in["access_token"] = token
    await told(owner)
    entries = await gateway.audit(keyspace.SYSTEM, "access.refuse")
    mine = [e for e in entries if e.detail["request"] == "GET /api/v5/tenants/me/members/{id}"]
    assert [(e.user, e.resource, e.detail["status"]) for e in mine] == [("", "", "401")]
    assert not any("secret-path" in str(entry) for entry in entries)


async def test_calls_that_are_refused_are_told(gateway: Gateway) -> None:
    owner = await gateway.register()
    viewer = await owner.add("viewer")
    async with viewer.connect() as client:
        with pytest.raises(RpcError):
            await client.call("fs.writeFile", WriteFileParams(path="/workspace/x", content=b""), Stat)
        with pytest.raises(RpcError):  # nothing is refused by that
            await client.call("fs.stat", PathParams(path="/workspace/nothing"), Stat)
    (refused,) = await told(owner, action="access.refuse", user=viewer.id)
    assert refused["detail"] == {"request": "fs.writeFile", "kind": "NoPermissions"}
    assert refused["address"] == "127.0.0.1"


@pytest.mark.parametrize("reads", ["none", "rest", "all"])
async def test_reads_are_told_if_the_settings_say_so(tmp_path: Path, reads: str) -> None:
    client = await serve(f"embedded:{tmp_path / 'store'}", tmp_path, audit_reads=reads)
    try:
        owner = await Gateway(client).register()
        await owner.put_file("/workspace/a", b"1")
        assert (await owner.send("GET", "/files/workspace/a")).status == 200
        await owner.ask("GET", f"/tenants/me/members/{owner.id}")
        await owner.ask("GET", "/tenants/me/members")
        async with owner.connect() as channel:
            await channel.call("fs.readFile", PathParams(path="/workspace/a"), FileContent)
            await channel.call("fs.stat", PathParams(path="/workspace/a"), Stat)
        file = f"session/{owner.signed_in['session']['id']}/workspace/a"
        rest = {
            ("GET /api/v5/files/{path}", file),
            ("GET /api/v5/tenants/me/members/{id}", f"user/{owner.id}"),
        }
        expected = {"none": set(), "rest": rest, "all": {*rest, ("fs.readFile", file)}}
        found = await told(owner, action="access.read")
        assert {(e["detail"]["request"], e["resource"]) for e in found} == expected[reads]
    finally:
        await client.close()


# --- what waits to be written -------------------------------------------------------------------------


async def in_store(gateway: Gateway, tenant: str) -> list[Audit]:
    return await gateway.audit(tenant, "access.refuse")


async def test_what_waits_is_bounded_and_what_is_dropped_is_counted(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(observations, "WAITING", 5)
    monkeypatch.setattr(observations, "WAITING_OF_NOBODY", 2)
    owner = await gateway.register()
    waiting = Observations(gateway.database)
    for n in range(8):
        waiting.note(owner.actor, "access.refuse", f"{n}", refused=True)
        waiting.note(owner.actor, "access.refuse", "0", refused=True)
    assert waiting.dropped == 3
    await waiting.close()
    assert "3 entries" in caplog.text
    entries = await in_store(gateway, owner.tenant)
    assert {entry.resource: entry.count for entry in entries} == {"0": 9, "1": 1, "2": 1, "3": 1, "4": 1}


async def test_what_waits_is_written_when_the_server_ends(tmp_path: Path) -> None:
    store = f"embedded:{tmp_path / 'store'}"
    client = await serve(store, tmp_path)
    owner = await Gateway(client).register()
    await owner.refused("NotFound", "GET", "/tenants/me/members/nobody")
    await client.close()
    database = await open_database(store)
    try:
        entries = await database.read(
            lambda tr: AUDIT.by_index(tr, owner.tenant, "by_action_time", "access.refuse")
        )
        assert [entry.resource for entry in entries] == ["user/nobody"]
    finally:
        await database.close()
