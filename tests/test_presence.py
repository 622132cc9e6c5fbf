"""Presence on several gateways of one store: what ends without a word, and what was given up alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import msgspec
import pytest

from fdb_provider.engine import Database, Reader
from fdb_provider.repositories import presence as stored
from fdb_provider.scope import Scope
from fdb_provider.signals import Signals
from theia_bridge.presence import Attendance, Attending, Pace, Presence, WorkspacePresence

SCOPE = Scope("tenant", "ada", "session")
PACE = Pace(sign=0.05, patience=0.5, pause=0.01, retry=0.05)


class Gateway:
    """What is of presence on a gateway, until it ends."""

    def __init__(self, database: Database) -> None:
        self._signals = Signals(database)
        self.presence = Presence(database, self._signals, PACE)
        self.told: asyncio.Queue[list[str]] = asyncio.Queue()
        self.run()

    def run(self) -> None:
        self.task = asyncio.create_task(self.presence.run())

    def freeze(self) -> None:
        """It gives no sign of life any more."""
        self.task.cancel()

    def open(self, window: str, age: int = 0) -> Attendance:
        attendance = self.presence.attendance(SCOPE, "Chromium", self._hear)
        attendance.attend(Attending(window, age, ""))
        return attendance

    async def _hear(self, _: str, told: msgspec.Struct) -> None:
        assert isinstance(told, WorkspacePresence)
        self.told.put_nowait([window.window for window in told.windows])

    async def until(self, *windows: str) -> None:
        """Returns when it was told that these, and no others, are there."""
        async with asyncio.timeout(30):
            while await self.told.get() != [*windows]:
                pass

    async def close(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task
        for attendance in list(self.presence.attending):
            await attendance.close()
        await self._signals.close()
        await self.presence.close()


@pytest.fixture
async def gateway(database: Database) -> AsyncIterator[Callable[[], Gateway]]:
    """Makes gateways of one store."""
    made: list[Gateway] = []

    def make() -> Gateway:
        made.append(Gateway(database))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def rows(database: Database) -> list[bytes]:
    async def body(tr: Reader) -> list[bytes]:
        return [key async for key, _ in tr.get_range(b"", b"\xff") if b"window" in key or b"gateway" in key]

    return await database.read(body)


async def test_the_windows_of_a_gateway_that_has_ended_vanish(gateway: Callable[[], Gateway]) -> None:
    here, there = gateway(), gateway()
    here.open("a", 200)
    await here.until("a")
    for window, age in (("b", 150), ("c", 100)):
        there.open(window, age)
    await here.until("a", "b", "c")
    there.freeze()
    await here.until("a")

    # It was only slow: its windows are there again.
    there.run()
    await here.until("a", "b", "c")


async def test_a_window_that_comes_back_elsewhere_is_one(gateway: Callable[[], Gateway]) -> None:
    here, there, third = gateway(), gateway(), gateway()
    third.open("other", 200)
    await third.until("other")
    first = here.open("a", 100)
    await third.until("other", "a")
    there.open("a", 100)
    await there.until("other", "a")
    # Its old connection is found to have ended only now.
    await first.close()
    here.freeze()
    there.open("b")
    await third.until("other", "a", "b")
    there.freeze()
    await third.until("other")


async def test_nothing_is_left_of_windows_that_have_gone(
    gateway: Callable[[], Gateway], database: Database
) -> None:
    here, there = gateway(), gateway()
    count = stored.STEP + 20  # more than are given up in one transaction
    windows = [there.open(f"w{i:04}", count - i) for i in range(count)]
    here.open("z")
    await here.until(*(f"w{i:04}" for i in range(count)), "z")
    await windows[0].close()
    there.freeze()
    await here.until("z")
    await here.close()
    assert await rows(database) == []


async def test_what_is_written_while_the_window_goes_does_not_stay(
    gateway: Callable[[], Gateway], database: Database
) -> None:
    here = gateway()
    closing: list[Awaitable[None]] = []
    for i in range(50):
        window = here.open(f"{i}")
        for _ in range(i):
            await asyncio.sleep(0)
        closing.append(window.close())
    await asyncio.gather(*closing)
    assert (await here.presence.windows(SCOPE)).windows == []
    await here.close()
    assert await rows(database) == []
