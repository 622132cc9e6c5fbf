"""Downloads through `/api/v5/files/`, and what the server gives a browser."""

from __future__ import annotations

import asyncio
import gzip
import io
import stat
import sys
import tarfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from fdb_provider.models import new_id
from tests.process import Server
from theia_bridge.methods.protocol import CreateDirectoryParams, CreateSymlinkParams, Stat, WriteFileParams

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FILES = {"a.txt": b"a" * 100_000, "d/ü \U0001d11e.bin": bytes(range(256)) * 20_000, "d/e/empty": b""}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def server(shared_server: Server) -> Server:
    return shared_server


@pytest_asyncio.fixture(loop_scope="module")
async def http(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    """A signed-in browser whose session has some files."""
    token = (await server.register(f"{new_id()}@example.com")).access_token
    async with server.connect(token) as client:
        for folder in ("p", "p/d", "p/d/e"):
            await client.call("fs.createDirectory", CreateDirectoryParams(path=f"/workspace/{folder}"), Stat)
        for path, content in FILES.items():
            params = WriteFileParams(path=f"/workspace/p/{path}", content=content)
            await client.call("fs.writeFile", params, Stat)
    headers = {"Cookie": f"theia_bridge_access={token}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        yield session


async def test_a_file(http: aiohttp.ClientSession) -> None:
    for path, content in FILES.items():
        async with http.get(f"/api/v5/files/workspace/p/{quote(path)}") as response:
            assert response.status == 200
            assert await response.read() == content
            assert response.headers["Content-Disposition"].startswith("attachment;")
            assert quote(Path(path).name, safe="") in response.headers["Content-Disposition"]
            etag = response.headers["ETag"]
        known = {"If-None-Match": etag}
        async with http.get(f"/api/v5/files/workspace/p/{quote(path)}", headers=known) as response:
            assert response.status == 304


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], {"a.txt", "d/", "d/ü \U0001d11e.bin", "d/e/", "d/e/empty"}),
        (["a.txt"], {"a.txt"}),
        (["d"], {"d/", "d/ü \U0001d11e.bin", "d/e/", "d/e/empty"}),
    ],
)
async def test_a_folder_as_zip(http: aiohttp.ClientSession, names: list[str], expected: set[str]) -> None:
    query = [("archive", "zip"), *(("name", name) for name in names)]
    async with http.get("/api/v5/files/workspace/p", params=query) as response:
        assert response.status == 200
        archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    assert archive.testzip() is None
    assert set(archive.namelist()) == expected
    for path in expected:
        if not path.endswith("/"):
            assert archive.read(path) == FILES[path]


@pytest.mark.parametrize("archive", ["tar", "tar.gz", "tar.zst"])
async def test_a_folder_as_tar(server: Server, archive: str) -> None:
    """Long names, names that are not ASCII, sizes around a block, and times to the millisecond."""
    contents = {
        **FILES,
        "n" * 200: b"long",
        f"d/{'ü' * 120}/{'m' * 150}": b"deep" * 128,
        "d/block": bytes(512),
        "d/almost": bytes(511),
    }
    token = (await server.register(f"{new_id()}@example.com")).access_token
    stats: dict[str, Stat] = {}
    async with server.connect(token) as client:
        for folder in ("p", "p/d", "p/d/e", f"p/d/{'ü' * 120}"):
            params = CreateDirectoryParams(path=f"/workspace/{folder}")
            stats[folder[2:]] = await client.call("fs.createDirectory", params, Stat)
        for path, data in contents.items():
            write = WriteFileParams(path=f"/workspace/p/{path}", content=data)
            stats[path] = await client.call("fs.writeFile", write, Stat)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as http,
        http.get("/api/v5/files/workspace/p", params={"archive": archive}) as response,
    ):
        assert response.status == 200
        assert f"p.{archive}" in response.headers["Content-Disposition"]
        raw = await response.read()
    if archive == "tar.gz":
        raw = gzip.decompress(raw)
    elif archive == "tar.zst":
        raw = zstd.decompress(raw)
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
        members = {member.name: member for member in tar.getmembers()}
        assert members.keys() == stats.keys() - {""}
        for path, data in contents.items():
            file = tar.extractfile(members[path])
            assert file is not None
            assert file.read() == data
            assert round(float(members[path].mtime) * 1000) == stats[path].mtime
            assert members[path].mode == 0o644
    assert members["d/e"].isdir()
    assert members["d/e"].mode == 0o755


async def test_links_and_permissions_are_in_archives(server: Server, http: aiohttp.ClientSession) -> None:
    token = http.headers["Cookie"].partition("=")[2]
    async with server.connect(token) as client:
        link = CreateSymlinkParams(path="/workspace/p/link", target="d/\u00fc/../a.txt")
        await client.call("fs.createSymlink", link, Stat)
        run = WriteFileParams(path="/workspace/p/run", content=b"#!", mode=0o755)
        await client.call("fs.writeFile", run, Stat)
    async with http.get("/api/v5/files/workspace/p", params={"archive": "tar"}) as response:
        with tarfile.open(fileobj=io.BytesIO(await response.read())) as tar:
            assert tar.getmember("link").issym()
            assert tar.getmember("link").linkname == link.target
            assert tar.getmember("run").mode == 0o755
    async with http.get("/api/v5/files/workspace/p", params={"archive": "zip"}) as response:
        archive = zipfile.ZipFile(io.BytesIO(await response.read()))
        assert archive.read("link").decode() == link.target
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
        assert stat.S_ISLNK(modes["link"])
        assert modes["run"] == stat.S_IFREG | 0o755


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("workspace/none", 404, "FileNotFound"),
        ("workspace/p", 409, "FileIsADirectory"),
        ("workspace/p?archive=rar", 422, "InvalidFields"),
        ("workspace/p/a.txt?archive=zip", 409, "FileNotADirectory"),
        ("workspace/p?archive=zip&name=none", 404, "FileNotFound"),
        ("workspace/p?archive=zip&name=../p", 404, "FileNotFound"),
        ("etc/passwd", 400, "InvalidPath"),
        ("workspace/%2e%2e/etc", 400, "InvalidPath"),
        ("workspace/a%00b", 400, "InvalidPath"),
    ],
)
async def test_what_cannot_be_downloaded(
    server: Server, http: aiohttp.ClientSession, path: str, status: int, kind: str
) -> None:
    url = URL(f"{server.url}/api/v5/files/{path}", encoded=True)
    async with http.get(url) as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"
        assert (await response.json())["kind"] == kind


async def test_an_answer_to_head_has_no_body(server: Server, http: aiohttp.ClientSession) -> None:
    """What follows on the same connection must be the next answer, not the file."""
    cookie = http.headers["Cookie"]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for method, path in (("HEAD", "/api/v5/files/workspace/README.md"), ("GET", "/healthz")):
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"content-length: " in head.lower()
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "path", ["/theia/", "/theia/index.html", "/theia/../x", "/api/v5/files/workspace/a", "/x"]
)
async def test_nothing_without_a_token(server: Server, path: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(server.url + path) as response:
        assert response.status == 401


async def test_health(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as http:
        for path in ("/healthz", "/readyz"):
            async with http.get(path) as response:
                assert response.status == 200


async def test_pages_carry_their_security_headers(http: aiohttp.ClientSession) -> None:
    for path in ("/login", "/theia/", "/api/v5/files/workspace/README.md"):
        async with http.get(path) as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert "unsafe-inline" not in response.headers["Content-Security-Policy"].split("style-src")[0]


async def test_a_file_outside_the_frontend_is_not_served(server: Server, http: aiohttp.ClientSession) -> None:
    for path in ("..%2f..%2fcli.py", "%2e%2e/%2e%2e/cli.py", "..%2flogin.html", "assets"):
        async with http.get(URL(f"{server.url}/theia/{path}", encoded=True)) as response:
            assert response.status == 404


async def test_behind_a_trusted_proxy_cookies_are_secure(tmp_path: Path) -> None:
    account = {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}
    for trusted in (False, True):
        store = f"embedded:{tmp_path / f'store-{trusted}'}"
        server = Server(tmp_path, store, TRUST_PROXY=trusted)
        await server.start()
        try:
            headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.1, 192.0.2.7"}
            async with (
                aiohttp.ClientSession(server.url, headers=headers) as http,
                http.post("/api/v5/auth/register", json=account) as response,
            ):
                assert response.status == 201
                cookies = response.headers.getall("Set-Cookie")
                assert all(("Secure" in cookie) == trusted for cookie in cookies)
        finally:
            await server.kill()
