"""Who has a session open, told to all who have, on every gateway.

A window is written to the store when it comes, when it goes and when another file is looked at; the gateway
that has windows gives a sign of life for all of them. So a gateway with a thousand idle windows writes as
often as one with a single one.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import DatabaseClosed, StoreError
from fdb_provider.models import new_id, now_ms
from fdb_provider.repositories import accounts, presence
from fdb_provider.repositories.presence import Place, PresentWindow
from fdb_provider.scope import Scope
from fdb_provider.signals import Signals
from rpc import Notify
from theia_bridge.methods.protocol import Wire
from theia_bridge.telling import Telling

_log = logging.getLogger(__name__)


class SessionWindow(Wire, frozen=True):
    """A window in which the session is open: its own id, and whose it is.

    `agent` is the browser as it calls itself; `since` is when it was opened, in milliseconds since 1970;
    `file` is the path of the file that is looked at, "" for none.
    """

    window: str
    user: str
    user_name: str
    agent: str
    since: int
    file: str


class WorkspacePresence(Wire, frozen=True):
    """The windows in which the session is open, those that were opened first coming first."""

    windows: list[SessionWindow]


class Attending(NamedTuple):
    """What a window tells of itself, see `methods.presence.AttendParams`."""

    window: str
    age: int
    file: str


class Pace(NamedTuple):
    """Seconds.

    Args:
        sign: between two signs of life of a gateway.
        patience: without one, after which it is given up. With what passes until the last sign is seen, and
            until the next look, its windows are gone within a minute.
        pause: between two writes of what has changed of one window.
        retry: before one is written or read again when the store did not answer.
    """

    sign: float = 10.0
    patience: float = 35.0
    pause: float = 2.0
    retry: float = 5.0


PACE = Pace()


class Presence:
    """The windows of one gateway: run `run()` as a task."""

    def __init__(self, db: Database, signals: Signals, pace: Pace = PACE) -> None:
        self.pace = pace
        self.db = db
        self.signals = signals
        self.gateway = new_id()
        self.attending: set[Attendance] = set()
        self._gone: dict[tuple[Place, str], None] = {}
        self._signs: dict[str, tuple[bytes, float]] = {}

    def attendance(self, scope: Scope, agent: str, notify: Notify) -> Attendance:
        """What a channel may say of its window."""
        return Attendance(self, scope, agent, notify)

    async def windows(self, scope: Scope) -> WorkspacePresence:
        """The windows in which a session is open. Raises `StoreError`."""

        async def body(tr: Reader) -> list[tuple[Place, PresentWindow]]:
            return await presence.windows(tr, scope)

        found = await self.db.read(body)
        told = [
            SessionWindow(
                window=place.window,
                user=place.scope.user,
                user_name=window.user_name,
                agent=window.agent,
                since=window.since,
                file=window.file,
            )
            for place, window in found
        ]
        return WorkspacePresence(windows=sorted(told, key=lambda window: (window.since, window.window)))

    async def leave(self, place: Place, channel: str) -> None:
        """Takes a window away; later, if the store does not answer."""
        try:
            await self.db.run(partial(presence.remove, place=place, channel=channel))
        except DatabaseClosed:
            pass  # then this gateway is going, and others give it up
        except StoreError:
            self._gone[place, channel] = None

    async def revive(self) -> None:
        """Gives a sign of life; has all windows noted if this gateway was given up. Raises `StoreError`."""
        if not await self.db.run(partial(presence.live, gateway=self.gateway)):
            for attendance in self.attending:
                attendance.write()

    async def run(self) -> None:
        """Gives signs of life, and gives up those who give none, until cancelled."""
        while True:
            try:
                await self._live()
                await self._give_up()
            except DatabaseClosed:
                return
            except StoreError as error:
                _log.warning("presence waits for the store: %s", error)
            await asyncio.sleep(self.pace.sign)

    async def close(self) -> None:
        """Gives this gateway up at once: its windows have gone, or will be noted by others."""
        with suppress(StoreError):
            sign = (await self.db.read(presence.signs)).get(self.gateway)
            while sign is not None and not await self.db.run(
                partial(presence.give_up, gateway=self.gateway, sign=sign)
            ):
                pass

    async def _live(self) -> None:
        for place, channel in list(self._gone):
            del self._gone[place, channel]
            await self.leave(place, channel)
        await self.revive()

    async def _give_up(self) -> None:
        now = asyncio.get_running_loop().time()
        signs = await self.db.read(presence.signs)
        self._signs = {
            gateway: before if (before := self._signs.get(gateway)) and before[0] == sign else (sign, now)
            for gateway, sign in signs.items()
            if gateway != self.gateway
        }
        for gateway, (sign, seen) in self._signs.items():
            if now - seen >= self.pace.patience:
                while not await self.db.run(partial(presence.give_up, gateway=gateway, sign=sign)):
                    pass


class Attendance:
    """The window of one channel, once it has told of itself."""

    def __init__(self, of: Presence, scope: Scope, agent: str, notify: Notify) -> None:
        self._of = of
        self._scope = scope
        self._agent = agent
        self._notify = notify
        self._channel = new_id()
        self._place: Place | None = None
        self._since = 0
        self._file = ""
        self._to_write = asyncio.Event()
        self._told: WorkspacePresence | None = None
        self._task: asyncio.Task[None] | None = None
        self._writing: set[asyncio.Task[bool]] = set()
        self._telling: Telling | None = None

    async def windows(self) -> WorkspacePresence:
        """The windows in which the session is open. Raises `StoreError`."""
        return await self._of.windows(self._scope)

    def attend(self, told: Attending) -> None:
        """The window is there, and so it is from now on."""
        if self._place is None:
            self._place = Place(self._scope, told.window)
            self._since = now_ms() - told.age
            self._of.attending.add(self)
            self._task = asyncio.create_task(self._keep_writing(self._place))
            key = presence.signal(self._scope)
            self._telling = Telling(self._of.signals, key, self._tell, self._of.pace.retry)
            self.write()
        if told.file != self._file:
            self._file = told.file
            self.write()

    def write(self) -> None:
        """Has the window noted as it is now."""
        self._to_write.set()

    async def close(self) -> None:
        """The channel has ended."""
        self._of.attending.discard(self)
        if self._place is None or self._task is None or self._telling is None:
            return
        self._task.cancel()
        await self._telling.close()
        # What is being written comes to its end first: it must not come to the store behind the leave.
        await asyncio.wait([self._task, *self._writing])
        await self._of.leave(self._place, self._channel)

    async def _keep_writing(self, place: Place) -> None:
        while True:
            await self._to_write.wait()
            self._to_write.clear()
            writing = asyncio.create_task(self._put(place))
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)
            try:
                if not await asyncio.shield(writing):
                    self._to_write.set()
                    await self._of.revive()
                    continue
                await asyncio.sleep(self._of.pace.pause)
            except DatabaseClosed:
                return
            except StoreError:
                self._to_write.set()
                await asyncio.sleep(self._of.pace.retry)

    async def _put(self, place: Place) -> bool:
        async def body(tr: Transaction) -> bool:
            user = await accounts.user(tr, self._scope.tenant, self._scope.user)
            window = PresentWindow(
                gateway=self._of.gateway,
                channel=self._channel,
                user_name="" if user is None else user.name,
                agent=self._agent,
                since=self._since,
                file=file,
            )
            return await presence.put(tr, place, window)

        file = self._file
        return await self._of.db.run(body)

    async def _tell(self) -> None:
        now = await self.windows()
        if now != self._told:
            await self._notify("workspace.didChangePresence", now)
            self._told = now
