"""What API and console need of the platform, in one hand."""

from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from evloom.serve.api.events import EventHub
from evloom.serve.bus import Bus
from evloom.serve.config import Config
from evloom.serve.metrics import Metrics
from evloom.serve.people.door import Door
from evloom.serve.people.first import FirstRun
from evloom.store.database import Database

if TYPE_CHECKING:
    from evloom.serve.commands import Commands
    from evloom.serve.desk.desk import Desk
    from evloom.serve.doctor.care import Care
    from evloom.serve.gateway.gateway import Gateway
    from evloom.serve.live.live import Live


@dataclass(slots=True)
class Platform:
    """The parts of a running platform. Those that may be None are not there in a tool or a test of the others; `figures` are made where
    none are given."""

    db: Database
    bus: Bus
    config: Config
    now_s: Callable[[], float]
    commands: "Commands | None" = None
    gateway: "Gateway | None" = None
    live: "Live | None" = None
    desk: "Desk | None" = None
    care: "Care | None" = None
    first: FirstRun = field(default_factory=FirstRun)
    version: str = field(default_factory=lambda: version("evloom"))
    document: dict[str, Any] = field(default_factory=dict)
    figures: InitVar[Metrics | None] = None
    metrics: Metrics = field(init=False)
    events: EventHub = field(init=False)
    door: Door = field(init=False)

    def __post_init__(self, figures: Metrics | None) -> None:
        self.metrics = figures or Metrics(self.bus)
        self.metrics.gauge("evloom_projection_lag_events", "Entries of the log not yet projected", lambda: float(self.db.lag().n))
        self.metrics.gauge("evloom_projection_lag_seconds", "Age of the oldest of them", lambda: self.db.lag().seconds)
        self.metrics.gauge("evloom_frames_lost", "OCPP messages not kept in the message log", lambda: float(self.db.n_frame_lost))
        self.events = EventHub(self.bus, self.db, self.metrics, self.now_s)
        self.door = Door(self.db, self.now_s, secure=self.secure)

    @property
    def secure(self) -> bool:
        """Whether people reach the platform by https."""
        return self.config.server.public_url.startswith("https://")
