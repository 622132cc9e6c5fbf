"""Parameters and results of `rpc.trace`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from theia_bridge.methods.protocol import Params, Wire


class TraceParams(Params, frozen=True):
    """`start` begins to measure, anew if that is done already; `stop` ends it, and gives what there was.

    `sample` is the part of the calls that are timed from the `start` on; all are counted. `slowest` is how
    many of the slowest calls are told.
    """

    action: Literal["read", "start", "stop"] = "read"
    sample: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    slowest: Annotated[int, msgspec.Meta(ge=0, le=50)] = 20


class MethodTrace(Wire, frozen=True):
    """The calls of a method; `method` is "" for calls of none, and for frames that were no call.

    `p50`, `p95` and `p99` are milliseconds within which that part of the `sampled` calls was answered, at
    most 9 % too high; null without any. `bytesIn` are of params, `bytesOut` of answers.
    """

    method: str
    calls: int
    errors: int
    in_flight: int
    sampled: int
    p50: float | None
    p95: float | None
    p99: float | None
    bytes_in: int
    bytes_out: int


class SlowCallTrace(Wire, frozen=True):
    """One of the slowest calls of the last ten minutes.

    `at` is when it was answered, in milliseconds since 1970. `error` is the kind of the error, or "".
    """

    method: str
    at: int
    milliseconds: float
    bytes_in: int
    bytes_out: int
    user: str
    error: str


class CallsTrace(Wire, frozen=True):
    """What was measured of the tenant's calls on one gateway, which `gateway` tells apart from others.

    `startedAt` and `endsAt`, when it ends by itself, are in milliseconds since 1970; null if nothing is
    measured.
    """

    gateway: str
    running: bool
    started_at: int | None
    ends_at: int | None
    sample: float
    methods: list[MethodTrace]
    slowest: list[SlowCallTrace]
