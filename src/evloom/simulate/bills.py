"""What each driver of a run pays: the bill of every session, from the energy its meter counted."""

import csv
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from evloom.dispatch.reason import DIAGNOSED, TEXT
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import from_epoch_s
from evloom.market.bill import Bill, LineKind, MeterSeries, Visit, session_bill
from evloom.market.contract import ByTariff, Contract, minor_unit
from evloom.market.tariff import Tariff
from evloom.simulate.run import PolicyRun
from evloom.simulate.stage import Stage

COLUMNS = ("session_id", "evse_id", "arrival", "kind", "label", "quantity", "unit", "unit_price", "amount", "currency")
TOTAL = "total"


def contract_of(stage: Stage) -> Contract:
    """The contract of the scenario; without one, energy in both directions at the price of the tariff and no fee.

    Energy given back is credited at the same price, so that nobody pays for energy that was taken out again.
    """
    terms = stage.scenario.tariff.terms
    agreed = stage.scenario.contract
    return agreed or Contract(terms.name, terms.currency, ByTariff(), v2g=ByTariff(), tax_share=Decimal(repr(terms.tax_share)))


def session_bills(stage: Stage, run: PolicyRun) -> list[Bill]:
    """One bill for each row of `stage.session`, in that order; cars that were turned away have none.

    Raises InputError with the findings of all sessions that cannot be billed, e.g. where a price series ends too early.
    """
    contract, tariff = contract_of(stage), stage.scenario.tariff
    bills: list[Bill] = []
    findings: list[Finding] = []
    for row in range(len(stage.session)):
        try:
            bills.append(_bill(contract, tariff, stage, run, row))
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(findings)
    return bills


def meter_series(stage: Stage, run: PolicyRun, row: int) -> MeterSeries:
    """What the meter counted in each step of a stay; the first and the last interval end with the stay itself."""
    track = run.track
    flow_kwh = track.flow_kwh[track.offset[row] : track.offset[row + 1]]
    first_s = stage.grid.start_s + track.first[row] * stage.grid.step_s
    edges_s = first_s + stage.grid.step_s * np.arange(len(flow_kwh) + 1, dtype=np.float64)
    edges_s[0] = max(edges_s[0], stage.cars.arrival_s[row])
    edges_s[-1] = min(edges_s[-1], stage.cars.departure_s[row])
    return MeterSeries(edges_s, flow_kwh)


def write_bills(path: Path, stage: Stage, run: PolicyRun) -> Decimal:
    """Write the bills of a run as CSV and return their sum.

    One row for each line of a bill, then one with kind "total" for the session, and a last one for all sessions, which
    names none. Times are local with their offset. Raises InputError as `session_bills` does.
    """
    bills = session_bills(stage, run)
    contract = contract_of(stage)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for row, bill in enumerate(bills):
            out.writerows(_rows(stage, row, bill, _note(run, row)))
        total = sum((bill.total for bill in bills), start=Decimal(0)).quantize(minor_unit(contract.currency))
        energy_kwh = sum((bill.energy_kwh for bill in bills), start=Decimal(0))
        out.writerow(("", "", "", TOTAL, f"{len(bills)} sessions", f"{energy_kwh:f}", "kWh", "", f"{total:f}", contract.currency))
    return total


def totals(bills: Sequence[Bill], currency: str) -> dict[LineKind, Decimal]:
    """The sum of the lines of every kind over all bills."""
    zero = Decimal(0).quantize(minor_unit(currency))
    return {kind: sum((bill.amount_of(kind) for bill in bills), start=zero) for kind in LineKind}


def _bill(contract: Contract, tariff: Tariff, stage: Stage, run: PolicyRun, row: int) -> Bill:
    session_id = stage.scenario.sessions.session_id[stage.session[row]]
    visit = Visit(session_id, float(stage.cars.arrival_s[row]), float(stage.cars.departure_s[row]))
    return session_bill(contract, tariff, visit, meter_series(stage, run, row))


def _note(run: PolicyRun, row: int) -> str:
    """That the diagnosis of the battery held a session back, where it did."""
    track = run.track
    is_held = bool((track.reason[track.offset[row] : track.offset[row + 1]] == DIAGNOSED).any())
    return TEXT[DIAGNOSED] if is_held else ""


def _rows(stage: Stage, row: int, bill: Bill, note: str) -> list[tuple[str, ...]]:
    """The lines of one bill and its total, with a note of what held it back, as rows of the CSV."""
    at = from_epoch_s(float(stage.cars.arrival_s[row])).astimezone(stage.scenario.tariff.terms.zone)
    head = (bill.session_id, stage.scenario.evse.evse_id[stage.beliefs.evse[row]], at.isoformat(timespec="seconds"))
    lines = [
        (
            *head,
            line.kind.value,
            f"{line.label} ({line.note})" if line.note else line.label,
            f"{line.quantity:f}",
            line.unit,
            f"{line.unit_price:f}",
            f"{line.amount:f}",
            bill.currency,
        )
        for line in bill.lines
    ]
    return [*lines, (*head, TOTAL, note, f"{bill.energy_kwh:f}", "kWh", "", f"{bill.total:f}", bill.currency)]
