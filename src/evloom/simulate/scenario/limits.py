"""The limit tree of a scenario: transformer, feeders, boards, circuits, and the piles that several bays share."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from evloom.network.tree import LimitTree
from evloom.simulate.scenario.schema import ROOT, LimitSection, TransformerSection
from evloom.simulate.scenario.section import Notes


@dataclass(frozen=True)
class Node:
    """One row of the tree before it is put in order. `path` is where it is written in the file."""

    node_id: str
    parent: str
    import_max_kw: float
    export_max_kw: float
    phase_max_a: float
    source: str
    path: str


def transformer_node(section: TransformerSection) -> Node:
    """The root: what a transformer of so many kVA carries at the site's power factor."""
    return Node(
        section.id,
        "",
        section.rating_kva * section.power_factor,
        section.export_max_kw,
        np.inf if section.phase_max_a is None else section.phase_max_a,
        f"transformer {section.rating_kva:g} kVA x {section.power_factor:g}",
        section.path,
    )


def limit_nodes(sections: tuple[LimitSection, ...], notes: Notes) -> list[Node]:
    """The further limits; one without any number is refused."""
    nodes = []
    for item in sections:
        if item.max_kw is None and item.phase_max_a is None:
            notes.refuse("limit-without-value", item.path, f'limit "{item.id}"', "max_kw, phase_max_a or both", "say how much it may carry")
        nodes.append(
            Node(
                item.id,
                item.parent,
                np.inf if item.max_kw is None else item.max_kw,
                np.inf if item.export_max_kw is None else item.export_max_kw,
                np.inf if item.phase_max_a is None else item.phase_max_a,
                item.source or f"{item.kind} {item.id}",
                item.path,
            )
        )
    return nodes


def limit_tree(nodes: list[Node], notes: Notes) -> LimitTree:
    """Nodes in the order of the file, parents moved before children. Row 0 is the root, nodes[0].

    Duplicate ids, unknown parents and rings are refused; what hangs on them is left out of the tree that is returned,
    so that the rest can still be checked.
    """
    for name, count in Counter(node.node_id for node in nodes).items():
        if count > 1 and name:
            path = [node.path for node in nodes if node.node_id == name][1]
            notes.refuse("duplicate-id", f"{path}.id", f'"{name}"', "an id used once", "give every limit and pile a name of its own")
    known = {node.node_id for node in nodes}
    placed = {nodes[0].node_id: nodes[0]}
    waiting = [node for node in nodes[1:] if node.node_id not in placed]
    while ready := [node for node in waiting if node.parent in placed]:
        for node in ready:
            placed.setdefault(node.node_id, node)
        waiting = [node for node in waiting if node.node_id not in placed]
    for node in waiting:
        if node.parent not in known:
            unknown_node(node.parent, f"{node.path}.parent", known, notes)
        elif in_ring(node, nodes):
            advice = f"follow the parents of {node.node_id}: they must lead to {ROOT}"
            notes.refuse("limit-ring", f"{node.path}.parent", f'"{node.parent}"', "a tree below the transformer", advice)
    order = list(placed.values())
    row = {node.node_id: number for number, node in enumerate(order)}
    return LimitTree(
        tuple(node.node_id for node in order),
        np.array([-1] + [row[node.parent] for node in order[1:]], dtype=np.int64),
        np.array([node.import_max_kw for node in order]),
        np.array([node.export_max_kw for node in order]),
        np.array([node.phase_max_a for node in order]),
        tuple(node.source for node in order),
    )


def in_ring(node: Node, nodes: list[Node]) -> bool:
    """True where the parents of `node` lead back to it."""
    parent = {item.node_id: item.parent for item in nodes}
    above = node.parent
    for _ in nodes:
        if above == node.node_id:
            return True
        above = parent.get(above, "")
    return False


def unknown_node(name: str, path: str, known: set[str], notes: Notes) -> None:
    """Refuse the name of a node that does not exist."""
    if name:
        notes.refuse("unknown-node", path, f'"{name}"', ", ".join(sorted(known)), "name a [[limit]] of this file, or transformer")


def node_row(name: str, path: str, tree: LimitTree, declared: set[str], notes: Notes) -> int:
    """Row of a node by its id. An id nobody declared is refused and the root stands in for it."""
    if name in tree.node_id:
        return tree.node_id.index(name)
    if name not in declared:
        unknown_node(name, path, declared, notes)
    return 0
