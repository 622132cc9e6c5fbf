"""The windows in which sessions are open, on all gateways.

A window is noted when it comes and when it goes, and costs nothing in between: it is there while its
gateway is. That is seen by the gateway's signs of life. Whoever has seen none for a while gives it up, and
its windows with it. Only whether a sign differs from the last one counts, so the clocks of gateways do not
matter.
"""

from __future__ import annotations

import os

import msgspec

from fdb_provider import keyspace, signals
from fdb_provider.engine import Reader, Transaction
from fdb_provider.scope import Scope

LIMIT = 200
"""Windows of a session that are told of."""
STEP = 20
"""Windows that one transaction gives up."""


class PresentWindow(msgspec.Struct, frozen=True):
    """A window in which a session is open.

    Args:
        gateway: where it is connected.
        channel: its connection; a later one takes its place.
        user_name: name of the user it is of.
        agent: the browser, as it calls itself.
        since: when it was opened, in milliseconds since 1970.
        file: path of the file that is looked at, "" for none.
    """

    gateway: str
    channel: str
    user_name: str
    agent: str
    since: int
    file: str = ""


class Place(msgspec.Struct, frozen=True):
    """Where a window is noted: in a session, under an id that is unique among the user's."""

    scope: Scope
    window: str

    @property
    def parts(self) -> tuple[str, str]:
        """Below the session's key."""
        return self.scope.user, self.window

    @property
    def whole(self) -> tuple[str, str, str, str]:
        """Below the gateway's key."""
        return self.scope.tenant, self.scope.session, *self.parts


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PresentWindow).decode


def signal(scope: Scope) -> bytes:
    """The signal that a session's windows have changed."""
    return keyspace.windows(scope.tenant, scope.session)


async def put(tr: Transaction, place: Place, window: PresentWindow) -> bool:
    """Notes that a window is there, or what has changed of it.

    Returns:
        False, and nothing is noted, if its gateway has given no sign of life yet or was given up.
    """
    if await tr.get(_gateway(window.gateway)) is None:
        return False
    before = await _get(tr, place)
    if before is not None and before.gateway != window.gateway:
        tr.clear(_of_gateway(before.gateway, place))
    tr.set(_of_gateway(window.gateway, place), b"")
    tr.set(_of_session(place), _encode(window))
    signals.give(tr, signal(place.scope))
    return True


async def remove(tr: Transaction, place: Place, channel: str) -> None:
    """Notes that a window is gone, unless it has come back on another connection."""
    window = await _get(tr, place)
    if window is not None and window.channel == channel:
        tr.clear(_of_gateway(window.gateway, place))
        await _clear(tr, place)


async def windows(tr: Reader, scope: Scope) -> list[tuple[Place, PresentWindow]]:
    """The windows in which a session is open, in the order of users and ids; at most `LIMIT`."""
    prefix = signal(scope)
    rows = tr.get_range(*keyspace.range_of(prefix), limit=LIMIT)
    found = []
    async for key, value in rows:
        user, window = keyspace.unpack(key, prefix)
        found.append((Place(Scope(scope.tenant, user, scope.session), window), _decode(value)))
    return found


def forget(tr: Transaction, tenant: str, session: str) -> None:
    """Clears what is noted of a session that goes for good."""
    key = keyspace.windows(tenant, session)
    tr.clear(key)
    tr.clear_range(*keyspace.range_of(key))


async def live(tr: Transaction, gateway: str) -> bool:
    """Gives a sign of life; False if it is the first, or the gateway was given up and its windows with it."""
    key = _gateway(gateway)
    known = await tr.get(key) is not None
    tr.set(key, os.urandom(8))
    return known


async def signs(tr: Reader) -> dict[str, bytes]:
    """The last sign of life of each gateway."""
    prefix = keyspace.gateways()
    rows = tr.get_range(*keyspace.range_of(prefix))
    return {keyspace.unpack(key, prefix)[0]: sign async for key, sign in rows}


async def give_up(tr: Transaction, gateway: str, sign: bytes) -> bool:
    """Takes away some windows of a gateway whose last sign of life that is, in the end the gateway itself.

    Returns:
        Whether nothing is left to do.
    """
    key = _gateway(gateway)
    if await tr.get(key) != sign:
        return True
    prefix = keyspace.windows_of(gateway)
    rows = [row async for row, _ in tr.get_range(*keyspace.range_of(prefix), limit=STEP)]
    for row in rows:
        tenant, session, user, name = keyspace.unpack(row, prefix)
        place = Place(Scope(tenant, user, session), name)
        window = await _get(tr, place)
        tr.clear(row)
        if window is not None and window.gateway == gateway:
            await _clear(tr, place)
    if len(rows) < STEP:
        tr.clear(key)
    return len(rows) < STEP


async def _get(tr: Reader, place: Place) -> PresentWindow | None:
    value = await tr.get(_of_session(place))
    return None if value is None else _decode(value)


async def _clear(tr: Transaction, place: Place) -> None:
    """Takes one out of its session; with the last one nothing is left of the session here."""
    key = _of_session(place)
    tr.clear(key)
    prefix = signal(place.scope)
    if [row async for row in tr.get_range(*keyspace.range_of(prefix), limit=1)]:
        signals.give(tr, prefix)
    else:
        tr.clear(prefix)


def _gateway(gateway: str) -> bytes:
    return keyspace.gateways() + keyspace.pack(gateway)


def _of_gateway(gateway: str, place: Place) -> bytes:
    return keyspace.windows_of(gateway) + keyspace.pack(*place.whole)


def _of_session(place: Place) -> bytes:
    return signal(place.scope) + keyspace.pack(*place.parts)
