"""Being told of the calls of a channel, and having a say in which are run."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from msgspec import Raw


class Observer(Protocol):
    """What it does is done for every call, so it has to be quick: a call takes a dozen microseconds in all.

    A method that is not declared goes by the name "": clients choose names as they like.
    """

    def begin(self, method: str) -> Awaitable[None] | None:
        """A call is to be run, by the task that calls this.

        What is returned is awaited first; it may raise `RpcError` for a call that is not to be run.
        """
        ...

    def end(self, method: str, seconds: float, error: str, params: Raw, answer: bytes | None) -> None:
        """A call has its answer, which is yet to be sent; or a frame was no call, and nothing has begun.

        Args:
            seconds: since the call had come; 0 where nothing has begun.
            error: the kind of the error it is answered with; "" if there is none.
            params: as they came, to be measured.
            answer: as it goes; None if there is none.
        """
        ...


class Unobserved:
    """Runs everything and tells nobody."""

    def begin(self, method: str) -> Awaitable[None] | None:
        return None

    def end(self, method: str, seconds: float, error: str, params: Raw, answer: bytes | None) -> None:
        pass
