"""Compiled kernels that send energy from stays through cells and limits to terminals, cheapest terminal first.

A network of stays, cells and limits decides which loads of the terminals can be reached; the loads that can are a polymatroid
(Megiddo, "Optimal flows in networks with multiple sources and sinks", Mathematical Programming 7, 1974), and on a
polymatroid the greedy way is optimal: fill the cheapest terminal as far as all the others allow, then the next.
Filling never takes load from a terminal, but it may let another stay deliver it (an augmenting path).
"""

from typing import NamedTuple

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int

# Residual room below this (kWh) counts as none.
_EPS_KWH = 1e-11
_UP, _DOWN, _IN, _OUT = 0, 1, 2, 3


class Network(NamedTuple):
    """Where energy may go. Vertices are limits (a node of the tree in one step) and, last, terminals.

    begin         (n_stay + 1,) cells of each stay
    stay          (n_cell,) whose cell; most_kwh its room; vertex where its energy goes next
    up            (n_vertex,) the next vertex, -1 for a terminal
    cell_begin,   (n_vertex + 1,), (n_cell,) cells that lead into each vertex
    cell
    child_begin,  (n_vertex + 1,), vertices that lead into each vertex
    child
    under_begin,  (n_terminal + 1,), (n_cell,) cells whose energy ends at each terminal
    under
    """

    begin: Int
    stay: Int
    most_kwh: Float
    vertex: Int
    up: Int
    cell_begin: Int
    cell: Int
    child_begin: Int
    child: Int
    under_begin: Int
    under: Int


class Flow(NamedTuple):
    """What goes where, kWh, changed in place: charge (n_cell,), through and cap (n_vertex,), rest (n_stay,) not yet sent."""

    charge: Float
    through: Float
    cap: Float
    rest: Float


class Search(NamedTuple):
    """Scratch of a search over vertices, then stays: how each was reached, the queue, and what is closed for good."""

    kind: Int
    edge: Int
    onward: Int
    seen: Int
    queue: Int
    closed: Bool


def new_search(network: Network) -> Search:
    """Scratch for a network, with nothing closed."""
    n = len(network.up) + len(network.begin) - 1
    columns = [np.zeros(n, dtype=np.int64) for _ in range(5)]
    return Search(columns[0], columns[1], columns[2], columns[3], columns[4], np.zeros(n, dtype=np.bool_))


@compiled
def _weights(net: Network, flow: Flow) -> Float:
    """How far a cell of each terminal can be counted on, (n_terminal,): the square of the share of what its
    cells could send that its limits let through. Found by trial to leave the least to be rerouted."""
    n_terminal = len(net.under_begin) - 1
    first = len(net.up) - n_terminal
    room = flow.cap[first:].copy()
    below = np.zeros(n_terminal)
    for v in range(first):
        if net.up[v] >= first:
            below[net.up[v] - first] += flow.cap[v]
    weight = np.ones(n_terminal)
    for number in range(n_terminal):
        most = np.sum(net.most_kwh[net.under[net.under_begin[number] : net.under_begin[number + 1]]])
        if below[number] > 0.0:
            room[number] = min(room[number], below[number])
        if room[number] < most:
            weight[number] = (room[number] / most) ** 2
    return weight


@compiled
def _open_kwh(net: Network, weight: Float) -> Float:
    """What each stay can count on, (n_stay,)."""
    open_kwh = np.zeros(len(net.begin) - 1)
    for number in range(len(weight)):
        for j in range(net.under_begin[number], net.under_begin[number + 1]):
            open_kwh[net.stay[net.under[j]]] += net.most_kwh[net.under[j]] * weight[number]
    return open_kwh


@compiled
def _send_straight(net: Network, flow: Flow, terminal: int, open_kwh: Float, weight: Float) -> None:
    """Fill a terminal with what stays still have to send, the most pressed first (rest over room still open).

    The choice decides only how much has to be rerouted later, not how much arrives.
    """
    number = terminal - (len(net.up) - (len(net.under_begin) - 1))
    cells = net.under[net.under_begin[number] : net.under_begin[number + 1]]
    stays = net.stay[cells]
    pressure = flow.rest[stays] / np.maximum(open_kwh[stays], 1e-12)
    for j in np.argsort(-pressure, kind="mergesort"):
        cell, stay = cells[j], stays[j]
        amount = min(flow.rest[stay], net.most_kwh[cell] - flow.charge[cell])
        v = net.vertex[cell]
        while v >= 0:
            amount = min(amount, flow.cap[v] - flow.through[v])
            v = net.up[v]
        if amount <= 0.0:
            continue
        flow.charge[cell] += amount
        flow.rest[stay] -= amount
        v = net.vertex[cell]
        while v >= 0:
            flow.through[v] += amount
            v = net.up[v]
    for j in range(len(cells)):
        open_kwh[stays[j]] -= net.most_kwh[cells[j]] * weight[number]


@compiled
def _note(search: Search, node: int, step: tuple[int, int, int], tail: int) -> int:
    """Put a node into the queue unless it was seen or is closed; the new end of the queue."""
    if search.seen[node] or search.closed[node]:
        return tail
    search.seen[node] = 1
    search.kind[node], search.edge[node], search.onward[node] = step
    search.queue[tail] = node
    return tail + 1


@compiled
def _search_back(net: Network, flow: Flow, search: Search, terminal: int) -> tuple[int, bool]:
    """Walk residual arcs backwards from a terminal. -> (number of nodes seen, whether a stay with something to send is among them).

    Stops early when the stays found can send more than the terminal can take.
    """
    n_vertex, found = len(net.up), 0.0
    wanted = flow.cap[terminal] - flow.through[terminal]
    search.seen[:] = 0
    tail = _note(search, terminal, (0, 0, -1), 0)
    head = 0
    while head < tail:
        node = search.queue[head]
        head += 1
        if node >= n_vertex:
            stay = node - n_vertex
            if flow.rest[stay] > _EPS_KWH:
                found += flow.rest[stay]
                if found >= wanted:
                    break
                continue
            for cell in range(net.begin[stay], net.begin[stay + 1]):
                if flow.charge[cell] > _EPS_KWH:
                    tail = _note(search, net.vertex[cell], (_OUT, cell, node), tail)
            continue
        for j in range(net.cell_begin[node], net.cell_begin[node + 1]):
            cell = net.cell[j]
            if net.most_kwh[cell] - flow.charge[cell] > _EPS_KWH:
                tail = _note(search, n_vertex + net.stay[cell], (_IN, cell, node), tail)
        for j in range(net.child_begin[node], net.child_begin[node + 1]):
            below = net.child[j]
            if flow.cap[below] - flow.through[below] > _EPS_KWH:
                tail = _note(search, below, (_UP, below, node), tail)
        if net.up[node] >= 0 and flow.through[node] > _EPS_KWH:
            tail = _note(search, net.up[node], (_DOWN, node, node), tail)
    return tail, found > 0.0


@compiled
def _residual(net: Network, flow: Flow, kind: int, edge: int) -> float:
    if kind == _UP:
        return float(flow.cap[edge] - flow.through[edge])
    if kind == _DOWN:
        return float(flow.through[edge])
    if kind == _IN:
        return float(net.most_kwh[edge] - flow.charge[edge])
    return float(flow.charge[edge])


@compiled
def _augment(net: Network, flow: Flow, search: Search, stay: int, terminal: int) -> float:
    """Send as much as the path that the search found from a stay can bear; the energy sent."""
    n_vertex = len(net.up)
    amount = min(flow.rest[stay], flow.cap[terminal] - flow.through[terminal])
    node = n_vertex + stay
    while node != terminal:
        amount = min(amount, _residual(net, flow, search.kind[node], search.edge[node]))
        node = search.onward[node]
    if amount <= _EPS_KWH:
        return 0.0
    node = n_vertex + stay
    while node != terminal:
        kind, edge = search.kind[node], search.edge[node]
        if kind == _UP:
            flow.through[edge] += amount
        elif kind == _DOWN:
            flow.through[edge] -= amount
        elif kind == _IN:
            flow.charge[edge] += amount
        else:
            flow.charge[edge] -= amount
        node = search.onward[node]
    flow.through[terminal] += amount
    flow.rest[stay] -= amount
    return float(amount)


@compiled
def fill(net: Network, flow: Flow, search: Search, order: Int) -> None:
    """Fill the terminals `order` one after the other, each as far as the ones before it keep their load.

    A set of nodes from which no stay with something to send can be reached stays so, and is not searched again.
    """
    n_vertex = len(net.up)
    weight = _weights(net, flow)
    open_kwh = _open_kwh(net, weight)
    for terminal in order:
        _send_straight(net, flow, terminal, open_kwh, weight)
        while flow.cap[terminal] - flow.through[terminal] > _EPS_KWH:
            n_seen, found = _search_back(net, flow, search, terminal)
            if not found:
                search.closed[search.queue[:n_seen]] = True
                break
            sent = 0.0
            for j in range(n_seen):
                node = search.queue[j]
                if node >= n_vertex and flow.rest[node - n_vertex] > _EPS_KWH:
                    sent += _augment(net, flow, search, node - n_vertex, terminal)
            if sent == 0.0:
                break


@compiled
def reach(net: Network, flow: Flow, search: Search, starts: Int) -> int:
    """Walk residual arcs forwards from nodes not seen yet (vertices, then stays); adds to `seen` and the queue -> how many were added."""
    n_vertex = len(net.up)
    tail = 0
    for node in starts:
        tail = _note(search, node, (0, 0, -1), tail)
    head = 0
    while head < tail:
        node = search.queue[head]
        head += 1
        if node >= n_vertex:
            stay = node - n_vertex
            for cell in range(net.begin[stay], net.begin[stay + 1]):
                if net.most_kwh[cell] - flow.charge[cell] > _EPS_KWH:
                    tail = _note(search, net.vertex[cell], (0, 0, -1), tail)
            continue
        if net.up[node] >= 0 and flow.cap[node] - flow.through[node] > _EPS_KWH:
            tail = _note(search, net.up[node], (0, 0, -1), tail)
        for j in range(net.child_begin[node], net.child_begin[node + 1]):
            if flow.through[net.child[j]] > _EPS_KWH:
                tail = _note(search, net.child[j], (0, 0, -1), tail)
        for j in range(net.cell_begin[node], net.cell_begin[node + 1]):
            cell = net.cell[j]
            if flow.charge[cell] > _EPS_KWH:
                tail = _note(search, n_vertex + net.stay[cell], (0, 0, -1), tail)
    return tail
