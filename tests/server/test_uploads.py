"""Files of any size through `/api/v5/files/`: conditions, ranges, and uploads that are cut off."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp
import jwt
import msgspec
import pytest
import pytest_asyncio
import yarl

from fdb_provider.models import new_id
from tests.process import Server
from tests.server.uploads import MIB, URL, chunks, get, put
from theia_bridge.methods.protocol import Stat

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def server(shared_server: Server) -> Server:
    return shared_server


@pytest_asyncio.fixture(loop_scope="module")
async def token(server: Server) -> str:
    return (await server.register(f"{new_id()}@example.com")).access_token


@pytest_asyncio.fixture(loop_scope="module")
async def http(server: Server, token: str) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        yield session


async def test_a_file_is_made_and_replaced(http: aiohttp.ClientSession) -> None:
    status, etag, body = await put(http, b"one")
    made = msgspec.json.decode(body, type=Stat)
    assert (status, made.size, made.type, f'"{made.etag}"') == (201, 3, "file", etag)
    for data in (b"", b"two", os.urandom(9 * MIB), b"z" * (5 * MIB + 3)):
        for body_ in (io.BytesIO(data), chunks(data, 70_001)):
            status, etag, _ = await put(http, body_)
            assert status == 200
            found = await get(http)
            assert (found[0], found[1], found[2].headers["ETag"]) == (200, data, etag)


@pytest.mark.parametrize(
    ("headers", "there", "missing"),
    [
        ({"If_Match": "*"}, 200, 412),
        ({"If_Match": "ETAG"}, 200, 412),
        ({"If_Match": '"x", ETAG'}, 200, 412),
        ({"If_Match": '"x"'}, 412, 412),
        ({"If_Match": "W/ETAG"}, 412, 412),
        ({"If_Match": "no quotes"}, 400, 400),
        ({"If_None_Match": "*"}, 412, 201),
        ({"If_None_Match": "ETAG"}, 412, 201),
        ({"If_None_Match": '"x"'}, 200, 201),
        ({"Content_Range": "bytes 0-2/9"}, 400, 400),
        ({"Content_Encoding": "gzip"}, 415, 415),
        ({"Idempotency_Key": "k" * 129}, 400, 400),
    ],
)
async def test_conditions_of_a_put(
    http: aiohttp.ClientSession, headers: dict[str, str], there: int, missing: int
) -> None:
    _, etag, _ = await put(http, b"old")
    assert etag is not None
    given = {name: value.replace("ETAG", etag) for name, value in headers.items()}
    assert (await put(http, b"new", URL + "-missing", **given))[0] == missing
    assert (await put(http, b"new", **given))[0] == there
    assert (await get(http))[1] == (b"new" if there == 200 else b"old")


async def test_names_of_every_kind(server: Server, http: aiohttp.ClientSession) -> None:
    for name in ("%41", "a b#?&", "line\nbreak\r", "ü𝄞", ";=+", "'\"<>\\"):
        url = yarl.URL(f"{server.url}/api/v5/files/workspace/{quote(name, safe='')}", encoded=True)
        async with http.put(url, data=name.encode()) as answer:
            assert answer.status == 201
        async with http.get(url) as answer:
            assert await answer.read() == name.encode()
            assert quote(name, safe="") in answer.headers["Content-Disposition"]


async def test_what_cannot_be_put(http: aiohttp.ClientSession) -> None:
    for url, status, kind in [
        ("/api/v5/files/workspace", 403, "NoPermissions"),
        ("/api/v5/files/workspace/no/f", 404, "FileNotFound"),
        ("/api/v5/files/workspace/README.md/f", 409, "FileNotADirectory"),
        ("/api/v5/files/etc/passwd", 400, "InvalidPath"),
    ]:
        got, _, body = await put(http, b"x", url)
        assert (got, msgspec.json.decode(body)["kind"]) == (status, kind)


async def test_the_same_put_again_is_applied_once(http: aiohttp.ClientSession) -> None:
    first = await put(http, b"mine", If_None_Match="*", Idempotency_Key='"k1"')
    assert first[0] == 201
    await put(http, b"later")
    assert await put(http, b"mine", If_None_Match="*", Idempotency_Key='"k1"') == first
    assert (await get(http))[1] == b"later"


async def test_of_puts_with_one_etag_one_wins(http: aiohttp.ClientSession) -> None:
    _, etag, _ = await put(http, b"")
    assert etag is not None
    answers = await asyncio.gather(*(put(http, b"%d" % i, If_Match=etag) for i in range(8)))
    assert sorted(status for status, _, _ in answers) == [200] + [412] * 7


@pytest.mark.parametrize(
    ("range_", "expected"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=0-", slice(0, None)),
        ("bytes=5-65540", slice(5, 65541)),
        ("bytes=65535-65536", slice(65535, 65537)),
        (f"bytes={4 * MIB - 1}-{4 * MIB}", slice(4 * MIB - 1, 4 * MIB + 1)),
        ("bytes=100000-999999999", slice(100_000, None)),
        ("bytes=-1", slice(-1, None)),
        ("bytes=-999999999", slice(0, None)),
    ],
)
async def test_ranges(http: aiohttp.ClientSession, range_: str, expected: slice) -> None:
    data = b"abcdefg" * (5 * MIB // 7)
    await put(http, io.BytesIO(data))
    status, body, response = await get(http, Range=range_)
    start, end, _ = expected.indices(len(data))
    assert status == 206
    assert body == data[expected]
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(data)}"


async def test_ranges_that_cannot_be_given_and_that_are_passed_over(http: aiohttp.ClientSession) -> None:
    _, etag, _ = await put(http, b"0123456789")
    assert etag is not None
    for range_ in ("bytes=10-", "bytes=99-100", "bytes=-0"):
        status, _, response = await get(http, Range=range_)
        assert (status, response.headers["Content-Range"]) == (416, "bytes */10")
    for range_ in ("bytes=3-1", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,4-5", f"bytes={'9' * 30}-"):
        assert (await get(http, Range=range_))[:2] == (200, b"0123456789")
    assert (await get(http, Range="bytes=2-3", If_Range=etag))[:2] == (206, b"23")
    assert (await get(http, Range="bytes=2-3", If_Range='"other"'))[:2] == (200, b"0123456789")
    assert (await get(http, If_None_Match=f'"x", W/{etag}'))[0] == 304
    assert (await get(http, If_None_Match="*"))[0] == 304
    assert (await get(http, If_Match='"x"'))[0] == 412
    assert (await get(http, If_Match=etag))[0] == 200
    async with http.head(URL, headers={"Range": "bytes=2-3"}) as response:
        assert (response.status, response.headers["Content-Length"]) == (200, "10")
    await put(http, b"")
    assert (await get(http, Range="bytes=0-"))[0] == 416


async def test_a_page_of_another_site_cannot_put(server: Server, token: str) -> None:
    cookie = {"Cookie": f"theia_bridge_access={token}"}
    async with aiohttp.ClientSession(server.url, headers=cookie) as http:
        assert (await put(http, b"x", Origin="https://evil.example"))[0] == 403
        assert (await get(http))[0] == 404
        assert (await put(http, b"x", Origin=server.url))[0] == 201
    async with aiohttp.ClientSession(server.url) as http:
        assert (await put(http, b"x"))[0] == 401


async def test_a_page_of_somebody_else_is_refused(http: aiohttp.ClientSession, token: str) -> None:
    claims = jwt.decode(token, options={"verify_signature": False})
    own = f"{claims['sub']}/{claims['sid']}"
    assert (await put(http, b"mine", Theia_Bridge_Caller=own))[0] == 201
    for other in (f"someone/{claims['sid']}", f"{claims['sub']}/another", ""):
        assert (await put(http, b"not mine", Theia_Bridge_Caller=other))[0] == 403
    assert (await get(http))[1] == b"mine"
