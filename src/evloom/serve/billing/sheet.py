"""Receipts and statements as CSV for spreadsheets and book-keeping: one row for each line, times local with their offset."""

import csv
import io
from collections.abc import Iterable, Sequence

from evloom.market.ledger import Balance
from evloom.market.receipt import Receipt
from evloom.serve.billing.view import local
from evloom.store.ledger import Statement

RECEIPT_COLUMNS = (
    "receipt,kind,refers_to,issued,session_id,site,station_id,evse,driver_id,start,end,line,label,category,quantity,unit,"
    "unit_price,amount,currency,battery"
).split(",")
STATEMENT_COLUMNS = ("entry", "kind", "at", "session_id", "reason", "amount", "owed", "currency")


def receipt_csv(receipts: Iterable[Receipt]) -> str:
    """The lines of receipts; the last row of each has line "total", and says where the diagnosis of the battery held the session back."""
    rows: list[Sequence[object]] = []
    for receipt in receipts:
        head = _head(receipt)
        for line in receipt.lines:
            label = f"{line.label} ({line.note})" if line.note else line.label
            numbers = (f"{line.quantity:f}", line.unit, f"{line.unit_price:f}", f"{line.amount:f}")
            rows.append((*head, line.kind.value, label, line.category, *numbers, receipt.currency, ""))
        total = ("total", receipt.reason, "", f"{receipt.energy_kwh:f}", "kWh", "", f"{receipt.total:f}", receipt.currency)
        rows.append((*head, *total, receipt.notes.battery))
    return _written(RECEIPT_COLUMNS, rows)


def statement_csv(statement: Statement, zone: str) -> str:
    """A driver's account: what was owed before, each entry, what is owed at the end."""
    rows: list[Sequence[object]] = [_balance("opening", statement.from_s, b, zone) for b in statement.opening]
    for row in statement.rows:
        said = (row.number, row.kind.value, _at(row.at_s, zone), row.session_id, row.reason)
        rows.append((*said, f"{row.amount:f}", f"{row.owed:f}", row.currency))
    rows += [_balance("closing", statement.to_s, b, zone) for b in statement.closing]
    return _written(STATEMENT_COLUMNS, rows)


def _balance(kind: str, at_s: float, balance: Balance, zone: str) -> Sequence[object]:
    return ("", kind, _at(at_s, zone), "", "", "", f"{balance.owed:f}", balance.currency)


def _head(receipt: Receipt) -> tuple[object, ...]:
    zone = receipt.zone
    times = (_at(receipt.started_s, zone), _at(receipt.ended_s, zone))
    numbers = (receipt.number, receipt.kind, receipt.refers_to or "", _at(receipt.issued_s, zone))
    return (*numbers, receipt.session_id, receipt.site_name, receipt.station_id, receipt.evse, receipt.driver_id, *times)


def _at(instant_s: float, zone: str) -> str:
    return local(instant_s, zone).isoformat(timespec="seconds")


def _written(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    file = io.StringIO()
    out = csv.writer(file, lineterminator="\n")
    out.writerow(columns)
    out.writerows([_cell(value) for value in row] for row in rows)
    return file.getvalue()


def _cell(value: object) -> object:
    """Text that a spreadsheet would run as a formula is kept as text; our numbers may begin with a minus."""
    if isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r"):
        return f"'{value}"
    if isinstance(value, str) and value[:1] == "-" and not value[1:].replace(".", "", 1).isdigit():
        return f"'{value}"
    return value
