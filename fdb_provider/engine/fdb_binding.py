"""The official FoundationDB binding, made awaitable. Whatever touches its internals is in this module.

The binding's own asyncio event model does not work on Python >= 3.11, so a future is awaited through a
callback on the network thread and `call_soon_threadsafe`. One C callback serves every future (the binding
makes one for each, which costs more than a read), and one wake-up of the loop serves all that became ready.

The binding loads the C library and opens databases. Transactions call it through prototypes of our own, which
take pointers as plain integers and keep the interpreter's lock: none of these functions waits for anything
(they hand their work to the network thread), and a call takes 0.3 to 1 microseconds instead of 3 to 6.

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

from fdb.fdboptions import MutationType, StreamingMode, TransactionOption  # noqa: E402
from fdb.impl import FDBError, _capi  # noqa: E402 - exist once loaded

__all__ = ["TIMED_OUT", "Bridge", "FDBError", "Handle", "Pending", "is_maybe_committed"]

TIMED_OUT: Final = 1031
_SWIFT: Final = 0.5
"""Seconds: a transaction that times out sooner than this after a read was begun was held open by its body."""

_pending: dict[int, tuple[Bridge, asyncio.Future[None], Pending[Any]]] = {}
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

    def when_ready(self, pending: Pending[Any]) -> asyncio.Future[None]:
        """What is set once `pending` is ready, whether with a result or an error."""
        waiter = asyncio.get_running_loop().create_future()
        number = next(_ids)
        _pending[number] = (self, waiter, pending)  # and so it lives until it has called back
        _set_callback(pending.pointer, _CALLBACK, number)
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

    __slots__ = ("_bridge", "_result", "pointer")

    pointer: int
    """The C library's future."""

    def __init__(self, bridge: Bridge, pointer: int, result: Callable[[int], T]) -> None:
        """
        Args:
            result: takes the result out of the future once it is ready; raises FDBError.
        """
        self._bridge = bridge
        self.pointer = pointer
        self._result = result

    def __del__(self) -> None:
        _destroy_future(self.pointer)

    def cancel(self) -> None:
        """Ends it with an error, unless it is ready."""
        _cancel(self.pointer)

    def result(self) -> T:
        """The result of one that is ready. Raises FDBError."""
        return self._result(self.pointer)

    def __await__(self) -> Generator[Any, None, T]:
        pointer = self.pointer
        started = time.monotonic()
        if not _is_ready(pointer):
            waiter = self._bridge.when_ready(self)
            try:
                yield from waiter
            except BaseException:
                _cancel(pointer)
                raise
        try:
            return self._result(pointer)
        except FDBError as error:
            if error.code == TIMED_OUT and time.monotonic() - started < _SWIFT:
                raise TransactionTooOld("a transaction was open for too long") from error
            raise


# --- the C library ------------------------------------------------------------------------------------
# PyDLL keeps the interpreter's lock in a call.

_library: Final = ctypes.PyDLL(_capi._name, handle=_capi._handle)
_pointer: Final = ctypes.c_void_p
_address_p: Final = ctypes.POINTER(ctypes.c_void_p)
_int: Final = ctypes.c_int
_int_p: Final = ctypes.POINTER(ctypes.c_int)
_text: Final = ctypes.c_char_p


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = _library[name]
    function.argtypes = arguments
    function.restype = result
    return function


_is_ready: Final = _function("fdb_future_is_ready", _int, _pointer)
_get_error: Final = _function("fdb_future_get_error", _int, _pointer)
_get_value: Final = _function("fdb_future_get_value", _int, _pointer, _int_p, _address_p, _int_p)
_get_rows: Final = _function("fdb_future_get_keyvalue_array", _int, _pointer, _address_p, _int_p, _int_p)
_set_callback: Final = _function("fdb_future_set_callback", _int, _pointer, type(_CALLBACK), _pointer)
_cancel: Final = _function("fdb_future_cancel", None, _pointer)
_destroy_future: Final = _function("fdb_future_destroy", None, _pointer)
_create: Final = _function("fdb_database_create_transaction", _int, _pointer, _address_p)
_destroy: Final = _function("fdb_transaction_destroy", None, _pointer)
_set_option: Final = _function("fdb_transaction_set_option", _int, _pointer, _int, _text, _int)
_read_version: Final = _function("fdb_transaction_get_read_version", _pointer, _pointer)
_get: Final = _function("fdb_transaction_get", _pointer, _pointer, _text, _int, _int)
_get_range: Final = _function(
    "fdb_transaction_get_range",
    _pointer,
    *(_pointer, _text, _int, _int, _int, _text, _int, _int, _int),
    *(_int, _int, _int, _int, _int, _int),
)
_set: Final = _function("fdb_transaction_set", None, _pointer, _text, _int, _text, _int)
_clear: Final = _function("fdb_transaction_clear", None, _pointer, _text, _int)
_clear_range: Final = _function("fdb_transaction_clear_range", None, _pointer, _text, _int, _text, _int)
_atomic: Final = _function("fdb_transaction_atomic_op", None, _pointer, _text, _int, _text, _int, _int)
_add_conflict: Final = _function(
    "fdb_transaction_add_conflict_range", _int, _pointer, _text, _int, _text, _int, _int
)
_watch: Final = _function("fdb_transaction_watch", _pointer, _pointer, _text, _int)
_commit: Final = _function("fdb_transaction_commit", _pointer, _pointer)
_on_error: Final = _function("fdb_transaction_on_error", _pointer, _pointer, _int)

_ROW: Final = struct.Struct("<QiQi")
"""FDBKeyValue of fdb_c.h: address and length of the key, then of the value; packed to 4 bytes."""
_READ_CONFLICT: Final = 0
"""FDB_CONFLICT_RANGE_TYPE_READ of fdb_c_options.g.h."""
_ADD: Final = MutationType["add"][0]
_VERSIONSTAMPED_KEY: Final = MutationType["set_versionstamped_key"][0]
_WANT_ALL: Final = StreamingMode["want_all"][0]
_EXACT: Final = StreamingMode["exact"][0]
_TIMEOUT: Final = TransactionOption["timeout"][0]


class Handle:
    """A transaction of the C library. Each read is issued when it is called.

    It must live as long as what it has issued is wanted: its end cancels that.
    """

    __slots__ = ("_bridge", "_pointer")

    def __init__(self, database: Any, bridge: Bridge) -> None:
        """
        Args:
            database: the binding's.
        """
        self._bridge = bridge
        self._pointer: int = 0
        pointer = ctypes.c_void_p()
        _check(_create(database.dpointer, ctypes.byref(pointer)))
        self._pointer = pointer.value or 0

    def __del__(self) -> None:
        if self._pointer:  # 0: it could not be made
            _destroy(self._pointer)

    def set_timeout(self, milliseconds: int) -> None:
        """How long the transaction may take from its beginning; 0 means for ever."""
        _check(_set_option(self._pointer, _TIMEOUT, milliseconds.to_bytes(8, "little"), 8))

    def read_version(self) -> Pending[None]:
        """Ready once the cluster has answered."""
        return Pending(self._bridge, _read_version(self._pointer), _nothing)

    def get(self, key: bytes, snapshot: bool) -> Pending[bytes | None]:
        return Pending(self._bridge, _get(self._pointer, key, len(key), snapshot), _value)

    def get_range(
        self,
        begin: bytes,
        end: bytes,
        *,
        limit: int,
        iteration: int,
        reverse: bool,
        snapshot: bool,
        after: bool = False,
    ) -> Pending[tuple[list[tuple[bytes, bytes]], bool]]:
        """One batch of a range read: the rows, and whether more may follow.

        Args:
            limit: rows of all batches that are left; 0 means all.
            iteration: the number of the batch, from 1.
            after: `begin` itself is not part of it.
        """
        # Key selectors: first_greater_than(begin) or first_greater_or_equal(begin), and the latter of end.
        pointer = _get_range(
            self._pointer,
            *(begin, len(begin), after, 1, end, len(end), False, 1),
            *(limit, 0, _EXACT if limit else _WANT_ALL, iteration, snapshot, reverse),
        )
        return Pending(self._bridge, pointer, _rows)

    def set(self, key: bytes, value: bytes) -> None:
        _set(self._pointer, key, len(key), value, len(value))

    def clear(self, key: bytes) -> None:
        _clear(self._pointer, key, len(key))

    def clear_range(self, begin: bytes, end: bytes) -> None:
        _clear_range(self._pointer, begin, len(begin), end, len(end))

    def add(self, key: bytes, operand: bytes) -> None:
        _atomic(self._pointer, key, len(key), operand, len(operand), _ADD)

    def set_versionstamped_key(self, key: bytes, value: bytes) -> None:
        """`key` ends with four bytes that say where in it the versionstamp goes (since API version 520)."""
        _atomic(self._pointer, key, len(key), value, len(value), _VERSIONSTAMPED_KEY)

    def add_read_conflict_key(self, key: bytes) -> None:
        _check(_add_conflict(self._pointer, key, len(key), key + b"\x00", len(key) + 1, _READ_CONFLICT))

    def watch(self, key: bytes) -> Pending[None]:
        """Ready, once this transaction has been committed, when the value of `key` has changed."""
        return Pending(self._bridge, _watch(self._pointer, key, len(key)), _nothing)

    def commit(self) -> Pending[None]:
        return Pending(self._bridge, _commit(self._pointer), _nothing)

    def on_error(self, code: int) -> Pending[None]:
        """Makes it ready for another attempt, after a pause; raises the error when there is to be none."""
        return Pending(self._bridge, _on_error(self._pointer, code), _nothing)


def _check(code: int) -> None:
    if code:
        raise FDBError(code)


def _nothing(future: int) -> None:
    _check(_get_error(future))


def _value(future: int) -> bytes | None:
    present, address, length = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_int()
    _check(_get_value(future, ctypes.byref(present), ctypes.byref(address), ctypes.byref(length)))
    if not present.value:
        return None
    return ctypes.string_at(address.value or 0, length.value)


def _rows(future: int) -> tuple[list[tuple[bytes, bytes]], bool]:
    address, count, more = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_int()
    _check(_get_rows(future, ctypes.byref(address), ctypes.byref(count), ctypes.byref(more)))
    if not count.value:
        return [], False
    at = ctypes.string_at
    table = at(address.value or 0, count.value * _ROW.size)
    rows = [(at(k, k_len), at(v, v_len)) for k, k_len, v, v_len in _ROW.iter_unpack(table)]
    return rows, bool(more.value)


def is_maybe_committed(error: FDBError) -> bool:
    """Whether a commit that failed with `error` may have been made all the same."""
    return bool(fdb.predicates.is_maybe_committed(error))
