"""Uploads as tests make them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from tests.process import Server

URL = "/api/v5/files/workspace/f"
MIB = 1024 * 1024


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


async def raw(server: Server, token: str, *lines: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which the head of a PUT was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = [f"PUT {URL} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *lines]
    writer.write("\r\n".join([*head, "", ""]).encode())
    await writer.drain()
    return reader, writer
