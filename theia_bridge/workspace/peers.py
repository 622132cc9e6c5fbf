"""Who is at the other end of a Unix socket."""

from __future__ import annotations

import socket
import struct
from typing import Protocol

_CREDENTIALS = struct.Struct("3i")


class Connection(Protocol):
    """A socket, or what an event loop has in its place."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes: ...


def peer(connection: Connection) -> int:
    """The process that has connected; of who has connected: the one that listens."""
    return int(_CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
