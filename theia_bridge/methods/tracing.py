"""`rpc.trace`: measuring the calls of the caller's tenant."""

from __future__ import annotations

from functools import partial

from auth import roles
from fdb_provider.engine import Transaction
from fdb_provider.repositories import audit
from fdb_provider.scope import Actor
from rpc import Registry
from theia_bridge.call_traces import CallTrace, Measured, SlowCall
from theia_bridge.methods.context import Context
from theia_bridge.methods.tracing_protocol import CallsTrace, MethodTrace, SlowCallTrace, TraceParams

registry: Registry[Context] = Registry()


@registry.method("rpc.trace", shielded=True)
async def trace(context: Context, params: TraceParams) -> CallsTrace:
    """How long the calls of the tenant take, by method, and which were the slowest. For admins.

    It is the view of the gateway that is asked, of all channels it has open: where there are several, each
    is to be asked. A trace ends after an hour, and with the gateway. `start` and `stop` are in the audit.
    """
    traces, tenant = context.traces, context.user.scope.tenant
    if params.action == "read":
        await context.db.read(partial(roles.acting, actor=context.actor, least="admin"))
        return _told(traces.gateway, traces.running.get(tenant), params.slowest, running=True)
    await context.db.run(partial(_permit, actor=context.actor, params=params))
    if params.action == "start":
        return _told(traces.gateway, traces.start(tenant, params.sample), params.slowest, running=True)
    return _told(traces.gateway, traces.stop(tenant), params.slowest, running=False)


async def _permit(tr: Transaction, *, actor: Actor, params: TraceParams) -> None:
    await roles.acting(tr, actor, "admin")
    about = {"sample": f"{params.sample:g}"} if params.action == "start" else None
    audit.record(tr, actor, f"trace.{params.action}", f"tenant/{actor.scope.tenant}", detail=about)


def _told(gateway: str, trace: CallTrace | None, slowest: int, *, running: bool) -> CallsTrace:
    if trace is None:
        return CallsTrace(
            gateway=gateway, running=False, started_at=None, ends_at=None, sample=0, methods=[], slowest=[]
        )
    return CallsTrace(
        gateway=gateway,
        running=running,
        started_at=trace.started_at,
        ends_at=trace.ends_at if running else None,
        sample=trace.sample,
        methods=[_method(name, measured) for name, measured in sorted(trace.methods.items())],
        slowest=[_slow(call) for call in trace.slowest(slowest)],
    )


def _method(name: str, measured: Measured) -> MethodTrace:
    p50, p95, p99 = (_milliseconds(measured.percentile(part)) for part in (0.5, 0.95, 0.99))
    return MethodTrace(
        method=name,
        calls=measured.calls,
        errors=measured.errors,
        in_flight=measured.in_flight,
        sampled=measured.durations.count,
        p50=p50,
        p95=p95,
        p99=p99,
        bytes_in=measured.received,
        bytes_out=measured.sent,
    )


def _slow(call: SlowCall) -> SlowCallTrace:
    return SlowCallTrace(
        method=call.method,
        at=call.at,
        milliseconds=round(call.seconds * 1000, 3),
        bytes_in=call.received,
        bytes_out=call.sent,
        user=call.user,
        error=call.error,
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
