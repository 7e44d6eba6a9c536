"""The rule policies behind the loop's policy port."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.rules import RULES, UNCONTROLLED, Outlook, decide
from evloom.kernel.timegrid import Float
from evloom.loop.snapshot import Orders, Snapshot


@dataclass(frozen=True)
class RulePolicy:
    """One of `dispatch.rules.RULES`, by name. It needs no memory."""

    name: str

    @property
    def controlled(self) -> bool:
        """All rules but `uncontrolled` hold limits."""
        return RULES[self.name] != UNCONTROLLED

    def decide(self, snapshot: Snapshot, memory: object) -> tuple[Orders, object]:
        """Orders by the rule; stationary batteries rest."""
        ahead = snapshot.ahead
        power_kw, reason = decide(
            RULES[self.name],
            snapshot.bays,
            snapshot.wires,
            snapshot.now_s,
            snapshot.step_h,
            Outlook(site_room_kw(snapshot), filled(ahead.price_per_kwh), ahead.edges_s),
        )
        return Orders(power_kw, reason, np.zeros(len(snapshot.storage_kwh))), None


def site_room_kw(snapshot: Snapshot) -> Float:
    """Power (n_ahead,) the transformer is expected to leave for vehicles."""
    room_kw: Float = np.maximum(0.0, snapshot.site.tree.import_max_kw[0] - snapshot.ahead.base_kw[0])
    return room_kw


def filled(values: Float) -> Float:
    """The values with what is not known replaced by the mean of what is; all 0 where nothing is known."""
    known = np.isfinite(values)
    return values if known.all() else np.where(known, values, values[known].mean() if known.any() else 0.0)
