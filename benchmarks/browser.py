"""The first visit, and coming back, in headless Chromium.

The browser has only just been started, and its driver follows all it does, on the cores that the server uses.
On two cores that is about 0.7 s of a first visit of 2.4 s: in a browser at rest, asked by polling alone,
it took 1.6 s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from playwright.async_api import BrowserContext, Page, async_playwright

import theia_bridge
from benchmarks.figures import Figure, Plan, Skipped
from benchmarks.processes import Gateway, gateway

CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_README = "#explorer-view-container .theia-TreeNode:has-text('README.md')"
_PATIENCE = 60_000
_QUIET_SECONDS = 3.0
"""Seconds after the explorer is there in which the IDE goes on loading, which is counted."""
_SENT = re.compile(r" (?:GET|POST) \S+ \d+ (\d+) B ")


async def measure(plan: Plan) -> list[Figure]:
    """`browser`"""
    if reason := _missing():
        raise Skipped(reason)
    transferred: list[float] = []
    logged: list[float] = []
    first: list[float] = []
    again: list[float] = []
    for turn in range(plan.runs):
        folder = plan.folder / f"browser-{turn}"
        async with gateway(folder, log="info") as server, async_playwright() as playwright:
            # A profile on disk, as a user has: with the cache, and the cache of compiled code.
            context = await playwright.chromium.launch_persistent_context(
                folder / "profile", executable_path=CHROMIUM, args=_FLAGS, headless=True
            )
            try:
                visit = await _visit(server, context)
            finally:
                await context.close()
        transferred.append(visit[0] / 1e6)
        logged.append(visit[1] / 1e6)
        first.append(visit[2])
        again.append(visit[3])
    return [
        Figure(measure="browser", name="first visit, transferred", unit="MB", runs=transferred, at_most=2.6),
        Figure(measure="browser", name="the same by the access log, bodies", unit="MB", runs=logged),
        Figure(measure="browser", name="first visit, explorer with files", unit="s", runs=first, at_most=3),
        Figure(measure="browser", name="reload, explorer with files", unit="s", runs=again, at_most=2),
    ]


def _missing() -> str | None:
    """Why there is nothing to measure."""
    if not CHROMIUM.exists():
        return f"{CHROMIUM} is missing"
    if not (Path(theia_bridge.__file__).parent / "ide" / "theia" / "index.html").exists():
        return "the IDE is not built: run `make ide`"
    return None


async def _visit(server: Gateway, context: BrowserContext) -> tuple[float, float, float, float]:
    """Bytes by the browser and by the server, seconds of the first visit and of a reload."""
    form = {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}
    answer = await context.request.post(str(server.url / "api/v5/auth/register"), data=form)
    if not answer.ok:  # it also sets the browser's cookie
        raise RuntimeError(f"cannot register: {await answer.text()}")
    page = context.pages[0] if context.pages else await context.new_page()
    received = 0.0

    def count(event: Mapping[str, Any]) -> None:
        nonlocal received
        received += float(event["encodedDataLength"])

    devtools = await context.new_cdp_session(page)
    devtools.on("Network.loadingFinished", count)
    await devtools.send("Network.enable")
    before = _sent(server)
    started = perf_counter()
    await page.goto(str(server.url / "theia/"), wait_until="commit")
    first = await _until_files(page, started)
    await page.wait_for_timeout(_QUIET_SECONDS * 1000)
    counted, logged = received, _sent(server) - before
    started = perf_counter()
    await page.reload(wait_until="commit")
    return counted, logged, first, await _until_files(page, started)


async def _until_files(page: Page, started: float) -> float:
    await page.wait_for_selector(_README, timeout=_PATIENCE)
    return perf_counter() - started


def _sent(server: Gateway) -> float:
    """Bytes of bodies that the server has sent, by its access log."""
    text = (server.folder / "errors.log").read_text()
    return sum(float(size) for size in _SENT.findall(text))
