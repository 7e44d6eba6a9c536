"""The sessions of a scenario: read or generated, cut to the span of the run, and given to the piles."""

from collections import Counter
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import TimeGrid, from_epoch_s
from evloom.pile.evse import EvseTable
from evloom.simulate.scenario.schema import PACKAGED, GenerateSection, SessionsSection
from evloom.simulate.scenario.section import Notes
from evloom.simulate.sources.generate import Request, generate
from evloom.simulate.sources.read import read_sessions
from evloom.simulate.sources.table import SessionTable, no_sessions

JOURNAL = "journal"
"""Source of the sessions of a scenario that has none of its own: they are in the journal that is replayed on it."""


@dataclass(frozen=True)
class Override:
    """Sessions named at the command line in place of those of the file; `path` is relative to where the command runs."""

    path: Path
    format: str | None


def read_recorded(section: SessionsSection, override: Override | None, folder: Path, notes: Notes) -> SessionTable | None:
    """All sessions of the file named in the scenario or at the command line; None where they are to be generated."""
    if override is None:
        if section.in_journal:
            return no_sessions(JOURNAL)
        if (section.file is None) == (section.generate is None):
            value = "(neither given)" if section.file is None else "both given"
            notes.refuse("sessions-source", section.path, value, "file or generate", "say where the sessions come from, once")
        if section.file is None:
            return None
    try:
        if override is not None:
            return read_sessions(override.path, override.format)
        if section.file is not None and section.file.startswith(PACKAGED):
            return _packaged(section.file, notes)
        return read_sessions(folder / (section.file or ""), section.format)
    except InputError as error:
        notes.findings.extend(error.findings)
        return None


def _packaged(name: str, notes: Notes) -> SessionTable | None:
    """A recorded month that comes with Evloom; its licence lies beside it."""
    data = files("evloom.simulate") / "data"
    known = sorted(item.name.removesuffix(".csv.gz") for item in data.iterdir() if item.name.endswith(".csv.gz"))
    wanted = name.removeprefix(PACKAGED)
    if wanted not in known:
        allowed = ", ".join(PACKAGED + item for item in known)
        notes.refuse("unknown-data", "sessions.file", f'"{name}"', allowed, "choose one of those, or give the path of a file")
        return None
    with as_file(data / f"{wanted}.csv.gz") as path:
        return read_sessions(path, "evloom")


def generated(section: GenerateSection, evse: EvseTable, span: tuple[TimeGrid, ZoneInfo], driver_error: float) -> SessionTable:
    """Made-up sessions for the local days that the span (grid, zone) touches; the generator's connectors are the EVSE in their order."""
    grid, zone = span
    first, last = grid.start.astimezone(zone).date(), from_epoch_s(grid.edges_s()[-1] - 1).astimezone(zone).date()
    request = Request(
        kind=section.kind,
        start=first,
        days=(last - first).days + 1,
        seed=section.seed,
        zone=zone,
        n_evse=evse.n,
        n_vehicle=section.vehicles,
        power_kw=section.power_kw or float(evse.charge_max_kw.max()),
        driver_error=driver_error,
    )
    table = generate(request)
    ours = {"": "", **{f"evse-{number:03d}": name for number, name in enumerate(evse.evse_id, 1)}}
    return replace(table, evse_id=[ours[name] for name in table.evse_id])


def cut_to_span(table: SessionTable, how: str, grid: TimeGrid, notes: Notes) -> SessionTable:
    """The sessions that belong to the run; a warning where there are none."""
    kept = table.wholly_inside(grid.start, grid.end) if how == "wholly-inside" else table.arriving(grid.start, grid.end)
    if len(kept) == 0 and table.source != JOURNAL:
        span = f"{grid.start:%Y-%m-%d %H:%M} to {grid.end:%Y-%m-%d %H:%M} UTC"
        held = "it holds none at all"
        if len(table):
            first, last = from_epoch_s(float(table.arrival_s.min())), from_epoch_s(float(table.departure_s.max()))
            held = f"it holds {len(table)} from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        advice = f"{held}; set from and to in [time], or --from and --to"
        value = f"0 sessions of {table.source} {how.replace('-', ' ')} {span}"
        notes.warn("no-sessions", "sessions", value, "at least one", advice)
    return kept


def before_span(table: SessionTable, grid: TimeGrid) -> SessionTable:
    """The sessions that had ended when the run begins: what is known by then. Drivers' habits may be learnt from them."""
    return table.select(table.departure_s <= grid.start_s)


def give_to_piles(table: SessionTable, evse: EvseTable, keep: bool, notes: Notes) -> SessionTable:
    """Sessions with evse_id of the scenario or "" (a free bay is taken at arrival).

    Sessions at an EVSE that the scenario does not have are refused, one finding each in the table, and the others run.
    Where that would leave none, the scenario as a whole is refused: then names of two different sites have met.
    """
    if not keep:
        return replace(table, evse_id=[""] * len(table))
    known = set(evse.evse_id) | {""}
    strange = Counter(name for name in table.evse_id if name not in known)
    if not strange:
        return table
    n_strange = sum(strange.values())
    if n_strange == len(table):
        value = f"all {n_strange} sessions stand at {len(strange)} EVSE, e.g. {min(strange)}"
        allowed = "EVSE of this scenario, e.g. " + (evse.evse_id[0] if evse.n else "(none)")
        advice = "use a [[pile]] with from_sessions = true, or sessions.keep_evse_id = false to give each car a free bay"
        notes.refuse("unknown-evse", "sessions.file", value, allowed, advice)
        return table
    advice = "left out, the others run; name the EVSE in a [[pile]], or set sessions.keep_evse_id = false"
    refused = tuple(
        Finding(
            "session.unknown-evse", "refused", table.source, None, "evse_id", f"{name} of session {who}", "an EVSE of the scenario", advice
        )
        for name, who in zip(table.evse_id, table.session_id, strict=True)
        if name not in known
    )
    kept = table.select(np.array([name in known for name in table.evse_id], dtype=np.bool_))
    return replace(kept, findings=kept.findings + refused)
