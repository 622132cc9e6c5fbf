"""RPC requests as frames, made before the clock runs or from parts that cost nothing to join."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec

from benchmarks.wire import frame
from rpc.codec import MSGPACK
from theia_bridge.methods.protocol import PathParams, ReadFileParams, WatchParams, WriteFileParams

SMALL = 4096
"""Bytes of the small files."""
FILES = 200
"""Files in the folder that is read from and listed."""
BIG = 10 * 1024 * 1024
_ID = 1
_MARK = b"0123456789abcdef"

GOOD = MSGPACK.success(_ID, None)[:-1]
"""What every answer that is no error begins with: all but the result."""


def path_of(number: int) -> str:
    """Path of one of the small files."""
    return f"/workspace/many/file-{number:03}.txt"


def content_of(number: int) -> bytes:
    """Content of one of the small files; no two are equal."""
    return f"{number:016}".encode() + b"0123456789abcde\n" * (SMALL // 16 - 1)


def call(method: str, params: msgspec.Struct | None) -> bytes:
    """A frame that calls a method."""
    return frame(MSGPACK.outgoing(method, msgspec.UNSET if params is None else params, _ID))


def stats() -> Iterator[bytes]:
    """`fs.stat` of one small file after the other."""
    return itertools.cycle([call("fs.stat", PathParams(path=path_of(i))) for i in range(FILES)])


def reads() -> Iterator[bytes]:
    """`fs.readFile` of one small file after the other."""
    return itertools.cycle([call("fs.readFile", ReadFileParams(path=path_of(i))) for i in range(FILES)])


def lists() -> Iterator[bytes]:
    """`fs.readDirectory` of the folder of small files."""
    return itertools.repeat(call("fs.readDirectory", PathParams(path="/workspace/many")))


def big_reads() -> Iterator[bytes]:
    """`fs.readFile` of the big file."""
    return itertools.repeat(call("fs.readFile", ReadFileParams(path="/workspace/big.bin")))


def watches() -> list[bytes]:
    """What an IDE watches."""
    return [call("fs.watch", WatchParams(path=path)) for path in ("/workspace", "/home/.theia")]


def writes() -> Iterator[bytes]:
    """`fs.writeFile` of 4 KiB, each with a content of its own to a file of its own, in a hundred folders.

    As the IDE sends it, with an idempotency key.
    """
    params = WriteFileParams(
        path=f"/workspace/written/00/{_MARK.decode()}.txt",
        content=_MARK + bytes(SMALL - len(_MARK)),
        idempotency_key=f"{_MARK.decode()}-key",
    )
    parts = call("fs.writeFile", params).split(_MARK)
    first, separator, folder = parts[0].rpartition(b"/00/")
    assert separator
    assert not folder
    for number in itertools.count():
        mark = b"%016d" % number
        yield first + b"/%02d/" % (number % 100) + mark.join([b"", *parts[1:]])
