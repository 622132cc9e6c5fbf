"""`/api/v5/settings`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fdb_provider.engine import Transaction
from fdb_provider.models import Setting
from fdb_provider.repositories.settings import COUNT_LIMIT, SETTINGS, VALUE_LIMIT
from tests.conversations.conftest import Caller, Gateway, answer, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def put(caller: Caller, name: str, value: object) -> dict[str, Any]:
    made: dict[str, Any] = await answer(await caller.send("PUT", f"/settings/{name}", {"value": value}))
    return made


async def listed(caller: Caller, query: str = "") -> dict[str, Any]:
    page = await answer(await caller.send("GET", f"/settings?{query}"))
    return {f"{item['category']}/{item['key']}": item["value"] for item in page["items"]}


async def test_a_setting_is_set_read_and_unset(gateway: Gateway) -> None:
    caller = await gateway.user()
    assert (await problem(await caller.send("GET", "/settings/chat/model"), 404))["kind"] == "NotFound"
    values: tuple[object, ...] = ("echo", None, 1.5, True, [], {"ä": [{"deep": "🌳"}]}, 2**70)
    for value in values:
        made = await put(caller, "chat/model", value)
        response = await caller.send("GET", "/settings/chat/model")
        assert await answer(response) == made
        assert response.headers["ETag"] == f'"{made["etag"]}"'
        assert (made["category"], made["key"], made["value"]) == ("chat", "model", value)
    assert (await caller.send("DELETE", "/settings/chat/model")).status == 204
    assert (await caller.send("DELETE", "/settings/chat/model")).status == 404
    assert await listed(caller) == {}


async def test_settings_are_listed_all_or_by_category(gateway: Gateway) -> None:
    caller = await gateway.user()
    values = {"a/x": 1, "a/y": 2, "ab/z": 3, "b.c/d.e": 4}
    for name, value in reversed(values.items()):
        await put(caller, name, value)
    assert await listed(caller) == values
    assert await listed(caller, "category=a") == {"a/x": 1, "a/y": 2}
    assert await listed(caller, "category=nothing") == {}
    first = await answer(await caller.send("GET", "/settings?limit=3"))
    assert await listed(caller, f"limit=3&after={first['next']}") == {"b.c/d.e": 4}
    # They are one's own.
    for other in (await gateway.user(beside=caller), await gateway.user()):
        assert await listed(other) == {}
        assert (await other.send("GET", "/settings/a/x")).status == 404
        assert (await other.send("DELETE", "/settings/a/x")).status == 404


async def test_of_two_that_set_one_setting_the_second_is_told(gateway: Gateway) -> None:
    caller = await gateway.user()
    etag = f'"{(await put(caller, "a/b", 0))["etag"]}"'
    sent = (caller.send("PUT", "/settings/a/b", {"value": value}, if_match=etag) for value in (1, 2))
    responses = await asyncio.gather(*sent)
    assert sorted(response.status for response in responses) == [200, 412]
    (won,) = [await response.json() for response in responses if response.status == 200]
    assert await listed(caller) == {"a/b": won["value"]}
    assert (await caller.send("DELETE", "/settings/a/b", if_match=etag)).status == 412
    assert (await caller.send("DELETE", "/settings/a/b", if_match=f'"{won["etag"]}"')).status == 204
    assert (await caller.send("PUT", "/settings/a/b", {"value": 3}, if_match=etag)).status == 412


async def test_what_is_not_acceptable_is_told(gateway: Gateway) -> None:
    caller = await gateway.user()
    await put(caller, "a/b", "x" * (VALUE_LIMIT - 2))
    for name, body, status in [
        ("a/b", {"value": "x" * (VALUE_LIMIT - 1)}, 422),
        ("a/b", {}, 422),
        ("a/.b", {"value": 1}, 422),
        ("a b/c", {"value": 1}, 422),
        ("x" * 129 + "/c", {"value": 1}, 422),
    ]:
        await problem(await caller.send("PUT", f"/settings/{name}", body), status)
    assert list(await listed(caller)) == ["a/b"]


@pytest.mark.parametrize(
    "body", [b'{"value": "\xff"}', b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"value": 01}']
)
async def test_a_value_that_is_no_json_is_a_bad_request(gateway: Gateway, body: bytes) -> None:
    caller = await gateway.user()
    headers = {"Authorization": f"Bearer {caller.token}", "Content-Type": "application/json"}
    response = await caller.client.put("/api/v5/settings/a/b", data=body, headers=headers)
    assert (await problem(response, 400))["kind"] == "BadRequest"
    assert await listed(caller) == {}


async def test_there_is_an_end_to_the_number_of_settings(gateway: Gateway) -> None:
    caller = await gateway.user()
    scope = caller.actor.scope

    async def fill(tr: Transaction) -> None:
        for number in range(COUNT_LIMIT):
            SETTINGS.add(tr, scope.tenant, Setting(scope.user, "many", f"k{number}", b"0", 0))

    await gateway.database.run(fill)
    refused = await problem(await caller.send("PUT", "/settings/one/more", {"value": 1}), 507)
    assert refused["kind"] == "QuotaExceeded"
    await put(caller, "many/k1", 1)
    await caller.send("DELETE", "/settings/many/k2")
    await put(caller, "one/more", 1)


async def test_a_viewer_reads_and_no_more(gateway: Gateway) -> None:
    viewer = await gateway.user(beside=await gateway.user(), role="viewer")
    assert await listed(viewer) == {}
    for method, body in [("PUT", {"value": 1}), ("DELETE", None)]:
        response = await viewer.send(method, "/settings/a/b", body)
        assert (await problem(response, 403))["kind"] == "NoPermissions"
