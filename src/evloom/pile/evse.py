"""EVSE: the connectors at which vehicles stand, as columns."""

from dataclasses import dataclass

from evloom.kernel.timegrid import Bool, Float, Int


@dataclass(frozen=True)
class EvseTable:
    """One row per EVSE (bay), columns of shape (n_evse,).

    evse_id             unique names
    pile                number of the pile the EVSE belongs to; the bays of one pile share its rating, which
                        is a node of the limit tree, and where `one_at_a_time` only one of them charges
    node                row of the limit tree the EVSE hangs on
    dc                  True for direct current: no amps to quantise, the car's charger is in the pile
    n_phase             1 or 3 conductors on the AC side
    phase               phase (0, 1, 2) a single-phase pile, or a single-phase car at a three-phase pile, loads
    charge_max_kw       rating for charging, measured at the meter
    discharge_max_kw    rating for discharging (unsigned), 0 where not bidirectional
    current_min_a       least current that charges (6 A by IEC 61851-1 control pilot)
    current_step_a      steps in which the current can be set; 0 = continuous
    efficiency          meter to vehicle inlet, (0..1]
    """

    evse_id: tuple[str, ...]
    pile: Int
    one_at_a_time: Bool
    node: Int
    dc: Bool
    n_phase: Int
    phase: Int
    charge_max_kw: Float
    discharge_max_kw: Float
    current_min_a: Float
    current_step_a: Float
    efficiency: Float

    @property
    def n(self) -> int:
        """Number of EVSE."""
        return len(self.evse_id)
