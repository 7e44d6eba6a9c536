"""Batteries of the pack twin for tests of the doctor on the platform."""

from functools import cache

from evloom.diagnose.warning import Warning as Told
from evloom.diagnose.warning import WarningChange
from evloom.simulate.pack.fleet import fleet
from evloom.vehicle.telemetry import Frames

DAY_S = 86400.0


@cache
def short_pack() -> Frames:
    """Thirty days of a battery of 96 cells with an internal short, a frame each 30 s."""
    return next(iter(fleet(5, 1, {"internal-short": 1.0}, 30, {"NMC": 1.0}, 30.0)))[0]


def warning(pack_id: str = "P", level: str = "inspect", warning_id: str = "P:cell:3:1000", **more) -> Told:
    """A warning of cell 3."""
    values = {
        "vehicle_id": "V", "pack_id": pack_id, "cell": 3, "probe": None, "level": level,
        "causes": (("internal-short", 0.8), ("unknown", 0.2)), "severity": 1.5, "test": "charge drift", "leak_a": 0.02,
        "first_seen_s": 900.0, "last_seen_s": 1000.0, "opened_s": 1000.0, "updated_s": 1000.0,
    }  # fmt: skip
    return Told(warning_id, **{**values, **more})


def change(kind: str = "opened", at_s: float = 1000.0, **more) -> WarningChange:
    """Something that happened to it."""
    return WarningChange(kind, at_s, warning(**more))
