"""What Prometheus is told: counters of what went by, gauges of how it stands."""

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric

from evloom.pile.station import Deviated, TransactionSaid
from evloom.serve.bus import Bus, Happening

MEDIA = CONTENT_TYPE_LATEST
TOPICS = ("station", "session", "command", "cycle", "site", "warning", "battery")
_LABELS_MAX = 1000
"""Different values of a label that comes from outside; further ones are counted as "other"."""


class Metrics:
    """The registry of one platform. `gauges` are read when Prometheus asks, so that they are never stale."""

    def __init__(self, bus: Bus) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = self._counter("evloom_http_requests", "Requests answered", "method", "route", "status")
        self.request_s = Histogram(
            "evloom_http_request_seconds", "Time to answer", ["route"], registry=self.registry, buckets=(0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
        )
        self.logins = self._counter("evloom_logins", "Attempts to log in", "outcome")
        self.happenings = self._counter("evloom_events", "Events on the bus", "topic", "kind")
        self.words = self._counter("evloom_transaction_words", "Words of transactions", "phase", "offline")
        self.deviations = self._counter("evloom_ocpp_deviations", "Messages that broke the protocol", "action", "rule")
        self.readers = Gauge("evloom_sse_clients", "Listeners to server-sent events", registry=self.registry)
        self.readers_dropped = Counter("evloom_sse_clients_dropped", "Listeners that were too slow", registry=self.registry)
        self._seen: dict[str, set[str]] = {}
        for topic in TOPICS:
            bus.listen(topic, self._happened)

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A gauge whose value is `read()` at the time of asking."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def collect(self, metrics: Callable[[], Iterable[Metric]]) -> None:
        """Have `metrics()` asked for further ones, such as one for each site."""
        self.registry.register(_Asked(metrics))

    def text(self) -> bytes:
        """Everything in Prometheus' text form."""
        return generate_latest(self.registry)

    def answered(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count an answer."""
        self.requests.labels(method, route, str(status)).inc()
        self.request_s.labels(route).observe(took_s)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _happened(self, happening: Happening) -> None:
        event = happening.event
        self.happenings.labels(happening.topic, self._bounded("kind", type(event).__name__)).inc()
        if isinstance(event, TransactionSaid):
            self.words.labels(event.phase, str(event.offline).lower()).inc()
        elif isinstance(event, Deviated):
            self.deviations.labels(self._bounded("action", event.action), self._bounded("rule", event.rule)).inc()

    def _bounded(self, label: str, value: str) -> str:
        seen = self._seen.setdefault(label, set())
        if value not in seen:
            if len(seen) >= _LABELS_MAX:
                return "other"
            seen.add(value)
        return value


class _Asked:
    def __init__(self, metrics: Callable[[], Iterable[Metric]]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """What prometheus_client asks a collector for."""
        return self._metrics()

    def describe(self) -> list[Any]:
        """Nothing beforehand: names are not known until asked."""
        return []
