"""Runs the application until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable

import uvloop
from aiohttp import web

from theia_bridge.app import create_app
from theia_bridge.config import Settings
from theia_bridge.log import setup_log
from theia_bridge.middleware.request_log import AccessLogger
from theia_bridge.state import DOORS, RUNTIMES

SHUTDOWN_SECONDS = 4.0
"""How long requests under way may take once the server was told to stop; aiohttp waits for it twice."""

LINE_BYTES = 64 * 1024
"""Bytes of the first line of a request: a path of 4,096 bytes takes three times as many, and a parameter of
5,000 characters twelve times."""

SWITCH_SECONDS = 0.0005
"""How long the event loop may keep the store's thread waiting for the interpreter. With Python's own 5 ms and
20 under way, a write on the embedded store takes a tenth longer, and one on FoundationDB a fifth."""

GC_THRESHOLD = (10_000, 20, 20)
"""Python's own (700, 10, 10) looks for cycles every few calls and takes 3 % of a write; calls leave none."""


def run(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM.

    Args:
        announce: called with the server's URL once it accepts connections.

    Raises:
        OSError: the address cannot be listened on.
        StoreUnusable, StoreInUse, KeysUnusable: as `create_app`.
    """
    setup_log(settings.log_format, settings.log_level)
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*GC_THRESHOLD)
    uvloop.run(_serve(settings, announce))


async def _serve(settings: Settings, announce: Callable[[str], None]) -> None:
    app = await create_app(settings)
    runner = web.AppRunner(
        app,
        access_log_class=AccessLogger,
        access_log=logging.getLogger("theia_bridge.access"),
        shutdown_timeout=SHUTDOWN_SECONDS,
        max_line_size=LINE_BYTES,
    )
    await runner.setup()
    assert runner.server is not None
    app[DOORS].serve_with(runner.server)
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not look at it again and again
        announce(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        await _told_to_stop()
        await site.stop()
        # Before aiohttp reads nothing more on any connection: what programs wrote last is yet to be stored.
        await app[RUNTIMES].close()
    finally:
        await runner.cleanup()


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
