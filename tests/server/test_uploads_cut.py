"""Uploads that are refused before they are sent, and those that are cut off."""

from __future__ import annotations

import random
from pathlib import Path

import aiohttp
import jwt

from fdb_provider import keyspace
from fdb_provider.engine import Reader
from fdb_provider.engine.url import open_database
from fdb_provider.files import content
from tests.process import Server
from tests.server.uploads import MIB, chunks, get, put, raw


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


async def test_an_upload_that_is_cut_off_changes_nothing(server: Server) -> None:
    """At any byte, with and without a Content-Length; and none of its parts is left behind."""
    token = (await server.register("ada@example.com")).access_token
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as http:
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
