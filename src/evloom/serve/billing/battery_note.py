"""What a receipt says where the diagnosis of the battery held a session back."""

from dataclasses import replace

from evloom.diagnose.limits import INSPECT, LIMITS, STOP
from evloom.market.receipt import Notes
from evloom.store import warnings
from evloom.store.connection import Connection

_GENTLY = (
    (
        "Battery diagnosis: a warning on this car's battery is open. It was charged with {c_rate:g} C and to {share:g} % at most and not"
        " discharged. Please have it inspected."
    ),
    "电池诊断：本车动力电池有未解除的预警，本次充电限制为不超过{c_rate:g}C、最高充至{share:g}%，且未放电。请送检。",
)
_NOT_AT_ALL = (
    (
        "Battery diagnosis: a warning of the highest level on this car's battery is open. It was not charged. Please park it outside and"
        " have it inspected before further use."
    ),
    "电池诊断：本车动力电池有最高级别预警，本次禁止充电。请停放于室外，检修前请勿继续使用。",
)
_TEXTS = {INSPECT: _GENTLY, STOP: _NOT_AT_ALL}


def with_battery(conn: Connection, session_id: str, notes: Notes) -> Notes:
    """The notes of a session's receipt, with what held it back because of its battery."""
    row = warnings.held(conn, session_id)
    if row is None or row["level"] not in _TEXTS:
        return notes
    limits = LIMITS[row["level"]]
    english, chinese = (text.format(c_rate=limits.c_rate_max, share=100.0 * limits.soc_max) for text in _TEXTS[row["level"]])
    return replace(notes, battery=english, battery_zh=chinese)
