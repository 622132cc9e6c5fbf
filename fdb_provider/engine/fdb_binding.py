"""The official FoundationDB binding, made awaitable. Whatever touches its internals is in this module.

The binding's own asyncio event model does not work on Python >= 3.11, so a future is awaited through a
callback on the network thread and `call_soon_threadsafe`. One C callback serves every future (the binding
makes one for each, which costs more than a read), and one wake-up of the loop serves all that became ready.

Importing this module loads the C library; it raises StoreUnusable when that fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import struct
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, Final, Generic, TypeVar

import fdb

from fdb_provider.errors import StoreUnusable, TransactionTooOld

T = TypeVar("T")

API_VERSION: Final = 730
_PACKAGE: Final = "install the package foundationdb-clients, version 7.3 (7.4 works too)"


def _load() -> None:
    if fdb.is_api_version_selected():
        return
    try:
        fdb.api_version(API_VERSION)
    except RuntimeError as error:  # a library older than the binding; the text says which
        raise StoreUnusable(f"{error} To use it, {_PACKAGE}.") from error
    except Exception as error:  # the binding raises a bare Exception when it finds no library
        raise StoreUnusable(
            f"FoundationDB's C library (libfdb_c) cannot be loaded: {_PACKAGE}. ({error})"
        ) from error


_load()

from fdb.impl import FDBError, KeySelector, StreamingMode, _capi  # noqa: E402 - exist once loaded

__all__ = [
    "TIMED_OUT",
    "Bridge",
    "FDBError",
    "Pending",
    "is_maybe_committed",
    "issue_range",
    "nothing",
    "rows_of",
    "value_of",
]

TIMED_OUT: Final = 1031
_SWIFT: Final = 0.5
"""Seconds: a transaction that times out sooner than this after a read was begun was held open by its body."""

_pending: dict[int, tuple[Bridge, asyncio.Future[None], Any]] = {}
_ids = itertools.count(1)


def _on_ready(_future: int, number: int) -> None:
    bridge, waiter, _ = _pending.pop(number)
    bridge.wake(waiter)


_CALLBACK: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(_on_ready)


class Bridge:
    """Brings what happens on other threads into one event loop."""

    __slots__ = ("__weakref__", "_due", "_loop", "_ready")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._ready: deque[asyncio.Future[None]] = deque()
        self._due = False

    @classmethod
    def here(cls) -> Bridge:
        """The bridge into the running event loop."""
        loop = asyncio.get_running_loop()
        bridge = _bridges.get(loop)
        if bridge is None:
            with _bridges_lock:
                bridge = _bridges.setdefault(loop, cls(loop))
        return bridge

    def when_ready(self, future: Any) -> asyncio.Future[None]:
        """What is set once the binding's `future` is ready, whether with a result or an error."""
        waiter = asyncio.get_running_loop().create_future()
        number = next(_ids)
        _pending[number] = (self, waiter, future)  # and so the future lives until it has called back
        _set_callback(future.fpointer, _CALLBACK, number)
        return waiter

    def wake(self, waiter: asyncio.Future[None]) -> None:
        """Sets `waiter`. May be called on any thread."""
        self._ready.append(waiter)
        # Set before the loop is told and unset before it looks, so nothing is left behind.
        if not self._due:
            self._due = True
            loop = self._loop()
            if loop is not None and not loop.is_closed():
                with contextlib.suppress(RuntimeError):  # closed just now, so nobody waits in it
                    loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._due = False
        while self._ready:
            waiter = self._ready.popleft()
            if not waiter.done():
                waiter.set_result(None)


_bridges: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Bridge] = weakref.WeakKeyDictionary()
_bridges_lock = threading.Lock()


class Pending(Generic[T]):
    """An operation under way. It may be left unawaited; cancelling its await cancels it."""

    __slots__ = ("_bridge", "_future", "_result")

    def __init__(self, bridge: Bridge, future: Any, result: Callable[[Any], T]) -> None:
        """
        Args:
            future: the binding's future.
            result: takes the result out of it once it is ready; raises FDBError.
        """
        self._bridge = bridge
        self._future = future
        self._result = result

    def __await__(self) -> Generator[Any, None, T]:
        future = self._future
        started = time.monotonic()
        if not _is_ready(future.fpointer):
            waiter = self._bridge.when_ready(future)
            try:
                yield from waiter
            except BaseException:
                future.cancel()
                raise
        try:
            return self._result(future)
        except FDBError as error:
            if error.code == TIMED_OUT and time.monotonic() - started < _SWIFT:
                raise TransactionTooOld("a transaction was open for too long") from error
            raise


# --- results ----------------------------------------------------------------------------------------
# Prototypes of our own, so that pointers are plain integers: several times faster than the binding's.


def _function(name: str, *arguments: Any) -> Any:
    function = _capi[name]  # a new function object, unlike getattr: the binding's keeps its types
    function.argtypes = [ctypes.c_void_p, *arguments]
    function.restype = ctypes.c_int
    return function


_int_p: Final = ctypes.POINTER(ctypes.c_int)
_address_p: Final = ctypes.POINTER(ctypes.c_void_p)
_is_ready: Final = _function("fdb_future_is_ready")
_get_error: Final = _function("fdb_future_get_error")
_get_value: Final = _function("fdb_future_get_value", _int_p, _address_p, _int_p)
_get_rows: Final = _function("fdb_future_get_keyvalue_array", _address_p, _int_p, _int_p)
_set_callback: Final = _function("fdb_future_set_callback", type(_CALLBACK), ctypes.c_void_p)
_ROW: Final = struct.Struct("<QiQi")
"""FDBKeyValue of fdb_c.h: address and length of the key, then of the value; packed to 4 bytes."""


def _check(code: int) -> None:
    if code:
        raise FDBError(code)


def nothing(future: Any) -> None:
    """Result of a commit, a watch, an `on_error`."""
    _check(_get_error(future.fpointer))


def value_of(future: Any) -> bytes | None:
    """Result of a get."""
    present, address, length = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_int()
    _check(_get_value(future.fpointer, ctypes.byref(present), ctypes.byref(address), ctypes.byref(length)))
    if not present.value:
        return None
    return ctypes.string_at(address.value or 0, length.value)


def rows_of(future: Any) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Result of a range read: the rows, and whether more may follow."""
    address, count, more = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_int()
    _check(_get_rows(future.fpointer, ctypes.byref(address), ctypes.byref(count), ctypes.byref(more)))
    if not count.value:
        return [], False
    at = ctypes.string_at
    table = at(address.value or 0, count.value * _ROW.size)
    rows = [(at(k, k_len), at(v, v_len)) for k, k_len, v, v_len in _ROW.iter_unpack(table)]
    return rows, bool(more.value)


def issue_range(
    tr: Any, begin: bytes, end: bytes, limit: int, iteration: int, reverse: bool, *, after: bool = False
) -> Any:
    """Issues one batch of a range read. With `after`, `begin` itself is not part of it."""
    mode = StreamingMode.exact if limit else StreamingMode.want_all
    first = KeySelector.first_greater_than(begin) if after else KeySelector.first_greater_or_equal(begin)
    last = KeySelector.first_greater_or_equal(end)
    return tr._get_range(first, last, limit, mode, iteration, reverse)


def is_maybe_committed(error: FDBError) -> bool:
    """Whether a commit that failed with `error` may have been made all the same."""
    return bool(fdb.predicates.is_maybe_committed(error))
