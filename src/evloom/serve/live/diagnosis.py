"""What the diagnosis of a battery costs its car at a pile, in sentences."""

from collections.abc import Iterable

from evloom.diagnose.limits import SOURCE
from evloom.dispatch.guard import Refusal
from evloom.serve.live.words import Sentence

_KEYS = {"diagnosis.stop": "diagnosis_stop", "diagnosis.power": "diagnosis_power", "diagnosis.give": "diagnosis_give"}


def held_by_diagnosis(refusals: Iterable[Refusal], row: int) -> list[Sentence]:
    """Every limit that the diagnosis set for the car at the EVSE `row` in the last decision."""
    found = []
    for refusal in refusals:
        if refusal.row != row or refusal.source != SOURCE:
            continue
        if refusal.code == "diagnosis.soc":
            key = "diagnosis_soc" if refusal.value == refusal.value else "diagnosis_soc_unknown"
            found.append(Sentence(key, {"share": 100.0 * refusal.allowed}))
        elif refusal.code in _KEYS:
            found.append(Sentence(_KEYS[refusal.code], {"power": refusal.allowed}))
    return found
