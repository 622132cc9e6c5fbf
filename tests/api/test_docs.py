"""The document and its page, as they are served."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from theia_bridge.app import create_app
from theia_bridge.config import Settings

Site = TestClient[web.Request, web.Application]
SCRIPT = "docs.0123456789.js"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A server whose frontend is to be built yet in the folder `ide`."""
    settings = Settings(
        store=f"embedded:{tmp_path / 'store'}",
        keys=tmp_path / "keys",
        cache=tmp_path / "cache",
        ide=tmp_path / "ide",
    )
    async with TestClient(TestServer(await create_app(settings)), auto_decompress=False) as client:
        yield client


async def test_the_document_is_open_to_everybody(site: Site) -> None:
    response = await site.get("/api/v5/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert (response.status, response.content_type) == (200, "application/json")
    document = json.loads(gzip.decompress(await response.read()))
    assert document["openapi"].startswith("3.1.")
    again = await site.get("/api/v5/openapi.json", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == 304


async def test_the_page_needs_nothing_from_elsewhere_and_no_sign_in(site: Site, tmp_path: Path) -> None:
    assert (await site.get("/api/v5/docs")).status == 503
    built = tmp_path / "ide" / "docs"
    built.mkdir(parents=True)
    (tmp_path / "ide" / "index.html").write_text("IDE")
    (built / "index.html").write_text("<title>API</title>")
    (built / SCRIPT).write_text("1")
    (built / f"{SCRIPT}.br").write_bytes(b"compressed")

    page = await site.get("/api/v5/docs")
    assert (page.status, page.content_type, await page.text()) == (200, "text/html", "<title>API</title>")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy

    script = await site.get(f"/api/v5/docs/{SCRIPT}", headers={"Accept-Encoding": "br"})
    assert (script.status, script.content_type) == (200, "text/javascript")
    assert (script.headers["Content-Encoding"], await script.read()) == ("br", b"compressed")
    assert "immutable" in script.headers["Cache-Control"]
    assert (await site.get("/api/v5/docs/other.0123456789.js")).status == 404


@pytest.mark.parametrize("name", ["..%2Findex.html", "index.html", f"{SCRIPT}.br", "a%00.0123456789.js"])
async def test_nothing_but_the_page_is_there(site: Site, name: str) -> None:
    async with site.get(URL(f"/api/v5/docs/{name}", encoded=True)) as response:
        assert response.status in (404, 422)
