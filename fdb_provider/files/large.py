"""Changes of folders too large for one transaction, which appear at once all the same.

An intent is kept first. Then the names below the source are written below the target in several transactions,
marked as not to be seen (`mark`), or for a deletion their contents are listed. One last transaction makes the
change as a small one is made, with the same checks, feed record and answer to its idempotency key, but that
all below the folder is there already: what was marked is seen, and what was at the source is cleared as a
range. Behind it the marks are taken off, or the contents released.

Every step is a transaction that reads how far the intent is and says how far it is now. So a crash leaves it
between two steps, and anybody can make the next one, several at a time too: the gateway that began it, or, if
no step was made for a while, any other that meets it. What turns out to be impossible is undone step by step.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from enum import Enum
from functools import partial
from time import monotonic
from typing import Any, Protocol

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.errors import (
    DatabaseClosed,
    DirectoryNotEmpty,
    StoreError,
    StoreUnavailable,
    TransactionTooLarge,
    TransactionTooOld,
)
from fdb_provider.files import content, intent, mark, phases
from fdb_provider.files.changes import Answer, Apply, Body, Done
from fdb_provider.files.intent import Busy, Intent
from fdb_provider.files.operation import Means, Operation, perform
from fdb_provider.files.paths import Location, Region
from fdb_provider.files.phases import Lost
from fdb_provider.files.retention import Retention
from fdb_provider.files.steps import Steps
from fdb_provider.scope import Scope


class Step(Protocol):
    """One transaction of an intent's phase; whether there is more to do."""

    async def __call__(self, tr: Transaction, /, *, of: Intent, steps: Steps) -> bool: ...


_ATTEMPTS = 3
"""How often an operation is begun whose intent somebody else has undone."""
_PASSING = (StoreUnavailable, DatabaseClosed, TransactionTooOld)
"""Errors that leave an intent as it is, for whoever comes next."""

_log = logging.getLogger(__name__)


class _State(Enum):
    """What has become of an intent: it is in another phase or gone, has made a step, or none."""

    LEFT = 0
    GOES_ON = 1
    STALLED = 2


class Large:
    """Runs changes, those of large folders too, and keeps the others away from these.

    Args:
        apply: runs one change in one transaction: its feed record, idempotency key and quotas.
    """

    def __init__(self, db: Database, steps: Steps, retention: Retention, apply: Apply) -> None:
        self._db = db
        self._steps = steps
        self._retention = retention
        self._apply = apply
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._mine: set[bytes] = set()

    async def change(
        self,
        scope: Scope,
        at: Location,
        key: str | None,
        body: Body,
        roots: list[bytes],
        regions: list[Region],
    ) -> Answer:
        """Runs a change of those regions as `apply` does, once no intent has a name in common with them.

        Raises:
            StoreUnavailable: one still has after `Steps.patience`. The message says what is going on.
        """

        async def guarded(tr: Transaction, now: int) -> Done:
            intents = intent.issue(tr, roots)
            try:
                done = await body(tr, now)
            except StoreError:
                await intent.check(intents, regions)
                raise
            await intent.check(intents, regions)
            return done

        until: float | None = None
        while True:
            try:
                return await self._apply(scope, at, key, guarded)
            except Busy as busy:
                until = until or monotonic() + self._steps.patience
                await self._wait(busy.intent, until)

    async def run(self, operation: Operation) -> Answer:
        """Does it in one transaction if it is small, else by an intent.

        Raises:
            DirectoryNotEmpty: a large folder can neither replace one with entries nor be replaced.
        """
        small = partial(_small, operation=operation, steps=self._steps, retention=self._retention)
        scope, at, key = operation.scope, operation.at, operation.key or None
        for _ in range(_ATTEMPTS):
            try:
                return await self.change(scope, at, key, small, operation.roots, operation.regions)
            except TransactionTooLarge:
                try:
                    begun = await self._begin(operation)
                except DirectoryNotEmpty as error:
                    # Unless the one who has filled it was an earlier attempt: that is answered alike.
                    return await self._apply(scope, at, key, partial(_refuse, error=error))
            self._mine.add(begun.id)
            try:
                answer = await self._carry_out(begun)
            except Lost:
                continue
            finally:
                self._mine.discard(begun.id)
            self._spawn(begun.id, self._settle(begun))
            return answer
        raise StoreUnavailable(f"{operation.doing}, and it does not come to an end; try again later")

    async def resume(self, root: bytes) -> None:
        """Sees that an intent of a root comes to its end, if nobody else does; returns once there is none."""
        while (found := await self._db.read(partial(intent.find, root=root))) is not None:
            if await self._watch(found, self._steps.stall) is _State.STALLED:
                await self._take_over(found)

    def look_after(self, root: bytes) -> None:
        """Does the same in the background."""
        self._spawn(root, self.resume(root))

    async def close(self) -> None:
        """Stops what goes on in the background; another gateway, or the next start, goes on with it."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- the steps of one intent --------------------------------------------------------------------

    async def _begin(self, operation: Operation) -> Intent:
        begun = Intent(secrets.token_bytes(mark.ID_LENGTH), mark.FILLING, operation, content.now())
        until = monotonic() + self._steps.patience
        while True:
            try:
                await self._db.run(partial(phases.begin, begun=begun))
                return begun
            except Busy as busy:
                await self._wait(busy.intent, until)

    async def _carry_out(self, begun: Intent) -> Answer:
        """All up to the transaction in which it is seen; the answer. It is undone if that cannot be."""
        operation = begun.operation
        flip = partial(phases.flip, of=begun, steps=self._steps, retention=self._retention)
        try:
            while await self._db.run(partial(phases.fill, of=begun, steps=self._steps)):
                pass
            return await self._apply(operation.scope, operation.at, _key(begun), flip)
        except (Lost, *_PASSING):
            raise
        except Exception:
            await self._undo(begun)
            raise

    async def _settle(self, of: Intent) -> None:
        """What is left once an intent's operation has been answered."""
        found, _ = await self._db.read(partial(intent.current, of=of))
        if found is None:
            return
        if found.phase == mark.SHOWN:
            await self._repeat(phases.tidy, of)
        else:  # somebody's earlier attempt with the same idempotency key was answered
            await self._undo(of)

    async def _undo(self, of: Intent) -> None:
        await self._db.run(partial(phases.give_up, of=of))
        await self._repeat(phases.take_back, of)

    async def _repeat(self, step: Step, of: Intent) -> None:
        while await self._db.run(partial(step, of=of, steps=self._steps)):
            pass

    # --- waiting for one, and taking one over -------------------------------------------------------

    async def _wait(self, of: Intent, until: float) -> None:
        """Waits until an intent is in another phase or gone, and sees to it if nobody else does.

        Raises:
            StoreUnavailable: it is still there at that time.
        """
        while (left := until - monotonic()) > 0:
            state = await self._watch(of, min(left, self._steps.stall))
            if state is _State.LEFT:
                return
            if state is _State.STALLED and left > self._steps.stall:
                self._spawn(of.id, self._take_over(of))
        raise StoreUnavailable(str(Busy(of)))

    async def _watch(self, of: Intent, seconds: float) -> _State:
        """What becomes of an intent in that time."""
        found, before = await self._db.read(partial(intent.current, of=of))
        if found is None or found.phase != of.phase:
            return _State.LEFT
        try:
            async with asyncio.timeout(seconds):
                await self._db.watch(keyspace.intent(of.operation.roots[0]), intent.encode(found))
            return _State.LEFT
        except TimeoutError:
            _, now = await self._db.read(partial(intent.current, of=of))
            return _State.STALLED if now == before else _State.GOES_ON

    async def _take_over(self, of: Intent) -> None:
        """Brings an intent to its end that somebody else has begun."""
        if of.phase == mark.FILLING:
            _log.warning("taken over: %s", of.operation.doing)
            try:
                await self._carry_out(of)
            except Lost:
                return
            except _PASSING:
                raise
            except Exception as error:  # whoever asked for it is gone
                _log.warning("undone: %s: %s", of.operation.doing, error)
                return
            await self._settle(of)
        else:
            await self._repeat(phases.tidy if of.phase == mark.SHOWN else phases.take_back, of)

    def _spawn(self, about: bytes, work: Coroutine[Any, Any, None]) -> None:
        """Runs work on an intent (its id) or a root in the background, once at a time."""
        if about in self._tasks or about in self._mine:
            work.close()
            return
        task = asyncio.create_task(_quietly(work))
        self._tasks[about] = task
        task.add_done_callback(lambda _: self._tasks.pop(about, None))


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except DatabaseClosed:
        pass
    except StoreError as error:
        _log.warning("a large folder is left for later: %s", error)


async def _small(
    tr: Transaction, now: int, *, operation: Operation, steps: Steps, retention: Retention
) -> Done:
    return await perform(tr, operation, Means(now, steps, retention))


async def _refuse(tr: Transaction, now: int, *, error: StoreError) -> Done:
    raise error


def _key(of: Intent) -> str:
    """The idempotency key of the transaction in which an intent is seen: it always has one, so that whoever
    carried it out, the answer is found by all others."""
    return of.operation.key or f"intent-{of.id.hex()}"
