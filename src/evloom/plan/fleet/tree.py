"""Trees of limits by a short text: how many nodes there are and which vehicles hang on which."""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Int

TREES = (
    '"one" (a single cap), sizes from below such as "100" or "25/100" (100 vehicles at a transformer, 25 transformers at a feeder), '
    'or numbers from above such as "4,25" (4 feeders of 25 transformers)'
)
DEFAULT_TREE = "25/100"
LEVELS_MAX = 8
NODES_MAX = 1_000_000
# Names of the levels from the root down, by how many there are.
LEVEL_NAMES = {1: ("site",), 2: ("substation", "transformer"), 3: ("substation", "feeder", "transformer")}


@dataclass(frozen=True)
class Tree:
    """Nodes level by level, row 0 the root.

    parent      (n_node,) row of the node above, -1 for the root
    level       (n_node,) 0 for the root
    node_id     names: the level and a number
    level_name  of each level
    """

    parent: Int
    level: Int
    node_id: tuple[str, ...]
    level_name: tuple[str, ...]

    @property
    def last_nodes(self) -> Int:
        """Rows of the nodes on the lowest level."""
        return np.flatnonzero(self.level == self.level.max())


def tree_of(text: str, n_vehicle: int) -> Tree:
    """The tree that `text` asks for. Raises InputError for a text that says none."""
    sizes = _level_sizes(text.replace(" ", ""), n_vehicle)
    names = LEVEL_NAMES.get(len(sizes)) or tuple(f"level{k}" for k in range(len(sizes)))
    parent, level, node_id, first = [np.array([-1])], [np.zeros(1, dtype=np.int64)], [names[0]], 0
    for k in range(1, len(sizes)):
        # Children are dealt evenly and in order, so that siblings are neighbours.
        parent.append(first + np.arange(sizes[k]) * sizes[k - 1] // sizes[k])
        level.append(np.full(sizes[k], k))
        width = len(str(sizes[k]))
        node_id += [f"{names[k]}-{j + 1:0{width}d}" for j in range(sizes[k])]
        first += sizes[k - 1]
    return Tree(np.concatenate(parent).astype(np.int64), np.concatenate(level), tuple(node_id), names)


def _level_sizes(text: str, n_vehicle: int) -> list[int]:
    """Number of nodes on each level, from the root down."""
    if text == "one":
        return [1]
    parts = text.split("," if "," in text else "/")
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts) or len(parts) >= LEVELS_MAX:
        raise _refused(text)
    numbers = [int(part) for part in parts]
    sizes = [1]
    if "," in text:
        for number in numbers:
            sizes.append(sizes[-1] * number)
    else:
        below = n_vehicle
        upwards = []
        for number in reversed(numbers):
            below = max(1, -(-below // number))
            upwards.append(below)
        sizes += upwards[::-1]
    if sizes[-1] > NODES_MAX:
        raise _refused(text)
    return sizes


def _refused(text: str) -> InputError:
    allowed = f"{TREES}; at most {LEVELS_MAX} levels and {NODES_MAX} nodes"
    return InputError([Finding("dispatch.tree", "refused", "--tree", None, None, text or "(empty)", allowed, "choose one of these")])
