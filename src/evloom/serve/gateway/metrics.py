"""Figures of the gateway for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from evloom.wire.ocpp.version import Version

_ACTIONS_MAX = 200
"""Different actions that are counted by name: an action is a word of a stranger."""
_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class GatewayMetrics:
    """Counters of one gateway on a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.messages = Counter("evloom_ocpp_messages", "Messages of stations", ("action", "version"), registry=registry)
        self.errors = Counter("evloom_ocpp_errors", "Messages answered with an error", ("action", "code"), registry=registry)
        self.calls = Counter("evloom_ocpp_calls", "Calls to stations", ("action", "outcome"), registry=registry)
        self.troubles = Counter("evloom_ocpp_troubles", "Frames that broke a rule", ("kind",), registry=registry)
        self.connects = Counter("evloom_station_connects", "Stations let in", ("version", "security_profile"), registry=registry)
        self.refusals = Counter("evloom_station_refusals", "Handshakes refused", ("code",), registry=registry)
        self.slowed = Counter("evloom_station_slowed", "Times a station was not read from as it sent too fast", registry=registry)
        self.takeovers = Counter("evloom_station_takeovers", "Links closed because the station came anew", registry=registry)
        self.answer_s = Histogram("evloom_ocpp_answer_seconds", "From a message to its answer", registry=registry, buckets=_BUCKETS_S)
        self.call_s = Histogram("evloom_ocpp_call_seconds", "From a call to the station's answer", registry=registry, buckets=_BUCKETS_S)
        self._seen: dict[tuple[str, Version], Counter] = {}
        self._actions: set[str] = set()

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A gauge that is read when Prometheus asks."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def answered(self, action: str, version: Version, code: str, took_s: float) -> None:
        """A message of a station was answered, with an error where code is not empty."""
        counter = self._seen.get((action, version))
        if counter is None:
            named = self._named(action)
            counter = self.messages.labels(named, version.value)
            if named == action:
                self._seen[(action, version)] = counter
        counter.inc()
        self.answer_s.observe(took_s)
        if code:
            self.errors.labels(self._named(action), code).inc()

    def call_answered(self, action: str, took_s: float) -> None:
        """A station answered a call of ours."""
        self.calls.labels(self._named(action), "answered").inc()
        self.call_s.observe(took_s)

    def call_failed(self, action: str, code: str) -> None:
        """It answered with an error, or not at all."""
        self.calls.labels(self._named(action), "unanswered" if code in ("Timeout", "Closed") else "error").inc()

    def trouble(self, kind: str) -> None:
        """A frame broke a rule."""
        self.troubles.labels(kind).inc()

    def _named(self, action: str) -> str:
        if action not in self._actions:
            if len(self._actions) >= _ACTIONS_MAX or not action.isidentifier() or len(action) > 50:
                return "other"
            self._actions.add(action)
        return action
