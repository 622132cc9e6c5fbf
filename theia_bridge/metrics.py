"""What the server counts of its work, in the form Prometheus reads.

Counting is plain arithmetic on the way of each request; it is put into form when somebody asks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from fdb_provider.engine.counts import BOUNDS, Counts, Durations
from theia_bridge import __version__

PREFIX = "theia_bridge_"
HTTP_BOUNDS = (*(bound for bound in BOUNDS if bound >= 1e-3), 10.0, 30.0, 60.0)
"""Up to the minute that an upload may well take; in seconds."""


class Calls:
    """The calls of one RPC method: how long they took, and the kinds of the errors that were answered."""

    __slots__ = ("durations", "errors")

    def __init__(self) -> None:
        self.durations = Durations()
        self.errors: Counter[str] = Counter()


class Metrics:
    """All counts of one gateway.

    Args:
        methods: the names of all RPC methods.
        store: what the store's engine counts.

    Attributes:
        calls: by method; that of calls of no method, and of frames that were no call, is "".
        requests: by HTTP method, route and status.
        durations: of requests, by HTTP method and route.
        in_progress: requests that have no answer yet.
        sign_ins: by action and outcome.
    """

    def __init__(self, methods: Iterable[str], store: Counts) -> None:
        self.calls = {method: Calls() for method in ("", *methods)}
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.durations: dict[tuple[str, str], Durations] = {}
        self.in_progress = 0
        self.sign_ins: Counter[tuple[str, str]] = Counter()
        self._store = store
        self._gauges: list[tuple[str, str, Callable[[], float]]] = []
        self._counters: list[tuple[str, str, Callable[[], Mapping[str, float]], tuple[str, ...]]] = []
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(self)

    def gauge(self, name: str, doc: str, value: Callable[[], float]) -> None:
        """Tells a value of another part, which is asked for it each time."""
        self._gauges.append((name, doc, value))

    def counter(self, name: str, doc: str, counts: Callable[[], Mapping[str, float]], *label: str) -> None:
        """Tells what another part counts by the values of one label, or under "" if there is none."""
        self._counters.append((name, doc, counts, label))

    def collect(self) -> Iterator[Metric]:
        """All there is, as `prometheus_client` wants it."""
        yield _gauge("info", "The server's version.", [((__version__,), 1)], "version")
        yield from self._collect_http()
        yield from self._collect_rpc()
        yield from self._collect_store()
        doc = "Sign-ins, and what became of them."
        yield _counter("sign_ins", doc, self.sign_ins.items(), "action", "outcome")
        for name, doc, value in self._gauges:
            yield _gauge(name, doc, [((), value())])
        for name, doc, counts, label in self._counters:
            yield _counter(name, doc, [((key,) * len(label), n) for key, n in counts().items()], *label)

    def _collect_http(self) -> Iterator[Metric]:
        labels = "method", "route"
        yield _counter("http_requests", "Requests answered.", self.requests.items(), *labels, "status")
        doc = "Time to the answer, in seconds; sockets are not in it."
        yield _histogram("http_request_seconds", doc, self.durations.items(), *labels)
        doc = "Requests that have no answer yet; a socket is one for as long as it is open."
        yield _gauge("http_requests_in_progress", doc, [((), self.in_progress)])

    def _collect_rpc(self) -> Iterator[Metric]:
        outcomes: dict[tuple[str, str], float] = {}
        durations: dict[tuple[str], Durations] = {}
        for method, calls in self.calls.items():
            name = method or "unknown"
            outcomes[name, "ok"] = calls.durations.count - calls.errors.total()
            outcomes |= {(name, kind): count for kind, count in list(calls.errors.items())}
            if calls.durations.count:
                durations[(name,)] = calls.durations
        doc = 'RPC calls answered, with "ok" or the kind of the error.'
        yield _counter("rpc_calls", doc, outcomes.items(), "method", "outcome")
        doc = "Time to the answer of RPC calls, in seconds."
        yield _histogram("rpc_call_seconds", doc, durations.items(), "method")

    def _collect_store(self) -> Iterator[Metric]:
        store = self._store
        durations = [(("read",), store.reads), (("run",), store.runs)]
        doc = "Time that transactions took with all their attempts, in seconds."
        yield _histogram("store_seconds", doc, durations, "operation")
        attempts = [(("conflict",), store.conflicts), (("other",), store.retries)]
        yield _counter("store_retries", "Attempts of transactions made again.", attempts, "reason")
        doc = "Transactions the store could not serve: it did not answer, or has no room."
        yield _counter("store_failures", doc, [((), store.failures)])


Values = Iterable[tuple[Sequence[str], float]]


def _counter(name: str, doc: str, values: Values, *labels: str) -> Metric:
    family = CounterMetricFamily(PREFIX + name, doc, labels=labels)
    for key, value in list(values):
        family.add_metric(key, value)
    return family


def _gauge(name: str, doc: str, values: Values, *labels: str) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, doc, labels=labels)
    for key, value in list(values):
        family.add_metric(key, value)
    return family


def _histogram(
    name: str, doc: str, values: Iterable[tuple[Sequence[str], Durations]], *labels: str
) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, doc, labels=labels)
    for key, durations in list(values):
        bounds = [*map(floatToGoString, durations.bounds), "+Inf"]
        counted = list(zip(bounds, accumulate(durations.buckets), strict=True))
        family.add_metric(key, counted, durations.total)
    return family
