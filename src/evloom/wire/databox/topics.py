"""Topics of a box: evloom/box/VEHICLE/WHAT."""

PREFIX = "evloom/box"
TELEMETRY, STATE, ACK = "telemetry", "state", "ack"
"""What a box sends."""
COMMAND, RECEIVED = "command", "received"
"""What the platform sends."""
VEHICLE_MAX = 64
_FORBIDDEN = frozenset("/+#\0")


def topic(vehicle_id: str, what: str) -> str:
    """The topic of a vehicle. Raises ValueError for an identity that no topic can bear."""
    if not _bearable(vehicle_id):
        raise ValueError(f"{vehicle_id!r}: a vehicle of a box has 1 to {VEHICLE_MAX} characters, none of / + #")
    return f"{PREFIX}/{vehicle_id}/{what}"


def parted(name: str) -> tuple[str, str] | None:
    """Vehicle and what is said, of a topic of a box; None for another."""
    parts = name.split("/")
    if len(parts) != 4 or f"{parts[0]}/{parts[1]}" != PREFIX or not _bearable(parts[2]):
        return None
    return parts[2], parts[3]


def _bearable(vehicle_id: str) -> bool:
    return 0 < len(vehicle_id) <= VEHICLE_MAX and not _FORBIDDEN & set(vehicle_id)
