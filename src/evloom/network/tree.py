"""The tree of limits between the grid and the connectors."""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.timegrid import Float, Int


@dataclass(frozen=True)
class LimitTree:
    """Nodes that carry power, each with the limits that hold there. Row 0 is the site's transformer.

    node_id          (n_node,) unique names
    parent           (n_node,) row of the node above, -1 for the root; parents come before children
    import_max_kw    (n_node,) most power the node may draw, base load included; infinity for none
    export_max_kw    (n_node,) most power that controlled discharge may push back through the node, >= 0
    phase_max_a      (n_node,) most current on any one phase, infinity for none
    source           (n_node,) who set the limit: "transformer 250 kVA x 0.95", "board B breaker", ...
    """

    node_id: tuple[str, ...]
    parent: Int
    import_max_kw: Float
    export_max_kw: Float
    phase_max_a: Float
    source: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.node_id) == 0:
            raise ValueError("a limit tree needs at least its root")
        if self.parent[0] != -1 or np.any(self.parent[1:] < 0) or np.any(self.parent[1:] >= np.arange(1, self.n)):
            raise ValueError("parent: row 0 is the root (-1) and every other node comes after its parent")

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.node_id)

    def ancestors(self) -> Int:
        """For every node the path to the root, itself first: (n_node, depth), filled up with -1."""
        paths: list[list[int]] = []
        for row in range(self.n):
            above = int(self.parent[row])
            paths.append([row] + (paths[above] if above >= 0 else []))
        depth = max(len(path) for path in paths)
        return np.array([path + [-1] * (depth - len(path)) for path in paths], dtype=np.int64)


def node_total(tree: LimitTree, at_node: Float) -> Float:
    """Sum of what is attached at or below each node: (n_node, ...) -> (n_node, ...)."""
    total = np.array(at_node, dtype=np.float64)
    for row in range(tree.n - 1, 0, -1):
        total[tree.parent[row]] += total[row]
    return total
