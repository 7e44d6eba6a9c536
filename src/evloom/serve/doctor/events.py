"""What the doctor tells on the bus, topic "battery", subject the pack."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatteryWarned:
    """Something happened to a warning: kind "opened", "updated", "acknowledged", "closed". level is the warning's; cell and probe count
    from 0, None where it is no single one. org_id: whose battery it is."""

    org_id: str
    pack_id: str
    vehicle_id: str
    warning_id: str
    kind: str
    level: str
    cause: str
    cell: int | None
    probe: int | None
    severity: float


@dataclass(frozen=True, slots=True)
class BatteryHeard:
    """Frames of a battery were looked at: level of its open warnings (0 none .. 3 stop), its last state of charge, when that was."""

    org_id: str
    pack_id: str
    vehicle_id: str
    level: int
    soc: float | None
    last_s: float
    n_frame: int
