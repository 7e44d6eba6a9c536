"""Load a scenario file: read it, check it as a whole, and build the `Scenario` that a run needs."""

import difflib
import re
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from evloom.diagnose.warning import LEVELS
from evloom.dispatch.guard import GuardRules, Limit
from evloom.dispatch.objective import parse_objective
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import TimeGrid
from evloom.network.site import Site
from evloom.pile.evse import EvseTable
from evloom.simulate.scenario.fleet import assign_models, fleet_table
from evloom.simulate.scenario.limits import limit_nodes, limit_tree, transformer_node
from evloom.simulate.scenario.lines import LineIndex
from evloom.simulate.scenario.loads import Setting, base_loads, carbon_signal, solar_plants, storage_table, warn_overloads
from evloom.simulate.scenario.model import Control, Diagnosis, DriverInput, Link, Scenario
from evloom.simulate.scenario.piles import check_currents, evse_table, expand_piles, pile_nodes
from evloom.simulate.scenario.prices import contract_of, tariff_of
from evloom.simulate.scenario.schema import (
    TABLES,
    BaseLoadSection,
    CarbonSection,
    ContractSection,
    ControlSection,
    DiagnosisSection,
    DriverSection,
    GuardSection,
    LimitSection,
    LinkSection,
    PileSection,
    Policy,
    RootSection,
    SessionsSection,
    SiteSection,
    SolarSection,
    StorageSection,
    TimeSection,
    TransformerSection,
    VehicleSection,
)
from evloom.simulate.scenario.section import Moment, Notes, Section, read_section, read_sections
from evloom.simulate.scenario.span import instant, span_of, zone_of
from evloom.simulate.scenario.stays import Override, before_span, cut_to_span, generated, give_to_piles, read_recorded
from evloom.simulate.sources.table import SessionTable

S = TypeVar("S", bound=Section)
REQUIRED = ("time", "transformer", "sessions")
"""Tables without which there is no scenario; sessions may come from the command line instead."""


@dataclass(frozen=True)
class Sections:
    """The tables of a scenario file as records, single values checked."""

    root: RootSection
    time: TimeSection
    site: SiteSection
    transformer: TransformerSection
    limits: tuple[LimitSection, ...]
    base_loads: tuple[BaseLoadSection, ...]
    solar: tuple[SolarSection, ...]
    storage: tuple[StorageSection, ...]
    piles: tuple[PileSection, ...]
    vehicles: tuple[VehicleSection, ...]
    sessions: SessionsSection
    contract: ContractSection | None
    carbon: CarbonSection | None
    driver: DriverSection
    control: ControlSection
    link: LinkSection
    guard: GuardSection | None
    diagnoses: tuple[DiagnosisSection, ...]
    tariff: object


def load_scenario(
    path: Path | str,
    sessions: Path | str | None = None,
    session_format: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> Scenario:
    """The scenario of a TOML file.

    sessions, session_format   a session file to run in place of the scenario's (relative to the working directory)
    start, end                 span to run in place of [time] from and to; a date is local midnight

    Raises InputError with everything that is wrong with the file and with the files it names.
    """
    path = Path(path)
    text = read_toml_text(path)
    notes = Notes(path.name, LineIndex(""), [])
    raw = _parse(text, path.name)
    notes.lines = LineIndex(text)
    parts = _sections(raw if sessions is None else {"sessions": {}, **raw}, notes)
    parts = replace(parts, time=replace(parts.time, start=start or parts.time.start, end=end or parts.time.end))
    override = None if sessions is None else Override(Path(sessions), session_format)
    scenario = _build(parts, override, path, notes)
    if notes.refused or scenario is None:
        in_order = sorted(notes.findings, key=lambda finding: (finding.source != notes.source, finding.row or 0))
        raise InputError([*in_order, *notes.of_rows])
    return replace(scenario, findings=(*notes.findings, *notes.of_rows))


def read_toml_text(path: Path) -> str:
    """The text of a scenario file. Raises InputError for a missing file, a directory, UTF-16 and what is not text."""
    if path.is_dir():
        inside = ", ".join(sorted(item.name for item in path.glob("*.toml"))) or "no .toml file"
        raise _whole_file(path, "is-directory", f"a directory with {inside}", "a TOML file", f"name the file: {path / 'scenario.toml'}")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [item.name for item in path.parent.glob("*")], n=1) if path.parent.is_dir() else []
        advice = f"did you mean {path.parent / near[0]}?" if near else "check the path; examples lie in the folder examples"
        raise _whole_file(path, "not-found", "no such file", "a TOML file", advice) from None
    except OSError as error:
        raise _whole_file(path, "not-readable", str(error.strerror), "a readable file", "check the permissions") from None
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in content[:200]:
        raise _whole_file(
            path, "not-utf-8", "UTF-16 or binary", "UTF-8 text", "save the file as UTF-8 (in Windows Notepad: Save as, Encoding)"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        value = f"byte 0x{content[error.start]:02x} in line {line}"
        raise _whole_file(path, "not-utf-8", value, "UTF-8 text", "save the file as UTF-8") from None


def _whole_file(path: Path, code: str, value: str, allowed: str, advice: str) -> InputError:
    return InputError([Finding(f"scenario.{code}", "refused", str(path), None, None, value, allowed, advice)])


def _parse(text: str, source: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        row = int(where[1]) if where else text.count("\n") + 1
        what = str(error).split(" (at")[0]
        advice = "correct the line; text stands in quotes, tables in [ ], decimals have a point"
        raise InputError([Finding("scenario.syntax", "refused", source, row, None, what, "TOML 1.0 (toml.io)", advice)]) from None


def _sections(raw: Mapping[str, object], notes: Notes) -> Sections:
    heads = {head.strip("[]") for head, _ in TABLES if head and "." not in head} | {"tariff"}
    top = {name: value for name, value in raw.items() if name not in heads}
    for name in [name for name, value in top.items() if isinstance(value, dict | list) and name != "policies"]:
        near = difflib.get_close_matches(name, sorted(heads), n=1)
        advice = f"did you mean [{near[0]}]?" if near else "remove it"
        notes.refuse("unknown-table", name, "table", ", ".join(sorted(heads)), advice)
        del top[name]

    def one(kind: type[S], name: str) -> S:
        if name in REQUIRED and name not in raw:
            notes.refuse("missing-table", name, "(not given)", f"[{name}]", f"add the table: {(kind.__doc__ or '').splitlines()[0]}")
            hidden = Notes(notes.source, notes.lines, [])
            return read_section(kind, {}, name, hidden)
        return read_section(kind, raw.get(name, {}), name, notes)

    def many(kind: type[S], name: str) -> tuple[S, ...]:
        return read_sections(kind, raw.get(name), name, notes)

    return Sections(
        root=read_section(RootSection, top, "", notes),
        time=one(TimeSection, "time"),
        site=one(SiteSection, "site"),
        transformer=one(TransformerSection, "transformer"),
        limits=many(LimitSection, "limit"),
        base_loads=many(BaseLoadSection, "base_load"),
        solar=many(SolarSection, "solar"),
        storage=many(StorageSection, "storage"),
        piles=many(PileSection, "pile"),
        vehicles=many(VehicleSection, "vehicle"),
        sessions=one(SessionsSection, "sessions"),
        contract=one(ContractSection, "contract") if "contract" in raw else None,
        carbon=one(CarbonSection, "carbon") if "carbon" in raw else None,
        driver=one(DriverSection, "driver"),
        control=one(ControlSection, "control"),
        link=one(LinkSection, "link"),
        guard=one(GuardSection, "guard") if "guard" in raw else None,
        diagnoses=many(DiagnosisSection, "diagnosis"),
        tariff=raw.get("tariff"),
    )


def _build(parts: Sections, override: Override | None, path: Path, notes: Notes) -> Scenario | None:
    """The scenario; None where something without which nothing can be built was refused."""
    zone = zone_of(parts.time, notes)
    recorded = read_recorded(parts.sessions, override, path.parent, notes)
    grid = _grid(parts, zone, recorded, notes)
    evse, site, setting = _site(parts, (grid, zone), recorded, path, notes)
    fleet = fleet_table(parts.vehicles, notes)
    table = _sessions(parts, (grid, zone), recorded, evse, notes)
    tariff = tariff_of(parts.tariff, setting, notes)
    contract = contract_of(parts.contract, tariff.terms.currency if tariff else "", notes)
    carbon = carbon_signal(parts.carbon, setting, notes)
    _check_aims(parts.root, notes)
    if notes.refused or tariff is None or table is None:
        return None
    warn_overloads(site, grid, notes)
    return Scenario(
        name=site.name,
        path=path,
        grid=grid,
        site=site,
        evse=evse,
        fleet=fleet,
        tariff=tariff,
        contract=contract,
        carbon=carbon,
        sessions=table,
        history=before_span(recorded if recorded is not None else table, grid),
        model_row=assign_models(table, fleet, evse, notes),
        driver=DriverInput(parts.driver.departure, parts.driver.energy, parts.driver.taper),
        control=_control(parts.control),
        link=_link(parts.link),
        guard=None if parts.guard is None else _guard(parts.guard),
        diagnoses=tuple(_diagnosis(said, zone, table, notes) for said in parts.diagnoses),
        policies=parts.root.policies,
        objective=parts.root.objective,
    )


def _control(said: ControlSection) -> Control:
    times = said.min_on_s, said.min_off_s, said.orders_per_hour
    return Control(said.replan, said.deadband_kw, said.horizon_h, said.scarcity, said.departure_risk, said.starts, *times)


def _link(said: LinkSection) -> Link:
    hold_min = float("inf") if said.hold_min is None else said.hold_min
    return Link(said.drops_per_day, said.outage_min, said.default_a, hold_min, said.reserve, said.seed)


def _guard(said: GuardSection) -> GuardRules:
    def limit(value: float | None) -> Limit | None:
        return None if value is None else Limit(value, said.source)

    return GuardRules(
        soc_min=limit(said.soc_min),
        soc_max=limit(said.soc_max),
        daily_kwh=limit(said.daily_kwh),
        yearly_kwh=limit(said.yearly_kwh),
        yearly_cycles=limit(said.yearly_cycles),
    )


def _diagnosis(said: DiagnosisSection, zone: ZoneInfo, sessions: SessionTable, notes: Notes) -> Diagnosis:
    if said.vehicle not in sessions.driver_id and said.vehicle not in sessions.session_id:
        some = ", ".join(sorted({name for name in sessions.driver_id if name})[:3])
        notes.warn(
            "unknown-vehicle", f"{said.path}.vehicle", f'"{said.vehicle}"', f"a driver or session, such as {some}", "see the session file"
        )
    end_s = instant(said.end, zone).timestamp() if said.end is not None else float("inf")
    return Diagnosis(said.vehicle, instant(said.start, zone).timestamp(), end_s, LEVELS.index(said.level) + 1)


def _grid(parts: Sections, zone: ZoneInfo, recorded: SessionTable | None, notes: Notes) -> TimeGrid:
    """The span; without `from` and `to` it needs the sessions, whose own findings then say what is wrong."""
    unread = recorded is None and parts.sessions.generate is None
    if unread and (parts.time.start is None or parts.time.end is None):
        return span_of(parts.time, zone, None, Notes(notes.source, notes.lines, []))
    return span_of(parts.time, zone, recorded, notes)


def _site(
    parts: Sections, span: tuple[TimeGrid, ZoneInfo], recorded: SessionTable | None, path: Path, notes: Notes
) -> tuple[EvseTable, Site, Setting]:
    piles = expand_piles(parts.piles, recorded.evse_id if recorded is not None else (), notes)
    nodes = [transformer_node(parts.transformer), *limit_nodes(parts.limits, notes), *pile_nodes(piles)]
    tree = limit_tree(nodes, notes)
    declared = {node.node_id for node in nodes}
    check_currents(parts.piles, parts.site.voltage_v, notes)
    evse = evse_table(piles, tree, declared, notes)
    setting = Setting(span[0], parts.control.horizon_h, span[1], path.parent, tree, frozenset(declared))
    site = Site(
        name=parts.root.name or path.resolve().parent.name,
        zone=parts.time.zone,
        voltage_v=parts.site.voltage_v,
        tree=tree,
        base_load=base_loads(parts.base_loads, setting, notes),
        solar=solar_plants(parts.solar, setting, notes),
        storage=storage_table(parts.storage, setting, notes),
    )
    return evse, site, setting


def _sessions(
    parts: Sections, span: tuple[TimeGrid, ZoneInfo], recorded: SessionTable | None, evse: EvseTable, notes: Notes
) -> SessionTable | None:
    table = recorded
    if table is None:
        if parts.sessions.generate is None or notes.refused:
            return None
        table = generated(parts.sessions.generate, evse, span, parts.driver.error)
    table = cut_to_span(table, parts.sessions.select, span[0], notes)
    return give_to_piles(table, evse, parts.sessions.keep_evse_id, notes)


def _check_aims(root: RootSection, notes: Notes) -> None:
    """Names of policies, and the terms of the objective."""
    known = typing.get_args(Policy)
    for number, name in enumerate(root.policies):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]}?" if near else "choose one of those"
            notes.refuse("unknown-policy", f"policies[{number}]", f'"{name}"', ", ".join(known), advice)
    try:
        parse_objective(root.objective)
    except InputError as error:
        line = notes.lines.line_of("objective")
        notes.findings.extend(replace(finding, source=notes.source, row=line) for finding in error.findings)
