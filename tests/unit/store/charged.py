"""Sessions for tests of money: an operator with a site, a station and a driver, and cars that charge there."""

from collections.abc import Sequence

from evloom.market.guard import GuardRules
from evloom.market.receipt import Notes
from evloom.pile.station import Sample, TransactionSaid
from evloom.store import money, people, registry
from evloom.store.billing import State, bill_session
from evloom.store.connection import Connection
from evloom.store.database import Database
from evloom.store.log import LogEntry
from evloom.store.money import By, NewAssignment

T0 = 1_748_858_400.0  # 2025-06-02 18:00 in Jiaxing
HOUR_S = 3600.0
PERSON = By("user:anna", T0 + 10 * HOUR_S)
_DRIVER = {"org_id": "o", "name": "Wang", "email": "", "phone": "", "language": "zh", "vehicle": "", "note": "", "created_at_s": 0.0}


def operator(conn: Connection) -> None:
    """Organisation "o" with site "s", station "A" of one EVSE with 7.4 kW, and driver "d1" with card "CARD1"."""
    people.put_organisation(conn, "o", "Evening Power")
    registry.put_site(conn, "s", {"org_id": "o", "name": "South Lake", "zone": "Asia/Shanghai"})
    registry.put_station(conn, "A", {"org_id": "o", "site_id": "s"})
    registry.put_evse(conn, "A", 1, {"rating_kw": 7.4})
    people.put_driver(conn, "d1", _DRIVER)
    registry.put_token(conn, "CARD1", "ISO14443", {"org_id": "o", "driver_id": "d1"})


def priced(conn: Connection) -> None:
    """The packaged tariff for the whole organisation, with the packaged orderly contract."""
    money.assign(conn, NewAssignment("o", "tariff", "organisation", "o", "zhejiang-jiaxing-2025"), PERSON)
    money.assign(conn, NewAssignment("o", "contract", "organisation", "o", "orderly-cny"), PERSON)


def import_register(at_s: float, kwh: float) -> Sample:
    """A reading of the import register."""
    return Sample(at_s, "Energy.Active.Import.Register", kwh)


def words(
    transaction: str = "1", *, start_s: float = T0, begin_kwh: float = 1000.0, hours: float = 2.0, token: str = "CARD1"
) -> list[LogEntry]:
    """7 kW from `start_s` for some hours, a reading every quarter-hour; the last word ends it."""
    n = round(hours * 4)

    def said(k: int, phase: str, **more: object) -> LogEntry:
        at_s = start_s + 900.0 * k
        word = TransactionSaid(transaction, phase, k, evse=1, connector=1, token=token, token_type="ISO14443", **more)  # type: ignore[arg-type]
        return LogEntry("A", word, at_s, at_s + 1.0, key=f"{transaction}:{k}")

    first = said(0, "started", register_kwh=begin_kwh)
    between = [said(k, "updated", samples=(import_register(start_s + 900.0 * k, begin_kwh + 1.75 * k),)) for k in range(1, n)]
    return [first, *between, said(n, "ended", register_kwh=begin_kwh + 1.75 * n, reason="EVDisconnected")]


def hear(database: Database, entries: Sequence[LogEntry]) -> None:
    """Put words into the log and wait for the projections."""
    database.append_now(entries)
    database.caught_up_now()


def bill(database: Database, session_id: str = "A:1", at_s: float = T0 + 5 * HOUR_S) -> State:
    """Bring the bill of a session up to what is known."""
    return database.write_now(lambda conn: bill_session(conn, session_id, By("billing", at_s), GuardRules(), Notes()))
