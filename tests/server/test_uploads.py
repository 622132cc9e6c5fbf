"""Files of any size through `/api/v5/files/`: conditions, ranges, and uploads that are cut off."""

from __future__ import annotations

import asyncio
import io
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import jwt
import msgspec
import pytest
import yarl

from fdb_provider import keyspace
from fdb_provider.engine import Reader
from fdb_provider.engine.url import open_database
from fdb_provider.files import content
from tests.process import Server
from theia_bridge.methods.protocol import Stat

URL = "/api/v5/files/workspace/f"
MIB = 1024 * 1024


@pytest.fixture
async def token(server: Server) -> str:
    return (await server.register("ada@example.com")).access_token


@pytest.fixture
async def http(server: Server, token: str) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        yield session


async def put(
    http: aiohttp.ClientSession, data: Any, url: str = URL, **headers: str
) -> tuple[int, str | None, bytes]:
    """Status, ETag and body of a PUT; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.put(url, data=data, headers=named) as response:
        return response.status, response.headers.get("ETag"), await response.read()


async def get(
    http: aiohttp.ClientSession, url: str = URL, **headers: str
) -> tuple[int, bytes, aiohttp.ClientResponse]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.get(url, headers=named) as response:
        return response.status, await response.read(), response


async def chunks(data: bytes, size: int) -> AsyncIterator[bytes]:
    """As a body without a Content-Length."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


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


async def raw(server: Server, token: str, *lines: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which the head of a PUT was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = [f"PUT {URL} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *lines]
    writer.write("\r\n".join([*head, "", ""]).encode())
    await writer.drain()
    return reader, writer


async def test_an_upload_is_refused_before_its_body_is_sent(store_url: str, tmp_path: Path) -> None:
    server = Server(tmp_path, store_url, FILE_MAX_BYTES=100_000, QUOTA_SESSION_BYTES=60_000)
    await server.start()
    try:
        token = (await server.register("ada@example.com")).access_token
        for lines, expected in [
            (["Content-Length: 100001"], b"HTTP/1.1 413"),
            (["Content-Length: 70000"], b"HTTP/1.1 507"),
            (["Content-Length: 5", 'If-Match: "x"'], b"HTTP/1.1 412"),
            ([], b"HTTP/1.1 411"),
            (["Content-Length: 5"], b"HTTP/1.1 100"),
        ]:
            reader, writer = await raw(server, token, "Expect: 100-continue", *lines)
            assert (await reader.readline()).startswith(expected)
            writer.close()
            await writer.wait_closed()
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(server.url, headers=headers) as http:
            # The sizes of these are known only when they have come.
            assert (await put(http, chunks(bytes(100_001), 10_000)))[0] == 413
            assert (await put(http, chunks(bytes(70_000), 10_000)))[0] == 507
            assert (await get(http))[0] == 404
    finally:
        await server.kill()


async def test_an_upload_that_is_cut_off_changes_nothing(
    server: Server, token: str, http: aiohttp.ClientSession
) -> None:
    """At any byte, with and without a Content-Length; and none of its parts is left behind."""
    _, etag, _ = await put(http, b"old" * 50_000)
    whole = random.Random(4).randbytes(9 * MIB)
    for size in (0, 1, content.PART - 1, content.PART, random.randrange(len(whole)), len(whole) - 1):
        for chunked in (False, True):
            how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(whole)}"
            reader, writer = await raw(server, token, how)
            sent = whole[:size]
            writer.write(b"%x\r\n%s\r\n" % (len(sent), sent) if chunked and sent else sent)
            await writer.drain()
            writer.write_eof()
            assert not (await reader.read()).startswith(b"HTTP/1.1 2")
            writer.close()
            await writer.wait_closed()
    status, data, response = await get(http)
    assert (status, data, response.headers["ETag"]) == (200, b"old" * 50_000, etag)
    log = await server.stop()
    assert "Traceback" not in log
    tenant = jwt.decode(token, options={"verify_signature": False})["tid"]
    database = await open_database(server.store)
    try:
        assert await database.read(lambda tr: blobs_and_garbage(tr, tenant)) == (1, 0)
    finally:
        await database.close()


async def blobs_and_garbage(tr: Reader, tenant: str) -> tuple[int, int]:
    """How many blobs a tenant has, and how many notes of what is to be collected."""
    prefix = keyspace.pack(tenant, "blob")
    chunks = [key async for key, _ in tr.get_range(*keyspace.range_of(prefix))]
    notes = [key async for key, _ in tr.get_range(*keyspace.range_of(keyspace.garbage(tenant)))]
    return len({keyspace.unpack(key, prefix)[0] for key in chunks}), len(notes)


async def test_a_page_of_somebody_else_is_refused(http: aiohttp.ClientSession, token: str) -> None:
    claims = jwt.decode(token, options={"verify_signature": False})
    own = f"{claims['sub']}/{claims['sid']}"
    assert (await put(http, b"mine", Theia_Bridge_Caller=own))[0] == 201
    for other in (f"someone/{claims['sid']}", f"{claims['sub']}/another", ""):
        assert (await put(http, b"not mine", Theia_Bridge_Caller=other))[0] == 403
    assert (await get(http))[1] == b"mine"
