"""The files of the IDE."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from theia_bridge.config import Settings
from theia_bridge.ide.static import routes
from theia_bridge.middleware.errors import problems
from theia_bridge.state import SETTINGS


@pytest.mark.parametrize("name", ["%00", "a%00b/c", "x" * 5000, "%FF", "..%2Fsecret", "nothing"])
async def test_a_name_that_is_no_file_is_not_found(tmp_path: Path, name: str) -> None:
    ide = tmp_path / "ide"
    ide.mkdir()
    (ide / "index.html").write_text("IDE")
    (tmp_path / "secret").write_text("secret")
    app = web.Application(middlewares=[problems])
    app[SETTINGS] = Settings(ide=ide)
    app.add_routes(routes)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/theia/")).status == 200
        response = await client.get(URL(f"/theia/{name}", encoded=True))
        assert response.status == 404
        assert (await response.json())["kind"] == "NotFound"
