"""Words of stations, as tests append them."""

from evloom.pile.station import Sample, StationEvent, TransactionSaid
from evloom.store.log import LogEntry
from evloom.store.tables import projections as tables
from evloom.store.tables.log import dead_letter

START_S = 1_790_000_000.0
PROJECTIONS = (
    *(tables.session, tables.meter_value, tables.meter_shape, tables.station_state, tables.connector_state, tables.deviation),
    dead_letter,
)
"""Tables that hold nothing which is not in the log."""


def said(transaction: str, phase: str, seq: int, **fields: object) -> TransactionSaid:
    """A word of a transaction of 2.x."""
    return TransactionSaid(transaction, phase, seq=seq, evse=1, connector=1, **fields)  # type: ignore[arg-type]


def entry(station_id: str, event: StationEvent, after_s: float = 0.0, **fields: object) -> LogEntry:
    """An entry that happened `after_s` after START_S and was known at once."""
    return LogEntry(station_id, event, START_S + after_s, START_S + after_s, **fields)  # type: ignore[arg-type]


def nine_samples(at_s: float, register_kwh: float = 100.0, power_kw: float = 11.0) -> tuple[Sample, ...]:
    """What a three-phase charger sends each minute."""
    third_kw = power_kw / 3
    return (
        Sample(at_s, "Energy.Active.Import.Register", register_kwh),
        Sample(at_s, "Power.Active.Import", power_kw),
        *(Sample(at_s, "Current.Import", third_kw / 0.23, phase) for phase in ("L1", "L2", "L3")),
        *(Sample(at_s, "Voltage", 230.0 + place, phase) for place, phase in enumerate(("L1-N", "L2-N", "L3-N"))),
        Sample(at_s, "SoC", 0.5, location="EV"),
    )


def charging(station_id: str, transaction: str, n_word: int, step_s: float = 60.0, power_kw: float = 11.0) -> list[LogEntry]:
    """A session of a start, `n_word` words with nine samples each, and an end."""
    entries = [entry(station_id, said(transaction, "started", 0, token="CARD", token_type="ISO14443", register_kwh=100.0), 0.0)]
    for word in range(1, n_word + 1):
        at_s, register_kwh = word * step_s, 100.0 + power_kw * word * step_s / 3600
        samples = nine_samples(START_S + at_s, register_kwh, power_kw)
        entries.append(entry(station_id, said(transaction, "updated", word, charging_state="Charging", samples=samples), at_s))
    end_kwh = 100.0 + power_kw * n_word * step_s / 3600
    entries.append(entry(station_id, said(transaction, "ended", n_word + 1, register_kwh=end_kwh, reason="Local"), n_word * step_s + 1))
    return entries
