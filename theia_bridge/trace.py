"""The request being served, for all who tell of it: the log, the audit, answers that something went wrong.

What a request starts, such as the tasks of its socket, is told as its own.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from fdb_provider.scope import NOBODY, Actor, Scope


@dataclass(slots=True)
class Trace:
    """What is known of a request so far.

    Args:
        id: tells it apart from all others; the caller's own `X-Request-Id` if it sent a fit one.
        address: the caller's network address, "" if it is not known.
        scope: who calls, once that is known.
        headers: go with the answer, whatever it is.
        started: when it came, by the performance counter.
        audited: the audit tells that it was refused.
    """

    id: str
    address: str = ""
    scope: Scope = NOBODY
    headers: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    audited: bool = False


TRACE: ContextVar[Trace | None] = ContextVar("trace", default=None)
METHOD: ContextVar[str] = ContextVar("method", default="")
"""The RPC method that runs, or that started what runs."""


def actor(scope: Scope) -> Actor:
    """Who makes the request being served and from where, for services and their audit entries."""
    trace = TRACE.get()
    return Actor(scope) if trace is None else Actor(scope, trace.id, trace.address)


def request_id() -> str:
    """The id of the request being served; "" outside of one."""
    trace = TRACE.get()
    return "" if trace is None else trace.id
