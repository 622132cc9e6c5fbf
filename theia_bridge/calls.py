"""What is done for every RPC call besides running it: it is named in the log, limited and counted, and the
audit tells of refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from msgspec import Raw

from fdb_provider.scope import Actor
from theia_bridge.call_traces import CallTrace
from theia_bridge.errors import REFUSALS, RateLimited, to_rpc
from theia_bridge.metrics import Metrics
from theia_bridge.observations import Observations
from theia_bridge.rates import Allowance
from theia_bridge.trace import METHOD

RENEW = "auth.renew"


class CallObserver:
    """The `rpc.Observer` of one channel.

    Args:
        allowance: of the user whose channel it is.
        reserve: what `RENEW` is taken from when the allowance is used up: the channel is to live on.
        observations: where refusals are told.
        actor: the user, and the request that opened the channel.
        traces: of all tenants; that of the actor's is told of every call.
    """

    __slots__ = ("_actor", "_allowance", "_calls", "_observations", "_reserve", "_tenant", "_traces")

    def __init__(
        self,
        metrics: Metrics,
        allowance: Allowance,
        reserve: Allowance,
        observations: Observations,
        actor: Actor,
        traces: Mapping[str, CallTrace],
    ) -> None:
        self._calls = metrics.calls
        self._allowance = allowance
        self._reserve = reserve
        self._observations = observations
        self._actor = actor
        self._tenant = actor.scope.tenant
        self._traces = traces

    def begin(self, method: str) -> Awaitable[None] | None:
        METHOD.set(method)
        if self._traces and method and (trace := self._traces.get(self._tenant)) is not None:
            trace.begin(method)
        if self._allowance.left:
            self._allowance.left -= 1
            return None
        return self._take(self._reserve if method == RENEW else self._allowance)

    def end(self, method: str, seconds: float, error: str, params: Raw, answer: bytes | None) -> None:
        calls = self._calls[method]
        calls.durations.add(seconds)
        if self._traces and (trace := self._traces.get(self._tenant)) is not None:
            trace.end(method, seconds, error, params, answer, self._actor.scope.user)
        if error:
            calls.errors[error] += 1
            if error in REFUSALS:
                about = {"request": method, "kind": error}
                self._observations.note(self._actor, "access.refuse", refused=True, detail=about)

    async def _take(self, allowance: Allowance) -> None:
        try:
            await allowance.take()
        except RateLimited as error:
            refusal = to_rpc(error)
            assert refusal is not None
            raise refusal from None
