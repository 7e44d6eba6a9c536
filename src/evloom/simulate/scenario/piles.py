"""Piles and their bays: from [[pile]] templates to the columns of `EvseTable`."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from evloom.network.tree import LimitTree
from evloom.pile.evse import EvseTable
from evloom.simulate.scenario.limits import Node, node_row
from evloom.simulate.scenario.schema import PileSection
from evloom.simulate.scenario.section import Notes


@dataclass(frozen=True)
class Pile:
    """One pile with its id; `section` says what kind it is, `evse_id` names its bays."""

    pile_id: str
    evse_id: tuple[str, ...]
    section: PileSection


def expand_piles(sections: tuple[PileSection, ...], session_evse: Iterable[str], notes: Notes) -> list[Pile]:
    """Every pile of the scenario in the order of the file. session_evse: names of the EVSE the sessions stood at."""
    piles: list[Pile] = []
    for item in (item for item in sections if not item.from_sessions):
        _check(item, notes)
        piles += [_pile(_name(item, number, notes), item) for number in range(1, item.count + 1)]
    declared = {evse for pile in piles for evse in pile.evse_id}
    templates = [item for item in sections if item.from_sessions]
    for item in templates[1:]:
        notes.refuse("two-templates", f"{item.path}.from_sessions", "true", "one [[pile]] with from_sessions", "keep one of them")
    for item in templates[:1]:
        _check(item, notes)
        if item.bays > 1:
            notes.refuse("bays-from-sessions", f"{item.path}.bays", str(item.bays), "1", "the sessions do not say which bays share a pile")
        found = sorted({evse for evse in session_evse if evse} - declared)
        piles += [Pile(evse, (evse,), item) for evse in found]
    if not piles:
        advice = "add a [[pile]]; with from_sessions = true the sessions must name their evse_id"
        notes.refuse("no-piles", "pile", "no pile", "at least one [[pile]]", advice)
    for name, count in Counter(evse for pile in piles for evse in pile.evse_id).items():
        if count > 1 and name:
            path = next(pile.section.path for pile in reversed(piles) if name in pile.evse_id)
            notes.refuse(
                "duplicate-id", f"{path}.id", f'"{name}"', "an id used once", "put {n} in the id, or give the piles different names"
            )
    return piles


def pile_nodes(piles: list[Pile]) -> list[Node]:
    """Piles whose bays share a rating are nodes of the limit tree."""
    return [
        Node(
            pile.pile_id,
            pile.section.node,
            pile.section.rating_kw,
            pile.section.discharge_max_kw,
            math.inf,
            f"pile {pile.pile_id} rating {pile.section.rating_kw:g} kW",
            pile.section.path,
        )
        for pile in piles
        if len(pile.evse_id) > 1
    ]


def evse_table(piles: list[Pile], tree: LimitTree, declared: set[str], notes: Notes) -> EvseTable:
    """One row per bay. `declared` are all node ids of the file, those outside `tree` included."""
    rows = [(number, pile) for number, pile in enumerate(piles) for _ in pile.evse_id]
    kinds = [pile.section for _, pile in rows]
    phase = _phases(piles)
    row_of = {
        item.path: node_row(item.node, f"{item.path}.node", tree, declared, notes)
        for item in {pile.section.path: pile.section for pile in piles}.values()
    }
    shared = {name: row for row, name in enumerate(tree.node_id)}
    node = [shared.get(pile.pile_id, 0) if len(pile.evse_id) > 1 else row_of[pile.section.path] for _, pile in rows]
    return EvseTable(
        tuple(evse for pile in piles for evse in pile.evse_id),
        np.array([number for number, _ in rows], dtype=np.int64),
        np.array([item.bays > item.bays_at_once for item in kinds], dtype=np.bool_),
        np.array(node, dtype=np.int64),
        np.array([item.dc for item in kinds], dtype=np.bool_),
        np.array([n_phase(item) for item in kinds], dtype=np.int64),
        np.array([phase[number] for number, _ in rows], dtype=np.int64),
        np.array([item.rating_kw for item in kinds]),
        np.array([item.discharge_max_kw for item in kinds]),
        np.array([0.0 if item.dc else item.current_min_a for item in kinds]),
        np.array([0.0 if item.dc else item.current_step_a for item in kinds]),
        np.array([item.efficiency for item in kinds]),
    )


def n_phase(section: PileSection) -> int:
    """Conductors on the AC side: as written, else 3 for direct current and 1 otherwise."""
    return section.phases or (3 if section.dc else 1)


def check_currents(sections: tuple[PileSection, ...], voltage_v: float, notes: Notes) -> None:
    """Refuse AC piles whose rating is below their least current: they could never charge."""
    for item in sections:
        least_kw = item.current_min_a * voltage_v * n_phase(item) / 1000
        if not item.dc and item.rating_kw < least_kw:
            value = f"{item.rating_kw:g} kW"
            allowed = f">= {least_kw:g} kW = {item.current_min_a:g} A x {voltage_v:g} V x {n_phase(item)} phase"
            notes.refuse("rating-below-minimum", f"{item.path}.rating_kw", value, allowed, "raise rating_kw or lower current_min_a")


def _phases(piles: list[Pile]) -> list[int]:
    """Phase 0, 1, 2 of every pile; those that rotate take turns over the whole site."""
    turn, phases = 0, []
    for pile in piles:
        if pile.section.phase == "rotate":
            phases.append(turn % 3)
            turn += 1
        else:
            phases.append("ABC".index(pile.section.phase))
    return phases


def _pile(name: str, section: PileSection) -> Pile:
    bays = (name,) if section.bays == 1 else tuple(f"{name}-{bay}" for bay in range(1, section.bays + 1))
    return Pile(name, bays, section)


def _name(section: PileSection, number: int, notes: Notes) -> str:
    try:
        return section.id.format(n=number)
    except (KeyError, IndexError, ValueError, AttributeError):
        if number == 1:
            notes.refuse("bad-template", f"{section.path}.id", f'"{section.id}"', '"P{n}" or "P{n:02}"', "only {n} may stand in braces")
        return f"{section.path}#{number}"


def _check(section: PileSection, notes: Notes) -> None:
    if section.discharge_max_kw > section.rating_kw:
        value, allowed = f"{section.discharge_max_kw:g} kW", f"<= rating_kw = {section.rating_kw:g} kW"
        notes.refuse("discharge-above-rating", f"{section.path}.discharge_max_kw", value, allowed, "a pile gives back at most its rating")
    if section.bays_at_once > section.bays:
        notes.refuse("bays-at-once", f"{section.path}.bays_at_once", "2", "<= bays = 1", "add bays = 2, or leave bays_at_once out")
