"""What every endpoint does, whatever it is for: decoding, conditions, paging, roles, errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPMethod
from typing import Annotated, Literal

import msgspec
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler

from auth.context import UserContext
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import Role
from fdb_provider.scope import Scope
from theia_bridge.middleware.authentication import USER
from theia_bridge.middleware.errors import problems
from theia_bridge.rest.resource import Call, Id, Page, Paging, Resource, Tagged

Site = TestClient[web.Request, web.Application]

api = Resource("things", "Things for tests")


class Part(msgspec.Struct, forbid_unknown_fields=True):
    size: int


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    name: Annotated[str, msgspec.Meta(max_length=10)]
    parts: list[Part] = []


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    count: int = 0
    deep: bool = False
    tag: list[str] = []


class Coloured(msgspec.Struct, forbid_unknown_fields=True):
    colour: Literal["red", "blue"] | None = None


class Heard(msgspec.Struct):
    count: int
    deep: bool
    tag: list[str]
    if_match: str | None = None


@api.get("/things")
async def pages(call: Call, query: Paging) -> Page[int]:
    """Pages of numbers."""
    start = int(query.after or 0)
    return Page(list(range(start, start + query.limit)), None if start else str(start + query.limit))


@api.get("/things/{id}", errors=(RecordNotFound,))
async def get(call: Call, path: Id) -> Tagged[Thing]:
    """A thing."""
    if path.id == "none":
        raise RecordNotFound("There is no such thing.")
    return Tagged(Thing(path.id, "a"), "v1")


@api.post("/things", status=201, location="/things/{id}", body_limit=1000)
async def make(call: Call, body: Thing) -> Thing:
    """Makes a thing."""
    return body


@api.put("/things/{id}")
async def change(call: Call, path: Id, query: Wanted) -> Heard:
    """Tells what it heard."""
    return Heard(query.count, query.deep, query.tag, call.if_match)


@api.delete("/things/{id}", role="admin")
async def remove(call: Call, path: Id) -> None:
    """Removes a thing."""


@api.post("/maybe")
async def maybe(call: Call, body: Part | None) -> Part:
    """A body that need not be there."""
    return body or Part(-1)


@api.get("/coloured")
async def coloured(call: Call, query: Coloured) -> Coloured:
    """A parameter that need not be there."""
    return query


@web.middleware
async def signed_in(request: web.Request, handler: Handler) -> web.StreamResponse:
    roles: dict[str, Role] = {"v": "viewer", "m": "member", "a": "admin", "o": "owner"}
    role = roles[request.headers.get("Role", "m")]
    request[USER] = UserContext(Scope("t", "u", "s"), role, "f", "j", 0)
    return await handler(request)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    app = web.Application(middlewares=[problems, signed_in])
    api.add_to(app)
    async with TestClient(TestServer(app)) as client:
        yield client


async def refused(response: ClientResponse, status: int) -> list[tuple[str, str]]:
    """Where the fields are wrong, and why."""
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    return [(error["pointer"], error["detail"]) for error in (await response.json()).get("errors", [])]


async def test_the_query_is_decoded_by_its_types(site: Site) -> None:
    response = await site.put("/api/v5/things/1?count=-3&deep=true&tag=a&tag=b%20c")
    assert await response.json() == {"count": -3, "deep": True, "tag": ["a", "b c"], "if_match": None}
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("count=x", "#/count"), ("deep=maybe", "#/deep"), ("count=1&count=2", "#/count"), ("nope=1", "#/nope")],
)
async def test_a_wrong_query_is_pointed_at(site: Site, query: str, pointer: str) -> None:
    ((found, detail),) = await refused(await site.put(f"/api/v5/things/1?{query}"), 422)
    assert found == pointer
    assert f"`{pointer[2:]}`" in detail


async def test_a_parameter_is_never_null(site: Site) -> None:
    assert await (await site.get("/api/v5/coloured")).json() == {"colour": None}
    assert await (await site.get("/api/v5/coloured?colour=red")).json() == {"colour": "red"}
    for word in ("null", "NULL", ""):
        ((pointer, _),) = await refused(await site.get(f"/api/v5/coloured?colour={word}"), 422)
        assert pointer == "#/colour"


async def test_an_endpoint_without_parameters_refuses_some(site: Site) -> None:
    assert await refused(await site.post("/api/v5/maybe?x=1"), 422) == [
        ("#/x", "There is no parameter `x` here.")
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"id": "1"}', "#/name"),
        (b'{"id": "1", "name": "a", "more": 1}', "#/more"),
        (b'{"id": "1", "name": "a", "a/b~c": 1}', "#/a~1b~0c"),
        (b'{"id": "1", "name": "01234567890"}', "#/name"),
        (b'{"id": "1", "name": "a", "parts": [{"size": 1}, {"size": "x"}]}', "#/parts/1/size"),
        (b'{"id": "1", "name": "a", "parts": [{}]}', "#/parts/0/size"),
        (b"[]", "#"),
    ],
)
async def test_a_wrong_body_is_pointed_at(site: Site, body: bytes, pointer: str) -> None:
    response = await site.post("/api/v5/things", data=body, headers={"Content-Type": "application/json"})
    ((found, _),) = await refused(response, 422)
    assert found == pointer


VALID = b'{"id": "1", "name": ""}'


@pytest.mark.parametrize(
    "body", [b"", b"{", VALID + b"{}", b'{"id": "\xff"}', b'{"id": "\\ud800", "name": ""}', b"NaN"]
)
async def test_a_body_that_is_no_json_is_a_bad_request(site: Site, body: bytes) -> None:
    response = await site.post("/api/v5/things", data=body, headers={"Content-Type": "application/json"})
    await refused(response, 400)


@pytest.mark.parametrize(("size", "status"), [("2.0", 200), ("2e0", 200), ("2.5", 422), ("1e999", 422)])
async def test_a_whole_number_is_an_integer(site: Site, size: str, status: int) -> None:
    body = f'{{"size": {size}}}'
    response = await site.post("/api/v5/maybe", data=body, headers={"Content-Type": "application/json"})
    assert response.status == status
    if status == 200:
        assert await response.json() == {"size": 2}


async def test_a_body_has_its_type_and_its_limit(site: Site) -> None:
    await refused(await site.post("/api/v5/things", data=b"{}", headers={"Content-Type": "text/plain"}), 415)
    await refused(await site.post("/api/v5/things", json={"name": "x" * 1000}), 413)


async def test_a_body_may_be_optional(site: Site) -> None:
    assert await (await site.post("/api/v5/maybe")).json() == {"size": -1}
    assert await (await site.post("/api/v5/maybe", json={"size": 2})).json() == {"size": 2}


async def test_what_is_made_has_an_address(site: Site) -> None:
    response = await site.post("/api/v5/things", json={"id": "7", "name": "a"})
    assert response.status == 201
    assert response.headers["Location"] == "/api/v5/things/7"
    assert await response.json() == {"id": "7", "name": "a", "parts": []}


async def test_pages_follow_their_links(site: Site) -> None:
    response = await site.get("/api/v5/things?limit=3")
    assert await response.json() == {"items": [0, 1, 2], "next": "3"}
    link = response.links["next"]["url"]
    response = await site.get(link.path_qs)  # type: ignore[union-attr]
    assert await response.json() == {"items": [3, 4, 5], "next": None}
    assert "Link" not in response.headers
    assert (await (await site.get("/api/v5/things?limit=1&after=")).json())["items"] == [0]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", ""])
async def test_a_page_has_a_bounded_size(site: Site, limit: str) -> None:
    ((pointer, _),) = await refused(await site.get(f"/api/v5/things?limit={limit}"), 422)
    assert pointer == "#/limit"


async def test_a_version_is_sent_once(site: Site) -> None:
    response = await site.get("/api/v5/things/1")
    assert response.headers["ETag"] == '"v1"'
    for etag in ('"v1"', 'W/"v1"', '"v0", "v1"', "*"):
        again = await site.get("/api/v5/things/1", headers={"If-None-Match": etag})
        assert (again.status, again.headers["ETag"], await again.read()) == (304, '"v1"', b"")
    assert (await site.get("/api/v5/things/1", headers={"If-None-Match": '"v2"'})).status == 200
    await refused(await site.get("/api/v5/things/1", headers={"If-Match": '"v2"'}), 412)
    await refused(await site.get("/api/v5/things/none", headers={"If-None-Match": "v1"}), 400)


async def test_a_change_may_be_of_one_version(site: Site) -> None:
    async def heard(if_match: str) -> ClientResponse:
        return await site.put("/api/v5/things/1", headers={"If-Match": if_match})

    assert (await (await heard('"v1"')).json())["if_match"] == "v1"
    assert (await (await heard("*")).json())["if_match"] is None
    for malformed in ("", "v1", '"v1', '"v1" "v2"', ",", '"a", "b"'):
        await refused(await heard(malformed), 400)
    await refused(await heard('W/"v1"'), 412)


@pytest.mark.parametrize(("role", "status"), [("v", 403), ("m", 403), ("a", 204), ("o", 204)])
async def test_a_role_has_the_rights_of_those_below(site: Site, role: str, status: int) -> None:
    response = await site.delete("/api/v5/things/1", headers={"Role": role})
    assert response.status == status
    if status == 403:
        assert (await response.json())["kind"] == "NoPermissions"


async def test_a_viewer_reads_only(site: Site) -> None:
    assert (await site.get("/api/v5/things/1", headers={"Role": "v"})).status == 200
    await refused(await site.put("/api/v5/things/1", headers={"Role": "v"}), 403)


async def test_head_is_answered_as_get_is(site: Site) -> None:
    get, head = await site.get("/api/v5/things/1"), await site.head("/api/v5/things/1")
    assert (head.status, head.headers["ETag"], head.content_length) == (200, '"v1"', get.content_length)
    assert await head.read() == b""


@pytest.mark.parametrize("method", [HTTPMethod.POST, HTTPMethod.PATCH, HTTPMethod.OPTIONS])
async def test_other_methods_are_told_which_there_are(site: Site, method: HTTPMethod) -> None:
    response = await site.request(method, "/api/v5/things/1")
    await refused(response, 405)
    assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD", "PUT", "DELETE"}


async def test_errors_of_the_table_are_problems(site: Site) -> None:
    response = await site.get("/api/v5/things/none")
    await refused(response, 404)
    assert (await response.json())["kind"] == "NotFound"
    await refused(await site.get("/api/v5/nothing"), 404)


def test_wrong_declarations_are_refused_at_once() -> None:
    async def free(call: Call, other: Id) -> None: ...

    async def loose(call: Call, body: Heard) -> None: ...

    async def untyped(call: Call):  # type: ignore[no-untyped-def]
        ...

    for function in (free, loose, untyped):
        with pytest.raises(TypeError):
            api.get("/wrong")(function)
