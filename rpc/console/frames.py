"""The frames of a connection, written down for those who debug: one a line, without secrets."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import Literal, TextIO

import msgspec

from rpc.client import Encoding
from rpc.codec import MALFORMED
from rpc.console.secrets import MASK, masked

MOST = 4_000
"""Characters of a frame that are written."""
_CONTENT = 64
"""Bytes of a content that are written; of longer ones, only how many they are."""


class Frames:
    """Writes frames to a file, or to standard error. It is what `Client.connect(on_frame=…)` takes."""

    def __init__(self) -> None:
        self._file: TextIO | None = None
        self._here = False

    @property
    def are_written(self) -> bool:
        """Whether anything is written."""
        return self._here or self._file is not None

    def write_to(self, name: str) -> None:
        """Writes to a file, behind what is in it, or with `-` to standard error. Raises OSError."""
        opened = None if name == "-" else os.fdopen(_private(name), "a", encoding="utf-8", buffering=1)
        self.stop()
        self._file, self._here = opened, name == "-"

    def stop(self) -> None:
        """Writes no more."""
        if self._file is not None:
            self._file.close()
        self._file, self._here = None, False

    def __call__(self, direction: Literal["sent", "received"], encoding: Encoding, data: bytes) -> None:
        """Writes a frame."""
        if not self.are_written:
            return
        time = datetime.now().strftime("%H:%M:%S.%f")[:-3]
        arrow = "->" if direction == "sent" else "<-"
        to = sys.stderr if self._file is None else self._file
        to.write(f"{time} {arrow} {encoding} {len(data)} {shown(encoding, data)}\n")


def _private(name: str) -> int:
    """Opens a file to write at its end; what is in files of the workspace is nobody else's."""
    return os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def shown(encoding: Encoding, data: bytes) -> str:
    """A frame in JSON's form, without secrets and long contents."""
    decode = msgspec.json.decode if encoding == "json" else msgspec.msgpack.decode
    try:
        frame = decode(data)
        if isinstance(frame, dict) and frame.get("method") == "auth.renew":
            frame = {**frame, "params": MASK}  # by position, the token would have no name
        text = msgspec.json.encode(_short(masked(frame))).decode()
    except MALFORMED as error:
        return f"what is no frame: {error}"
    return text if len(text) <= MOST else f"{text[:MOST]}… ({len(text):,} characters)"


def _short(value: object) -> object:
    match value:
        case bytes():
            return f"<{len(value)} bytes>" if len(value) > _CONTENT else value
        case list():
            return [_short(item) for item in value]
        case dict():
            return {str(name): _short(item) for name, item in value.items()}
    return value
