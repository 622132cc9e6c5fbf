"""`/api/v5/sessions`."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from fdb_provider.files import content
from fdb_provider.files.retention import DAY
from fdb_provider.fsck.check import check
from fdb_provider.models import Limits
from fdb_provider.repositories import accounts, purge
from fdb_provider.repositories.conversations import CONVERSATIONS
from fdb_provider.repositories.workspace_sessions import SESSIONS
from fdb_provider.scope import Scope
from rpc import ChannelClosed
from tests.files.conftest import sweep
from tests.tenants.conftest import Gateway, Person, answer
from theia_bridge.methods.protocol import WorkspaceInfo
from theia_bridge.services.sessions import DESCRIPTION_LIMIT, TAG_LIMIT, TAGS, forked
from theia_bridge.state import FILES

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def make(person: Person, name: str = "New", **fields: object) -> dict[str, Any]:
    return await person.ask("POST", "/sessions", {"name": name, **fields}, status=201)


async def names(person: Person, query: str = "") -> list[str]:
    """Names of the sessions that are listed, page by page."""
    found: list[str] = []
    after = ""
    while True:
        page = await person.ask("GET", f"/sessions?{query}{after}")
        found += [item["name"] for item in page["items"]]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


async def opened(person: Person, session: str) -> Person:
    """The same person in another session."""
    told = await person.ask("POST", f"/sessions/{session}/open")
    return Person(person.gateway, person.signed_in | told)


async def test_a_session_from_its_beginning_to_its_end(gateway: Gateway) -> None:
    ada = await gateway.register()
    fields = {"name": "Trees", "tags": ["oak", "Elm"], "description": "All about trees."}
    response = await ada.send("POST", "/sessions", fields)
    made = await answer(response, 201)
    assert made | fields == made
    assert (made["parent"], made["forked_at"], made["deleted_at"]) == (None, None, None)
    assert made["created_at"] == made["updated_at"] == made["used_at"]
    path = f"/sessions/{made['id']}"
    assert response.headers["Location"] == f"/api/v5{path}"
    response = await ada.send("GET", path)
    assert await answer(response, 200) == made
    etag = response.headers["ETag"]

    change = {"name": " Oaks ", "tags": ["oak ", "OAK", "tree"]}
    response = await ada.send("PUT", path, change, {"If-Match": etag})
    changed = await answer(response, 200)
    assert (changed["name"], changed["tags"], changed["description"]) == ("Oaks", ["oak", "tree"], "")
    assert changed["updated_at"] > made["updated_at"]
    for method, body in (("PUT", change), ("DELETE", None)):
        stale = await ada.send(method, path, body, {"If-Match": etag})  # type: ignore[arg-type]
        assert stale.status == 412

    assert (await ada.send("DELETE", path, headers={"If-Match": response.headers["ETag"]})).status == 204
    for method, below in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/related"), ("POST", "/open")]:
        await ada.refused("NotFound", method, path + below, change if method == "PUT" else None)  # type: ignore[arg-type]
    await ada.refused("NotFound", "POST", f"{path}/fork")
    assert await names(ada) == ["My workspace"]
    trashed = (await ada.ask("GET", "/sessions?deleted=true"))["items"]
    assert [one["id"] for one in trashed] == [made["id"]]
    assert trashed[0]["deleted_at"] >= changed["updated_at"]

    for _ in range(2):  # the second time there is nothing to do
        assert await ada.ask("POST", f"{path}/restore") == changed
    assert await names(ada, "deleted=true") == []
    assert sorted(await names(ada)) == ["My workspace", "Oaks"]
    for action in ("create", "update", "delete", "restore"):
        (entry,) = await gateway.audit(ada.tenant, f"session.{action}")
        assert (entry.user, entry.resource) == (ada.id, f"session/{made['id']}")


async def test_what_a_session_may_be_called(gateway: Gateway) -> None:
    ada = await gateway.register()
    wrong: list[dict[str, object]] = [
        {"name": ""},
        {"name": " "},
        {"name": "a\nb"},
        {"name": "n" * 201},
        {"name": "n", "tags": [""]},
        {"name": "n", "tags": ["t" * (TAG_LIMIT + 1)]},
        {"name": "n", "tags": [str(i) for i in range(TAGS + 1)]},
        {"name": "n", "description": "d" * (DESCRIPTION_LIMIT + 1)},
    ]
    for fields in wrong:
        told = await ada.refused("InvalidFields", "POST", "/sessions", fields)
        assert told["errors"][0]["pointer"] == f"#/{list(fields)[-1]}"
    assert await names(ada) == ["My workspace"]
    much = [f"{i:0{TAG_LIMIT}}" for i in range(TAGS)]
    made = await make(ada, "n" * 200, tags=[*much, much[0]], description="d" * DESCRIPTION_LIMIT)
    assert made["tags"] == much


async def test_sessions_are_listed_in_three_orders_and_by_tag(gateway: Gateway) -> None:
    ada = await gateway.register()
    first = (await ada.ask("GET", "/sessions"))["items"][0]
    made = {}
    for name, tags in [("beta", ["x"]), ("Alpha", ["x", "y"]), ("gamma", []), ("émile", ["y"])]:
        made[name] = (await make(ada, name, tags=tags))["id"]
    await ada.ask("POST", f"/sessions/{made['beta']}/open")
    await ada.ask("POST", f"/sessions/{first['id']}/open")
    newest = ["émile", "gamma", "Alpha", "beta", "My workspace"]
    assert await names(ada, "sort=created&limit=2") == newest
    assert await names(ada, "sort=used&limit=2") == ["My workspace", "beta", "émile", "gamma", "Alpha"]
    assert await names(ada, "sort=name&limit=2") == ["Alpha", "beta", "gamma", "My workspace", "émile"]
    assert await names(ada, "tag=x&limit=1") == ["beta", "Alpha"]
    assert await names(ada, "tag=x&sort=name&limit=1") == ["Alpha", "beta"]
    assert await names(ada, "tag=y&sort=created") == ["émile", "Alpha"]
    assert await names(ada, "tag=z") == []
    await ada.ask("DELETE", f"/sessions/{made['Alpha']}", status=204)
    assert await names(ada, "tag=x") == ["beta"]
    assert await names(ada, "deleted=true&tag=x") == ["Alpha"]
    assert await names(ada, "deleted=true&tag=z") == []
    await ada.refused("InvalidCursor", "GET", "/sessions?after=nonsense")
    assert (await ada.send("GET", "/sessions?sort=size")).status == 422


async def test_nobody_else_sees_a_session(gateway: Gateway) -> None:
    """Neither another tenant's owner nor another member; nor does either change it."""
    ada = await gateway.register()
    made = await make(ada, "Secret", tags=["hidden"])
    await ada.ask("DELETE", f"/sessions/{(await make(ada, 'Gone'))['id']}", status=204)
    for other in (await gateway.register(), await ada.add(role="admin")):
        assert await names(other) == ["My workspace"]
        assert await names(other, "tag=hidden") == await names(other, "deleted=true") == []
        for method, below, body in [
            ("GET", "", None),
            ("PUT", "", {"name": "Mine"}),
            ("DELETE", "", None),
            ("POST", "/restore", None),
            ("POST", "/fork", None),
            ("POST", "/open", None),
            ("GET", "/related", None),
        ]:
            await other.refused("NotFound", method, f"/sessions/{made['id']}{below}", body)  # type: ignore[arg-type]
    assert await ada.ask("GET", f"/sessions/{made['id']}") == made


async def test_a_viewer_opens_sessions_and_changes_none(gateway: Gateway) -> None:
    owner = await gateway.register()
    viewer = await owner.add(role="viewer")
    mine = (await viewer.ask("GET", "/sessions"))["items"][0]["id"]
    await viewer.refused("NoPermissions", "POST", "/sessions", {"name": "n"})
    for method, below in [("PUT", ""), ("DELETE", ""), ("POST", "/restore"), ("POST", "/fork")]:
        body = {"name": "n"} if method == "PUT" else None
        await viewer.refused("NoPermissions", method, f"/sessions/{mine}{below}", body)  # type: ignore[arg-type]
    await viewer.ask("GET", f"/sessions/{mine}/related")
    assert (await opened(viewer, mine)).token != viewer.token


async def test_opening_leads_to_the_files_of_that_session(gateway: Gateway) -> None:
    ada = await gateway.register()
    made = await make(ada, "Second")
    second = await opened(ada, made["id"])
    assert second.signed_in["token_type"] == "Bearer"
    assert second.signed_in["expires_in"] > 0
    assert second.signed_in["session"]["used_at"] >= made["used_at"]
    assert (await second.put_file("/workspace/here", b"second")).status == 201
    assert (await ada.send("GET", "/files/workspace/here")).status == 404
    assert await (await second.send("GET", "/files/workspace/here")).read() == b"second"
    async with second.connect() as client:
        assert (await client.call("workspace.info", None, WorkspaceInfo)).session == made["id"]
    (entry,) = await gateway.audit(ada.tenant, "session.open")
    assert entry.resource == f"session/{made['id']}"


async def test_deleting_a_session_ends_what_is_open_in_it(gateway: Gateway) -> None:
    """Its sockets and its tokens; the sign-in goes on in another session, in the end in a new one."""
    ada = await gateway.register()
    first = ada.signed_in["session"]["id"]
    second = await opened(ada, (await make(ada, "Second"))["id"])
    async with ada.connect() as here, second.connect() as there:
        await second.ask("DELETE", f"/sessions/{second.signed_in['session']['id']}", status=204)
        async with asyncio.timeout(10):
            with pytest.raises(ChannelClosed, match=r"4401.*was deleted"):
                await anext(there.notifications())
        assert (await here.call("workspace.info", None, WorkspaceInfo)).session == first
        told = await second.refused("Unauthorized", "GET", "/users/me")
        assert told["reason"] == "session-gone"
        await ada.ask("DELETE", f"/sessions/{first}", status=204)
    refreshed = await answer(await gateway.auth("refresh", refresh_token=ada.signed_in["refresh_token"]), 200)
    assert refreshed["session"]["id"] not in (first, second.signed_in["session"]["id"])
    again = await gateway.login(ada.email)
    assert again.signed_in["session"] == refreshed["session"]
    assert await names(again) == ["My workspace"]
    assert sorted(await names(again, "deleted=true")) == ["My workspace", "Second"]


async def test_a_fork_has_the_files_and_what_is_said_of_the_session(gateway: Gateway) -> None:
    ada = await gateway.register()
    parent = await opened(ada, (await make(ada, "Trees", tags=["oak"], description="Of trees"))["id"])
    for name in ("a", "b"):
        await parent.put_file(f"/workspace/{name}", name.encode() * 5000)
    path = f"/sessions/{parent.signed_in['session']['id']}/fork"
    response = await ada.send("POST", path)
    made = await answer(response, 201)
    assert response.headers["Location"] == f"/api/v5/sessions/{made['id']}"
    assert (made["name"], made["tags"], made["description"]) == ("Trees (fork)", ["oak"], "Of trees")
    assert made["parent"] == parent.signed_in["session"]["id"]
    assert made["forked_at"] == made["created_at"]
    fork = await opened(ada, made["id"])
    await parent.put_file("/workspace/a", b"changed")
    assert await (await fork.send("GET", "/files/workspace/a")).read() == b"a" * 5000
    await fork.put_file("/workspace/b", b"mine")
    assert await (await parent.send("GET", "/files/workspace/b")).read() == b"b" * 5000
    again = await ada.ask("POST", f"/sessions/{made['id']}/fork", status=201)
    assert again["name"] == "Trees (fork 2)"
    named = await ada.ask("POST", path, {"name": " Own name "}, status=201)
    assert named["name"] == "Own name"
    await ada.refused("InvalidFields", "POST", path, {"name": ""})
    forks = f"parent={parent.signed_in['session']['id']}"
    assert await names(ada, f"{forks}&limit=1") == ["Own name", "Trees (fork)"]
    assert await names(ada, f"{forks}&tag=oak&sort=name") == ["Own name", "Trees (fork)"]
    assert await names(ada, f"{forks}&tag=elm") == []
    entries = await gateway.audit(ada.tenant, "session.fork")
    assert [entry.resource for entry in entries] == [f"session/{one['id']}" for one in (made, again, named)]
    assert entries[0].detail == {"parent": made["parent"]}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A", "A (fork)"),
        ("A (fork)", "A (fork 2)"),
        ("A (fork 9)", "A (fork 10)"),
        ("A (fork 1234567)", "A (fork 1234567) (fork)"),
        ("(fork)", "(fork) (fork)"),
        ("n" * 200, "n" * 193 + " (fork)"),
    ],
)
async def test_the_name_of_a_fork(name: str, expected: str) -> None:
    assert forked(name) == expected


async def test_sessions_have_a_quota(gateway: Gateway) -> None:
    """Of those that are not in the trash; also where several are made at once."""
    ada = await gateway.register()
    tenant = await gateway.database.read(lambda tr: accounts.tenant(tr, ada.tenant))
    assert tenant is not None
    limited = Limits(user_sessions=3)

    async def limit() -> None:
        changed = msgspec.structs.replace(tenant, limits=limited)
        await gateway.database.run(lambda tr: accounts.TENANTS.put(tr, ada.tenant, changed))

    await limit()
    results = await asyncio.gather(*(ada.send("POST", "/sessions", {"name": f"{i}"}) for i in range(5)))
    assert sorted(response.status for response in results) == [201, 201, 507, 507, 507]
    told = await ada.refused("QuotaExceeded", "POST", f"/sessions/{ada.signed_in['session']['id']}/fork")
    assert "3 sessions" in told["detail"]
    gone = (await ada.ask("GET", "/sessions"))["items"][0]["id"]
    await ada.ask("DELETE", f"/sessions/{gone}", status=204)
    await ada.ask("POST", f"/sessions/{ada.signed_in['session']['id']}/fork", status=201)
    await ada.refused("QuotaExceeded", "POST", f"/sessions/{gone}/restore")
    assert len(await names(ada)) == 3


async def test_a_session_that_was_in_the_trash_for_long_is_purged_with_all_it_had(gateway: Gateway) -> None:
    ada = await gateway.register()
    gone = await opened(ada, (await make(ada, "Gone"))["id"])
    session = gone.signed_in["session"]["id"]
    await gone.put_file("/workspace/a", b"only here")
    fork = await gone.ask("POST", f"/sessions/{session}/fork", status=201)
    await gone.put_file("/workspace/a", b"and this")
    await gone.ask("POST", "/conversations", {"id": "talk", "title": "About it"}, status=201)
    await ada.ask("GET", f"/sessions/{session}/related")
    await ada.ask("DELETE", f"/sessions/{session}", status=204)
    tenant, database = ada.tenant, gateway.database
    assert not await purge.step(database, SESSIONS, tenant, content.now() - DAY)
    assert await names(ada, "deleted=true") == ["Gone"]
    await purge.step(database, SESSIONS, tenant, content.now() + DAY)
    await ada.refused("NotFound", "POST", f"/sessions/{session}/restore")
    assert await names(ada, "deleted=true") == []
    talk = await database.read(lambda tr: CONVERSATIONS.get(tr, tenant, ada.id, "talk", deleted=True))
    assert talk is None
    assert gateway.client.app is not None
    await sweep(
        gateway.client.app[FILES], Scope(tenant, ada.id, fork["id"]), content.now() + 2 * content.GRACE
    )
    report = await check(database)
    assert [finding for finding in report.found if finding.tenant == tenant] == []
    kept = (await ada.ask("GET", "/tenants/me/usage"))["tenant"]
    assert kept["files"] == 2  # the fork's, and the welcome in the first session
    assert (
        await (await (await opened(ada, fork["id"])).send("GET", "/files/workspace/a")).read() == b"only here"
    )
    assert [entry.resource for entry in await gateway.audit(tenant, "file.update")] == [
        f"session/{session}/workspace/a"
    ]
