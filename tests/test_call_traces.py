"""How the calls of a tenant are measured."""

from __future__ import annotations

from msgspec import Raw

from theia_bridge.call_traces import BOUNDS, SLOWEST, CallTrace, Measured


def test_percentiles_are_at_most_a_tenth_too_high() -> None:
    measured = Measured()
    assert measured.percentile(0.5) is None
    seconds = [n / 10_000 for n in range(1, 1001)]
    for one in seconds:
        measured.durations.add(one)
    for part in (0.5, 0.95, 0.99, 1.0):
        exact = seconds[int(part * 1000) - 1]
        assert exact <= (measured.percentile(part) or 0) <= exact * 1.1
    measured.durations.add(1e6)
    assert measured.percentile(1.0) == BOUNDS[-1]


def test_the_slowest_are_kept_and_no_more() -> None:
    trace = CallTrace(1.0)
    for n in range(10 * SLOWEST):
        trace.begin("m")
        trace.end("m", (n * 7919 % 500 + 1) * 1e-9, "", Raw(), b"", "u")
    kept = trace.slowest(1000)
    assert len(kept) == SLOWEST
    assert [round(slow.seconds * 1e9) for slow in kept] == list(range(500, 500 - SLOWEST, -1))
