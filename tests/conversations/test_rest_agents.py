"""`/api/v5/agents`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conversations.conftest import Caller, Gateway, answer, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODER = {
    "name": "Coder",
    "description": "Writes code",
    "prompt": "You write code. 🌳",
    "model": "echo",
    "tools": ["fs.readFile", "search.text"],
}


async def make(caller: Caller, **changed: object) -> dict[str, Any]:
    made: dict[str, Any] = await answer(await caller.send("POST", "/agents", CODER | changed), 201)
    return made


async def names(caller: Caller, query: str = "") -> list[str]:
    page = await answer(await caller.send("GET", f"/agents?{query}"))
    return [item["name"] for item in page["items"]]


async def test_an_agent_from_its_beginning_to_its_end(gateway: Gateway) -> None:
    caller = await gateway.user()
    response = await caller.send("POST", "/agents", CODER)
    made = await answer(response, 201)
    assert made | CODER == made
    assert made["created_by"] == caller.actor.scope.user
    path = f"/agents/{made['id']}"
    assert response.headers["Location"] == f"/api/v5{path}"
    response = await caller.send("GET", path)
    assert await answer(response) == made
    etag = response.headers["ETag"]
    response = await caller.send("PUT", path, {"name": " Tester "}, if_match=etag)
    changed = await answer(response)
    assert (changed["name"], changed["prompt"], changed["tools"]) == ("Tester", "", [])
    assert (await caller.send("PUT", path, CODER, if_match=etag)).status == 412
    assert (await caller.send("DELETE", path, if_match=etag)).status == 412
    assert (await caller.send("DELETE", path)).status == 204
    for method, body in [("GET", None), ("PUT", CODER), ("DELETE", None)]:
        assert (await problem(await caller.send(method, path, body), 404))["kind"] == "NotFound"
    assert await names(caller) == []
    assert await answer(await caller.send("POST", f"{path}/restore")) == changed


async def test_a_name_is_unique_in_the_tenant_whatever_its_case(gateway: Gateway) -> None:
    caller = await gateway.user()
    sent = (caller.send("POST", "/agents", CODER | {"name": name}) for name in ("Coder", "CODER", "coder "))
    assert sorted(response.status for response in await asyncio.gather(*sent)) == [201, 409, 409]
    other = await make(caller, name="Other")
    taken = await problem(await caller.send("PUT", f"/agents/{other['id']}", {"name": "ᶜoder"}), 409)
    assert taken["kind"] == "Exists"
    assert "take another name" in taken["detail"]
    # One may be written in another way, another tenant has names of its own, and a deleted one's is free.
    await answer(await caller.send("PUT", f"/agents/{other['id']}", {"name": "OTHER"}))
    await make(await gateway.user(), name="Coder")
    await caller.send("DELETE", f"/agents/{other['id']}")
    await make(caller, name="other")
    assert (await problem(await caller.send("POST", f"/agents/{other['id']}/restore"), 409))[
        "kind"
    ] == "Exists"


async def test_all_read_and_those_who_may_change(gateway: Gateway) -> None:
    owner = await gateway.user()
    maker, member = [await gateway.user(beside=owner, role="member") for _ in range(2)]
    admin = await gateway.user(beside=owner, role="admin")
    viewer = await gateway.user(beside=owner, role="viewer")
    stranger = await gateway.user()
    path = f"/agents/{(await make(maker))['id']}"
    for caller in (owner, maker, member, admin, viewer):
        await answer(await caller.send("GET", path))
        assert await names(caller) == ["Coder"]
    assert (await stranger.send("GET", path)).status == 404
    assert await names(stranger) == []
    for caller, status in [(member, 403), (viewer, 403), (stranger, 404), (admin, 200), (maker, 200)]:
        assert (await caller.send("PUT", path, CODER)).status == status
    for caller, status in [(member, 403), (viewer, 403), (stranger, 404), (admin, 204), (maker, 404)]:
        assert (await caller.send("DELETE", path)).status == status
    for caller, status in [(member, 403), (viewer, 403), (stranger, 404), (maker, 200)]:
        assert (await caller.send("POST", f"{path}/restore")).status == status
    assert (await viewer.send("POST", "/agents", CODER | {"name": "Mine"})).status == 403


async def test_agents_are_listed_by_name_and_by_who_made_them(gateway: Gateway) -> None:
    caller = await gateway.user()
    other = await gateway.user(beside=caller, role="member")
    for name in ("Zebra", "ant", "Bee"):
        await make(caller, name=name)
    await make(other, name="Cat")
    assert await names(caller) == ["ant", "Bee", "Cat", "Zebra"]
    assert await names(caller, f"created_by={caller.actor.scope.user}") == ["ant", "Bee", "Zebra"]
    assert await names(caller, f"created_by={other.actor.scope.user}") == ["Cat"]
    first = await answer(await caller.send("GET", "/agents?limit=3"))
    assert await names(caller, f"limit=3&after={first['next']}") == ["Zebra"]


async def test_an_agent_may_be_as_large_as_is_said(gateway: Gateway) -> None:
    caller = await gateway.user()
    largest = {
        "name": "🌳" * 100,
        "description": "🌳" * 1000,
        "prompt": "🌳" * (16 * 1024),
        "model": "🌳" * 200,
        "tools": ["t" * 128] * 64,
    }
    made = await answer(await caller.send("POST", "/agents", largest), 201)
    assert made | largest == made
    for wrong in (
        {"prompt": "🌳" * (16 * 1024) + "!"},
        {"prompt": "x" * (64 * 1024 + 1)},
        {"name": " "},
        {"name": "x" * 101},
        {"tools": ["t"] * 65},
        {"tools": ["a tool"]},
    ):
        refused = await problem(await caller.send("POST", "/agents", CODER | wrong), 422)
        assert refused["errors"][0]["pointer"].split("/")[1] in wrong
