"""What the columns of the tables of a dispatch problem are called, hold and allow. The reader, the writer and the page read this table."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "time", "number"]
POWER_MAX_KW = 20_000.0  # far above any pile; more is a slip of the unit (W for kW)
NODE_POWER_MAX_KW = 1e8  # more than a country
ENERGY_MAX_KWH = 100_000.0
PRICE_MAX_PER_KWH = 1e6
EFFICIENCY_MIN = 0.1  # no charger is worse; less is a slip, and no solver can reckon with a billionth
AMPLE = 1e12


@dataclass(frozen=True)
class Column:
    """One column of a table.

    kind       text; time: ISO 8601 with an offset; number
    default    what an empty cell means; None: the column may be empty and then means what `meaning` says
    required   every row must have a value
    least, most  allowed range of a number; is_open: the least itself is not allowed
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    default: float | None = None
    least: float = 0.0
    most: float = AMPLE
    is_open: bool = False

    @property
    def unit(self) -> str:
        """Unit of a number as the name says it, with a blank before it; "" where it has none."""
        for ending, unit in (("_per_kwh", ""), ("_kwh", " kWh"), ("_kw", " kW")):
            if self.name.endswith(ending):
                return unit
        return ""

    @property
    def allowed(self) -> str:
        """What a value may be, in words."""
        if self.kind == "text":
            return "text that is not empty"
        if self.kind == "time":
            return "a date and time with its offset, such as 2025-06-04T18:30:00+08:00"
        low = f"above {self.least:g}" if self.is_open else f"at least {self.least:g}"
        return (low if self.most >= AMPLE else f"{low}, at most {self.most:g}") + self.unit


VEHICLES = (
    Column("vehicle_id", "text", "name of the vehicle, once in the file", required=True),
    Column("node_id", "text", "the node it hangs on", required=True),
    Column("arrival", "time", "when it comes; before the start of the horizon: it is there already", required=True),
    Column("departure", "time", "when it leaves; empty or after the end: it stays, and its need is due at the end"),
    Column("need_kwh", "number", "energy at the meter that it must have when it leaves", required=True, most=ENERGY_MAX_KWH),
    Column("charge_max_kw", "number", "most charging power at the meter", required=True, most=POWER_MAX_KW),
    Column("discharge_max_kw", "number", "most discharging power at the meter (V2G), unsigned", default=0.0, most=POWER_MAX_KW),
    Column("battery_kwh", "number", "usable energy of the battery; empty: it is never full", most=ENERGY_MAX_KWH, is_open=True),
    Column("soc_arrival", "number", "state of charge when it comes, or at the start", most=1.0),
    Column("soc_floor", "number", "discharging stops here", default=0.0, most=1.0),
    Column("soc_max", "number", "charging stops here", default=1.0, most=1.0),
    Column("charge_efficiency", "number", "meter to cells", default=1.0, least=EFFICIENCY_MIN, most=1.0),
    Column("discharge_efficiency", "number", "cells to meter", default=1.0, least=EFFICIENCY_MIN, most=1.0),
    Column("wear_per_kwh", "number", "money that a kWh discharged costs in battery life", default=0.0, most=PRICE_MAX_PER_KWH),
    Column("priority", "number", "weight of a kWh that it does not get, against others", default=1.0, most=1e6, is_open=True),
    Column("phase", "number", "1, 2 or 3: the one phase that it loads; empty: all three alike", least=1.0, most=3.0),
)
NODES = (
    Column("node_id", "text", "name of the node, once", required=True),
    Column("parent_id", "text", "the node above; empty for the one root"),
    Column("import_max_kw", "number", "most power drawn through the node, base load included; empty: no limit", most=NODE_POWER_MAX_KW),
    Column("export_max_kw", "number", "most power that vehicles push back through it; empty: no limit", most=NODE_POWER_MAX_KW),
    Column(
        "base_kw",
        "number",
        "load at or below the node that nobody steers, less solar; empty: the sum of the nodes below it",
        least=-NODE_POWER_MAX_KW,
        most=NODE_POWER_MAX_KW,
    ),
    Column(
        "price_per_kwh",
        "number",
        "what a kWh through the node costs on top of the price at the root",
        least=-PRICE_MAX_PER_KWH,
        most=PRICE_MAX_PER_KWH,
    ),
    Column("phase_room_kw", "number", "most that vehicles may draw on each one phase; empty: no limit", most=NODE_POWER_MAX_KW),
)
SIGNALS = (
    Column("time", "time", "start of the step", required=True),
    Column("price_per_kwh", "number", "for import at the root", required=True, least=-PRICE_MAX_PER_KWH, most=PRICE_MAX_PER_KWH),
    Column(
        "export_price_per_kwh", "number", "what net export at the root earns", default=0.0, least=-PRICE_MAX_PER_KWH, most=PRICE_MAX_PER_KWH
    ),
    Column("carbon_kg_per_kwh", "number", "of import at the root", default=0.0, least=0.0, most=100.0),
)
REQUESTS = (
    Column("node_id", "text", "where", required=True),
    Column("from", "time", "when it begins", required=True),
    Column("until", "time", "when it ends", required=True),
    Column("kind", "text", "ceiling: at most target_kw; floor: at least", required=True),
    Column(
        "target_kw",
        "number",
        "net power through the node, base load included",
        required=True,
        least=-NODE_POWER_MAX_KW,
        most=NODE_POWER_MAX_KW,
    ),
    Column(
        "penalty_per_kwh",
        "number",
        "money for every kWh by which it is missed",
        required=True,
        is_open=True,
        most=PRICE_MAX_PER_KWH,
    ),
)
STORES = (
    Column("store_id", "text", "name of the stationary battery, once", required=True),
    Column("node_id", "text", "the node it hangs on", required=True),
    Column("capacity_kwh", "number", "usable energy", required=True, most=1e8),
    Column("stored_kwh", "number", "what is in it at the start, at most its capacity", required=True, most=1e8),
    Column("charge_max_kw", "number", "most charging power at the meter", required=True, most=NODE_POWER_MAX_KW),
    Column("discharge_max_kw", "number", "most discharging power at the meter, unsigned", required=True, most=NODE_POWER_MAX_KW),
    Column("charge_efficiency", "number", "meter to cells", default=1.0, least=EFFICIENCY_MIN, most=1.0),
    Column("discharge_efficiency", "number", "cells to meter", default=1.0, least=EFFICIENCY_MIN, most=1.0),
    Column("wear_per_kwh", "number", "money that a kWh discharged costs in battery life", default=0.0, most=PRICE_MAX_PER_KWH),
)
TABLES: dict[str, tuple[Column, ...]] = {
    "vehicles": VEHICLES,
    "nodes": NODES,
    "signals": SIGNALS,
    "requests": REQUESTS,
    "stores": STORES,
}
