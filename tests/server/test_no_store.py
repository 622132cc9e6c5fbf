"""Starting without a store that answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests import fdbserver
from tests.process import PASSWORD, Server, environment, run


@pytest.mark.skipif(bool(fdbserver.missing_library()), reason="libfdb_c is not installed")
async def test_a_cluster_that_does_not_answer(tmp_path: Path) -> None:
    """Start-up says so within 5 s and goes on; requests are refused, not left hanging."""
    cluster = tmp_path / "fdb.cluster"
    cluster.write_text("nobody:home@127.0.0.1:1")
    server = Server(tmp_path, f"fdb:{cluster}")
    await server.start()
    account = {"email": "ada@example.com", "password": PASSWORD}
    try:
        async with aiohttp.ClientSession(server.url) as http:
            async with http.get("/healthz") as response:
                assert response.status == 200
            async with asyncio.timeout(60):  # an answer, not a hang
                async with http.get("/readyz") as response:
                    assert response.status == 503
                async with http.post("/api/v5/auth/login", json=account) as response:
                    assert response.status == 503
                    assert (await response.json())["kind"] == "Unavailable"
    finally:
        log = await server.stop()
    assert "does not answer" in log
    assert str(cluster) in log


async def test_without_the_client_library_the_package_is_named(tmp_path: Path) -> None:
    """A folder without the library in front of the loader's path stands for a machine without it."""
    env = environment(tmp_path, STORE=f"fdb:{tmp_path / 'fdb.cluster'}")
    broken = tmp_path / "library"
    broken.mkdir()
    (broken / "libfdb_c.so").write_text("not a library")
    env["LD_LIBRARY_PATH"] = str(broken)
    code, _, err = await run("serve", "--port", "0", env=env, cwd=tmp_path)
    assert code == 1
    assert "foundationdb-clients" in err
    assert "Traceback" not in err
