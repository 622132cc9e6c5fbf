"""`/api/v5/conversations`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conversations.conftest import Caller, Gateway, answer, problem
from theia_bridge.services.conversations import METADATA_LIMIT

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def begin(caller: Caller, **fields: object) -> dict[str, Any]:
    made: dict[str, Any] = await answer(await caller.send("POST", "/conversations", fields), 201)
    return made


async def ids(caller: Caller, query: str = "") -> list[str]:
    page = await answer(await caller.send("GET", f"/conversations?{query}"))
    return [item["id"] for item in page["items"]]


async def test_a_conversation_from_its_beginning_to_its_end(gateway: Gateway) -> None:
    caller = await gateway.user()
    fields = {"title": "Trees", "agent": "Coder", "metadata": {"location": "panel", "n": [1.0, None]}}
    response = await caller.send("POST", "/conversations", fields)
    made = await answer(response, 201)
    assert made | fields == made
    assert (made["session"], made["messages"], made["size"]) == (caller.actor.scope.session, 0, 0)
    assert response.headers["Location"] == f"/api/v5/conversations/{made['id']}"
    path = f"/conversations/{made['id']}"
    response = await caller.send("GET", path)
    assert await answer(response) == made
    etag = response.headers["ETag"]

    response = await caller.send("PUT", path, {"title": "Oaks"}, if_match=etag)
    changed = await answer(response)
    assert (changed["title"], changed["agent"], changed["metadata"]) == ("Oaks", None, {})
    assert (await problem(await caller.send("PUT", path, {"title": "Firs"}, if_match=etag), 412))["kind"]
    assert (await problem(await caller.send("DELETE", path, if_match=etag), 412))["kind"] == "Conflict"

    assert (await caller.send("DELETE", path, if_match=response.headers["ETag"])).status == 204
    for method, below in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/messages")]:
        body = {"title": ""} if method == "PUT" else None
        assert (await problem(await caller.send(method, path + below, body), 404))["kind"] == "NotFound"
    assert await ids(caller) == []
    assert await answer(await caller.send("POST", f"{path}/restore")) == changed
    assert await answer(await caller.send("POST", f"{path}/restore")) == changed
    assert await ids(caller) == [made["id"]]


async def test_a_conversation_is_made_once_for_one_id(gateway: Gateway) -> None:
    caller = await gateway.user()
    made = await asyncio.gather(*(begin(caller, id="mine", title="Once") for _ in range(3)))
    assert made[0] == made[1] == made[2]
    assert await ids(caller) == ["mine"]
    refused = await problem(
        await caller.send("POST", "/conversations", {"id": "mine", "title": "Twice"}), 409
    )
    assert refused["kind"] == "Exists"
    await caller.send("DELETE", "/conversations/mine")
    again = await problem(await caller.send("POST", "/conversations", {"id": "mine", "title": "Once"}), 409)
    assert "restore" in again["detail"]


async def test_messages_are_added_changed_and_read(gateway: Gateway) -> None:
    caller = await gateway.user()
    path = f"/conversations/{(await begin(caller))['id']}/messages"
    question = {"id": "q", "role": "user", "content": "Which tree? 🌳"}
    response = await caller.send("POST", path, question)
    asked = await answer(response, 201)
    assert asked | question == asked
    assert (asked["position"], asked["data"], asked["model"], asked["parent"]) == (0, None, None, None)
    assert await answer(await caller.send("POST", path, question), 201) == asked
    other = await problem(await caller.send("POST", path, question | {"content": "?"}), 409)
    assert "with the id q" in other["detail"]

    reply = {"id": "a", "role": "assistant", "content": "An", "parent": "q", "data": {"done": False}}
    begun = await answer(await caller.send("POST", path, reply), 201)
    response = await caller.send("GET", f"{path}/a")
    assert await answer(response) == begun
    assert response.headers["ETag"] == f'"{begun["etag"]}"'
    update = {"content": "An oak.", "data": {"done": True}, "model": "echo"}
    response = await caller.send("PUT", f"{path}/a", update, if_match=f'"{begun["etag"]}"')
    said = await answer(response)
    assert said == begun | update | {"etag": said["etag"], "updated_at": said["updated_at"]}
    assert (await caller.send("PUT", f"{path}/a", update, if_match=f'"{begun["etag"]}"')).status == 412
    assert (await caller.send("PUT", f"{path}/b", update)).status == 404
    assert await answer(await caller.send("GET", path)) == {"items": [asked, said], "next": None}


async def test_messages_come_in_pages_in_both_directions(gateway: Gateway) -> None:
    caller = await gateway.user()
    path = f"/conversations/{(await begin(caller))['id']}/messages"
    for number in range(5):
        await answer(await caller.send("POST", path, {"role": "user", "content": str(number)}), 201)
    for order, expected in [("first", "01234"), ("last", "43210")]:
        pages, query = [], f"order={order}&limit=2"
        while query:
            page = await answer(await caller.send("GET", f"{path}?{query}"))
            pages.append("".join(item["content"] for item in page["items"]))
            query = page["next"] and f"order={order}&limit=2&after={page['next']}"
        assert pages == [expected[:2], expected[2:4], expected[4:]]
    page = await answer(await caller.send("GET", f"{path}?limit=2"))
    wrong = await problem(await caller.send("GET", f"{path}?order=last&after={page['next']}"), 400)
    assert wrong["kind"] == "InvalidCursor"


async def test_a_long_message_goes_over_http(gateway: Gateway) -> None:
    caller = await gateway.user()
    path = f"/conversations/{(await begin(caller))['id']}/messages"
    content = "".join(f"line {number} of it\n" for number in range(250_000))
    said = await answer(
        await caller.send("POST", path, {"id": "long", "role": "tool", "content": content}), 201
    )
    assert said["content"] == content
    assert (await answer(await caller.send("GET", f"{path}/long"))) == said
    refused = await problem(await caller.send("POST", path, {"role": "user", "content": content * 2}), 422)
    assert refused["errors"][0]["pointer"] == "#/content"
    assert (await caller.send("POST", path, {"role": "user", "content": content * 5})).status == 413


async def test_the_list_is_filtered_and_the_last_changed_comes_first(gateway: Gateway) -> None:
    caller = await gateway.user()
    scope = caller.actor.scope
    other = (await gateway.user(beside=caller)).actor.scope.session
    await begin(caller, id="plain")
    await begin(caller, id="pinned", agent="Coder")
    await begin(caller, id="also", agent="Coder")
    await answer(
        await caller.send("POST", "/conversations/plain/messages", {"role": "user", "content": "hi"}), 201
    )
    assert await ids(caller) == ["plain", "also", "pinned"]
    assert await ids(caller, "agent=Coder") == ["also", "pinned"]
    assert await ids(caller, f"session={scope.session}") == ["plain", "also", "pinned"]
    assert await ids(caller, f"session={scope.session}&agent=Coder") == ["also", "pinned"]
    assert await ids(caller, "agent=Nobody") == []
    assert await ids(caller, f"session={other}") == []
    first = await answer(await caller.send("GET", "/conversations?limit=2"))
    assert [item["id"] for item in first["items"]] == ["plain", "also"]
    assert await ids(caller, f"limit=2&after={first['next']}") == ["pinned"]


async def test_what_was_said_is_found(gateway: Gateway) -> None:
    caller = await gateway.user()
    for id, title, said in [
        ("a", "Bäume", "Oak and ELM"),
        ("b", "Birds", "x" * 6000 + " the oaken door"),
        ("c", "OAK", ""),
        ("d", "Nothing", "else"),
    ]:
        await begin(caller, id=id, title=title)
        message = {"role": "user", "content": said}
        await answer(await caller.send("POST", f"/conversations/{id}/messages", message), 201)
    assert await ids(caller, "q=oak") == ["c", "b", "a"]
    assert await ids(caller, "q=b%C3%84UME") == ["a"]
    assert await ids(caller, "q=acorn") == []
    first = await answer(await caller.send("GET", "/conversations?q=oak&limit=2"))
    assert [item["id"] for item in first["items"]] == ["c", "b"]
    assert await ids(caller, f"q=oak&limit=2&after={first['next']}") == ["a"]
    # What another one says is not found.
    assert await ids(await gateway.user(beside=caller), "q=oak") == []


async def test_what_is_not_acceptable_is_told(gateway: Gateway) -> None:
    caller = await gateway.user()
    await begin(caller, id="c")
    stranger = (await gateway.user(beside=caller)).actor.scope.session
    for path, body, status in [
        ("/conversations", {"session": stranger}, 404),
        ("/conversations", {"id": "../etc"}, 422),
        ("/conversations", {"title": "x" * 501}, 422),
        ("/conversations", {"metadata": [1]}, 422),
        ("/conversations", {"metadata": {"x": "x" * METADATA_LIMIT}}, 422),
        ("/conversations/none/messages", {"role": "user", "content": ""}, 404),
        ("/conversations/c/messages", {"role": "king", "content": ""}, 422),
        ("/conversations/c/messages", {"role": "user"}, 422),
        ("/conversations/c/messages", {"role": "user", "content": "", "parent": "none"}, 404),
        ("/conversations/none/restore", None, 404),
    ]:
        response = await caller.send("POST", path, body)
        assert response.status == status, (path, body, await response.text())
        await problem(response, status)
    assert await ids(caller) == ["c"]


async def test_a_viewer_reads_and_no_more(gateway: Gateway) -> None:
    owner = await gateway.user()
    viewer = await gateway.user(beside=owner, role="viewer")
    assert await ids(viewer) == []
    for method, path, body in [
        ("POST", "/conversations", {}),
        ("PUT", "/conversations/c", {"title": ""}),
        ("DELETE", "/conversations/c", None),
        ("POST", "/conversations/c/restore", None),
        ("POST", "/conversations/c/messages", {"role": "user", "content": ""}),
        ("PUT", "/conversations/c/messages/m", {"content": ""}),
    ]:
        assert (await problem(await viewer.send(method, path, body), 403))["kind"] == "NoPermissions"
