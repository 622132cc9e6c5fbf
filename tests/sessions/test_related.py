"""`GET /api/v5/sessions/ID/related`."""

from __future__ import annotations

from typing import Any

import pytest

from fdb_provider.models import now_ms
from fdb_provider.scope import Scope
from tests.sessions.test_rest_sessions import make, opened
from tests.tenants.conftest import Gateway, Person
from theia_bridge.related import profiles
from theia_bridge.state import RELATED

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def related(person: Person, session: str, query: str = "") -> dict[str, dict[str, Any]]:
    """What is told of each session that belongs to one, by its name."""
    told = await person.ask("GET", f"/sessions/{session}/related{query}")
    assert [one["score"] for one in told["items"]] == sorted(
        (o["score"] for o in told["items"]), reverse=True
    )
    return {one["session"]["name"]: one for one in told["items"]}


def details(one: dict[str, Any]) -> dict[str, str]:
    return {reason["kind"]: reason["detail"] for reason in one["reasons"]}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles are made again whenever something has changed, and not half a minute later."""
    monkeypatch.setattr(profiles, "FRESH", 0)


async def look_at_all(person: Person) -> None:
    """What the collector does by and by: every session's profile is made."""
    app = person.gateway.client.app
    assert app is not None
    for one in (await person.ask("GET", "/sessions?limit=200"))["items"]:
        await app[RELATED].refresh(Scope(person.tenant, person.id, one["id"]))


async def test_sessions_are_related_by_all_they_have_in_common(gateway: Gateway) -> None:
    ada = await gateway.register()
    one = await opened(ada, (await make(ada, "Compiler", tags=["lang"]))["id"])
    id = one.signed_in["session"]["id"]
    for i in range(10):
        await one.put_file(f"/workspace/{i}.py", b"%d" % i)
    await ada.ask("POST", f"/sessions/{id}/fork", {"name": "Copy"}, status=201)
    other = await opened(ada, (await make(ada, "Other", tags=["LANG"]))["id"])
    for i in range(5):
        await other.put_file(f"/workspace/named-otherwise-{i}", b"%d" % i)
    talking = await opened(ada, (await make(ada, "Talk"))["id"])
    for person, title in ((one, "Grammar of the tokenizer"), (talking, "A question")):
        made = await person.ask("POST", "/conversations", {"title": title}, status=201)
        text = {"role": "user", "content": "How does the tokenizer read this grammar?"}
        await person.ask("POST", f"/conversations/{made['id']}/messages", text, status=201)
    await make(ada, "Apart", tags=["else"], description="Gardening")
    await look_at_all(ada)

    found = await related(ada, id)
    assert list(found) == ["Copy", "Other", "Talk"]
    assert details(found["Copy"]) == {
        "fork": "It was forked from this session",
        "contents": "10 files are the same",
        "tags": "Both are tagged lang",
    }
    assert details(found["Other"]) == {"contents": "5 files are the same", "tags": "Both are tagged lang"}
    assert list(details(found["Talk"])) == ["words"]
    assert details(found["Talk"])["words"].startswith("Both speak of ")
    assert "tokenizer" in details(found["Talk"])["words"]
    assert list(await related(ada, id, "?limit=1")) == ["Copy"]
    assert (await ada.send("GET", f"/sessions/{id}/related?limit=0")).status == 422
    assert list(await related(ada, found["Talk"]["session"]["id"])) == ["Compiler"]


async def test_the_answer_follows_what_is_done(gateway: Gateway) -> None:
    """Sessions that are made, changed, deleted and restored; files that change, in whatever session."""
    ada = await gateway.register()
    one = await opened(ada, (await make(ada, "One", tags=["a"]))["id"])
    id = one.signed_in["session"]["id"]
    assert await related(ada, id) == {}
    other = await opened(ada, (await make(ada, "Two", tags=["a"]))["id"])
    path = f"/sessions/{other.signed_in['session']['id']}"
    assert list(await related(ada, id)) == ["Two"]
    await ada.ask("PUT", path, {"name": "Renamed", "tags": ["b"]})
    assert await related(ada, id) == {}
    for i in range(3):
        await one.put_file(f"/workspace/{i}", b"%d" % i)
        await other.put_file(f"/workspace/{i}", b"%d" % i)
    await look_at_all(ada)
    found = await related(ada, id)
    assert details(found["Renamed"]) == {"contents": "3 files are the same"}
    before = now_ms()
    again = await opened(ada, other.signed_in["session"]["id"])
    assert (await related(ada, id))["Renamed"]["session"]["used_at"] >= before
    await again.put_file("/workspace/0", b"changed")
    await look_at_all(ada)
    assert details((await related(ada, id))["Renamed"]) == {"contents": "2 files are the same"}
    await ada.ask("DELETE", path, status=204)
    assert await related(ada, id) == {}
    await ada.ask("POST", f"{path}/restore")
    assert list(await related(ada, id)) == ["Renamed"]


async def test_what_every_session_begins_with_is_no_reason(gateway: Gateway) -> None:
    ada = await gateway.register()
    id = ada.signed_in["session"]["id"]
    for i in range(12):
        await ada.ask("POST", f"/sessions/{id}/fork", {"name": f"Fork {i}"}, status=201)
    await look_at_all(ada)
    found = await related(ada, id, "?limit=100")
    assert len(found) == 12
    assert all("contents" not in details(one) for one in found.values())


async def test_nothing_is_told_of_others_sessions(gateway: Gateway) -> None:
    """Two members of a tenant with equal files, tags and words: each finds only what is their own."""
    ada = await gateway.register()
    eve = await ada.add()
    for person in (ada, eve):
        for name in ("Secret plan", "Secret plan again"):
            made = await opened(person, (await make(person, name, tags=["secret"]))["id"])
            await made.put_file("/workspace/same", b"same")
        await look_at_all(person)
    mine = {one["id"] for one in (await eve.ask("GET", "/sessions"))["items"]}
    for id in mine:
        told = await eve.ask("GET", f"/sessions/{id}/related")
        assert {one["session"]["id"] for one in told["items"]} <= mine
