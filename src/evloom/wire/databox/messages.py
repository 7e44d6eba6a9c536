"""Documents of a box, in JSON or MessagePack. What a document has beside these fields is passed over."""

from typing import Annotated

from msgspec import Meta, Struct

Some = list[float | None]
Whole = list[int]
ROWS_MAX = 20_000
CELLS_MAX = 4096


class PackSaid(Struct, frozen=True, gc=False):
    """The battery that the box sits in."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    n_cell: Annotated[int, Meta(ge=0, le=CELLS_MAX)]
    n_probe: Annotated[int, Meta(ge=0, le=CELLS_MAX)] = 0
    chemistry: Annotated[str, Meta(max_length=16)] = ""
    capacity_ah: Annotated[float, Meta(gt=0)] | None = None
    probe_of_cell: list[int] = []


class Batch(Struct, frozen=True):
    """Telemetry: columns of equal length, one entry for each frame; a column that is left out is unknown.

    cells_mv  a list for each frame, or (MessagePack) all as binary, 16 bits each, little-endian; 65534 abnormal, 65535 invalid
    probes_c  a list for each frame, null where absent
    """

    seq: Annotated[int, Meta(ge=0)]
    pack: PackSaid
    at_s: Annotated[list[float], Meta(min_length=1, max_length=ROWS_MAX)]
    cells_mv: list[list[Annotated[int, Meta(ge=0, le=65535)]]] | bytes = b""
    probes_c: list[Some] | None = None
    current_a: Some | None = None
    pack_v: Some | None = None
    soc: Some | None = None
    speed_km_per_h: Some | None = None
    odometer_km: Some | None = None
    insulation_ohm: Some | None = None
    charging: Whole | None = None
    bms_level: Whole | None = None
    balancing: Whole | None = None


class State(Struct, frozen=True, gc=False, omit_defaults=True):
    """How the box is: its interval `rate_s` and until when it holds; `online` false is its last will."""

    online: bool
    at_s: float | None = None
    parked: bool | None = None
    rate_s: float | None = None
    until_s: float | None = None
    supply_v: float | None = None
    firmware: Annotated[str, Meta(max_length=64)] = ""


class Command(Struct, frozen=True, gc=False, omit_defaults=True):
    """The platform asks for a frame every `rate_s` seconds until `until_s`; while parked for none more often than `parked_floor_s`.
    burst: for so many instead of one each time, a second apart."""

    id: str
    rate_s: float
    until_s: float
    parked_floor_s: float
    burst: int = 1


class Ack(Struct, frozen=True, gc=False, omit_defaults=True):
    """The box has taken up a command, with the interval that it keeps now; or it has not, and says why."""

    id: Annotated[str, Meta(max_length=64)]
    ok: bool
    rate_s: float | None = None
    why: Annotated[str, Meta(max_length=200)] = ""


class Received(Struct, frozen=True, gc=False):
    """The batch `seq` is kept: the box need not send it again."""

    seq: int
