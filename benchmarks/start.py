"""How long a second start takes."""

from __future__ import annotations

from time import perf_counter

from benchmarks.figures import Figure, Plan
from benchmarks.processes import gateway


async def measure(plan: Plan) -> list[Figure]:
    """`start`"""
    folder = plan.folder / "start"
    async with gateway(folder) as server:
        await server.prepared()
    runs: list[float] = []
    for _ in range(plan.runs):
        started = perf_counter()
        async with gateway(folder):
            runs.append(perf_counter() - started)
    return [Figure(measure="start", name="second start until it accepts", unit="s", runs=runs, at_most=2)]
