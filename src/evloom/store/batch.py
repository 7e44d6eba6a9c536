"""Entries of the log folded into what is to be written: one batch of the projector, in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evloom.pile.station import (
    Deviated,
    MeterSeen,
    Sample,
    StationBooted,
    StationConnected,
    StationDisconnected,
    StatusSeen,
    TransactionSaid,
)
from evloom.pile.transaction import Session, fold, instant_of, session_id
from evloom.store.log import Kept
from evloom.store.meters import PLACE_BITS, Shapes, charted, packed
from evloom.store.states import ConnectorKey, ConnectorRow, StationState

MeterRow = tuple[Any, ...]
DeviationKey = tuple[str, str, str, str]
"""station_id, action, rule, field"""


@dataclass(slots=True)
class Batch:
    """What a run of entries changes. `states`, `sessions` and `connectors` are what was known before, and are brought forward.

    begin   makes the session that a first word is folded into: station_id, evse, protocol
    """

    states: dict[str, StationState]
    sessions: dict[str, Session]
    connectors: dict[ConnectorKey, ConnectorRow]
    shapes: Shapes
    begin: Callable[[str, int, str], Session]
    changed_sessions: dict[str, tuple[Session | None, float]] = field(default_factory=dict)
    changed_connectors: dict[ConnectorKey, ConnectorRow] = field(default_factory=dict)
    meters: list[MeterRow] = field(default_factory=list)
    deviations: dict[DeviationKey, tuple[int, float, str, str]] = field(default_factory=dict)
    dead: list[tuple[int, str, str, str, float]] = field(default_factory=list)

    def fold(self, kept: Kept) -> None:
        """Take one entry; one that cannot be folded becomes a dead letter and stops nothing."""
        state = self.states[kept.station_id]
        if kept.number <= state.cursor:
            return
        state.cursor = kept.number
        state.last_seen_s = max(state.last_seen_s, kept.known_at_s)
        handler = _HANDLERS.get(kept.kind)
        if handler is None:
            return
        try:
            if kept.event is None:
                raise ValueError("its body cannot be read")
            handler(self, state, kept, kept.event)
        except Exception as error:  # noqa: BLE001  whatever it is, the other entries must not wait for it
            self.dead.append((kept.number, kept.station_id, kept.kind, f"{type(error).__name__}: {error}", kept.known_at_s))


def _connected(_batch: Batch, state: StationState, kept: Kept, event: StationConnected) -> None:
    state.connected, state.connected_at_s, state.changed = True, kept.known_at_s, True
    state.protocol, state.remote, state.gateway = event.protocol, event.remote, event.gateway
    state.security_profile = event.security_profile


def _disconnected(_batch: Batch, state: StationState, kept: Kept, _event: StationDisconnected) -> None:
    state.connected, state.disconnected_at_s, state.changed = False, kept.known_at_s, True


def _booted(_batch: Batch, state: StationState, kept: Kept, event: StationBooted) -> None:
    state.vendor, state.model, state.serial, state.firmware = event.vendor, event.model, event.serial, event.firmware
    state.boot_status, state.booted_at_s, state.changed = event.status, kept.known_at_s, True


def _status(batch: Batch, _state: StationState, kept: Kept, event: StatusSeen) -> None:
    key = (kept.station_id, event.evse, event.connector)
    before = batch.connectors.get(key)
    same = before is not None and before[:5] == (event.status, event.detail, event.error, event.info, event.vendor_error)
    since_s = before[5] if before is not None and same else instant_of(kept.happened_at_s, kept.known_at_s)[0]
    row = (event.status, event.detail, event.error, event.info, event.vendor_error, since_s, kept.known_at_s)
    batch.connectors[key] = batch.changed_connectors[key] = row


def _transaction(batch: Batch, state: StationState, kept: Kept, said: TransactionSaid) -> None:
    name = session_id(kept.station_id, said.transaction)
    before = batch.sessions.get(name)
    if before is not None and before.station_id != kept.station_id:
        raise ValueError(f"{name} is a session of station {before.station_id}")
    session = fold(before or batch.begin(kept.station_id, said.evse, state.protocol), said, kept.happened_at_s, kept.known_at_s)
    if session is before:
        return
    batch.sessions[name] = session
    first = batch.changed_sessions.get(name)
    batch.changed_sessions[name] = (first[0] if first else before, kept.known_at_s)
    samples = said.samples
    if said.register_kwh is not None and not samples:
        context = {"started": "Transaction.Begin", "ended": "Transaction.End"}.get(said.phase, "Other")
        samples = (Sample(kept.happened_at_s, "Energy.Active.Import.Register", said.register_kwh, context=context),)
    if samples:
        _metered(batch, kept, session.evse, name, samples)


def _meter(batch: Batch, _state: StationState, kept: Kept, event: MeterSeen) -> None:
    _metered(batch, kept, event.evse, "", event.samples)


def _metered(batch: Batch, kept: Kept, evse: int, name: str, samples: tuple[Sample, ...]) -> None:
    instants: dict[float, list[Sample]] = {}
    for sample in samples:
        instants.setdefault(sample.at_s, []).append(sample)
    for place, (at_s, together) in enumerate(instants.items()):
        meaning, values = packed(together)
        meter_value_id = (kept.number << PLACE_BITS) + place
        believed_s = instant_of(at_s, kept.known_at_s)[0]
        shape_id = batch.shapes.id_of(meaning)
        batch.meters.append((meter_value_id, kept.station_id, evse, name, believed_s, *charted(together), shape_id, values))


def _deviated(batch: Batch, state: StationState, kept: Kept, event: Deviated) -> None:
    state.n_deviation += 1
    state.changed = True
    key = (kept.station_id, event.action, event.rule, event.field)
    n = batch.deviations[key][0] if key in batch.deviations else 0
    batch.deviations[key] = (n + 1, kept.known_at_s, event.value, event.advice)


_HANDLERS: Mapping[str, Callable[[Batch, StationState, Kept, Any], None]] = {
    "StationConnected": _connected,
    "StationDisconnected": _disconnected,
    "StationBooted": _booted,
    "StatusSeen": _status,
    "TransactionSaid": _transaction,
    "MeterSeen": _meter,
    "Deviated": _deviated,
}
"""Kinds of entries that change a projection."""
