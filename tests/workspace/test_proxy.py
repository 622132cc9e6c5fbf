"""Browsers' sockets to a runtime: who is let in, and for how long."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
import pytest

from tests.process import Server


async def refused(server: Server, path: str, **headers: str) -> HTTPStatus:
    """The status with which an upgrade is refused."""
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(f"{server.url}{path}", headers=headers)
        return HTTPStatus(caught.value.status)


@pytest.mark.parametrize("path", ["/ws/terminal/1", "/ws/lsp/python"])
async def test_nobody_is_let_in_without_a_good_token(server: Server, path: str) -> None:
    good = (await server.register("ada@example.com")).access_token
    for token in ("", "x.y.z", good[:-2] + "xx"):
        assert await refused(server, f"{path}?token={token}") is HTTPStatus.UNAUTHORIZED
    assert await refused(server, path) is HTTPStatus.UNAUTHORIZED
    foreign = await refused(server, f"{path}?token={good}", Origin="https://evil.example")
    assert foreign is HTTPStatus.FORBIDDEN
    assert await refused(server, "/ws/lsp/klingon", Authorization=f"Bearer {good}") is HTTPStatus.NOT_FOUND
