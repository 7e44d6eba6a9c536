"""A dispatch problem from files: a folder of tables, or one JSON document. docs/dispatch.md lists what they hold.

All that is wrong is found before anything is refused: InputError bears every finding of every file.
"""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evloom.dispatch.problem import NO_REQUESTS, Problem, Stores
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.plan.fleet.case import Case
from evloom.plan.fleet.cells import typed
from evloom.plan.fleet.columns import TABLES
from evloom.plan.fleet.header import read_header
from evloom.plan.fleet.log import Log, Place
from evloom.plan.fleet.network import read_network
from evloom.plan.fleet.sheet import Sheet, find_sheet, read_json, read_sheet, sheet_of
from evloom.plan.fleet.signals import node_rows, read_requests, read_signals, read_stores
from evloom.plan.fleet.stays import stays_of
from evloom.plan.fleet.vehicles import check_vehicles, doubt_needs
from evloom.simulate.sources.rows import refuse_file

DOCUMENT = "network.json"
NO_STORES = Stores(np.zeros(0, dtype=np.int64), *(np.zeros(0) for _ in range(7)))


def read_case(path: Path) -> Case:
    """The problem in a folder (network.json and the tables) or in one JSON document, with what is doubtful in it.

    Raises InputError with all findings if anything cannot be used.
    """
    log = Log()
    document_path = _document(path)
    document = read_json(document_path)
    if not isinstance(document, dict):
        raise refuse_file(document_path.name, "dispatch.document", str(document)[:60], "a JSON object", "see docs/dispatch.md")
    source = document_path.name
    header = read_header(document, source, log)
    network = read_network(document, source, header.grid.n, log)
    sheets = {name: _sheet(path, document, source, name, log) for name in TABLES if name != "nodes"}
    tables = {name: typed(sheet, log) for name, sheet in sheets.items()}
    nodes = {name: node_rows(tables[name], network.node_id, sheets[name].place, log) for name in ("vehicles", "requests", "stores")}
    vehicles = check_vehicles(tables["vehicles"], sheets["vehicles"].place, header.grid if header.is_timed else None, log)
    stores = read_stores(tables["stores"], sheets["stores"].place, nodes["stores"], log)
    if not header.is_timed:
        log.raise_if_refused()  # what follows would call every time wrong
    signals = read_signals(tables["signals"], sheets["signals"].place, header, log)
    requests = read_requests(tables["requests"], sheets["requests"].place, nodes["requests"], header.grid, log)
    log.raise_if_refused()
    doubt_needs(vehicles, sheets["vehicles"].place, header.grid, nodes["vehicles"], log)
    stays = stays_of(vehicles, header.grid, nodes["vehicles"])
    step_h = np.full(header.grid.n, header.grid.step_h)
    problem = Problem(step_h, stays, stores, network.nodes, signals, requests if requests.n else NO_REQUESTS)
    name = header.name or (path.name if path.is_dir() else path.stem)
    store_id = tuple(tables["stores"]["store_id"])
    return Case(name, header.grid, header.zone, header.currency, network.node_id, vehicles, problem, store_id, (), tuple(log.findings))


def _document(path: Path) -> Path:
    if not path.is_dir():
        return path
    if not (path / DOCUMENT).exists():
        advice = f"put {DOCUMENT} there, or name a document such as problem.json"
        raise refuse_file(path.name, "file.missing", f"no {DOCUMENT} in {path}", f"a folder with {DOCUMENT} and vehicles.csv", advice)
    return path / DOCUMENT


def _sheet(path: Path, document: dict[str, Any], source: str, name: str, log: Log) -> Sheet:
    """A table from the document or from a file of its own; empty where there is none and it may be left out."""
    empty = Sheet(name, pl.DataFrame({column.name: [] for column in TABLES[name]}), Place(source, np.zeros(0, dtype=np.int64), name))
    try:
        own = find_sheet(path, name) if path.is_dir() else None
        if own is not None and name in document:
            text = f"a table {name} in {source} and a file {own.name}"
            raise refuse_file(own.name, "file.doubled", text, "one of the two", "remove the one that does not count")
        if own is not None:
            return read_sheet(own, name)
        if name in document:
            return sheet_of(document[name], name, source, name)
    except InputError as error:
        for finding in error.findings:
            log.add(finding)
        return empty
    if name in ("vehicles", "signals"):
        where = f"a file {name}.csv, {name}.parquet or {name}.json" if path.is_dir() else f'a table "{name}"'
        log.add(
            Finding("file.missing", "refused", path.name, None, None, f"no {name}", where, "add it; docs/dispatch.md lists its columns")
        )
    return empty
