"""One pure step of the closed loop: policy, check, orders, record."""

from dataclasses import dataclass, replace

import numpy as np

from evloom.dispatch.allocate import allocate
from evloom.dispatch.reason import FALLBACK, FULL, OFFLINE
from evloom.dispatch.verify import Units, Violation, verify
from evloom.loop.ports import Policy
from evloom.loop.record import Record
from evloom.loop.snapshot import Orders, Snapshot
from evloom.pile.orders import SetPower


@dataclass(frozen=True)
class Memory:
    """What a step hands to the next; empty after a restart, and the loop is right without it.

    policy       what the policy wants to remember
    storage_kw   last orders to the stationary batteries
    """

    policy: object = None
    storage_kw: tuple[float, ...] = ()


def step(memory: Memory, snapshot: Snapshot, policy: Policy, deadband_kw: float = 0.0) -> tuple[Memory, tuple[SetPower, ...], Record]:
    """Decide on `snapshot`. Orders go out only for units whose power changes by more than `deadband_kw`.

    Whatever a controlled policy decides is checked by `dispatch.verify`; what fails is never sent: a safe set takes its place.
    """
    wanted, policy_memory = policy.decide(snapshot, memory.policy)
    orders = _steady(wanted, snapshot, deadband_kw)
    violations = _check(orders, snapshot) if policy.controlled else ()
    if violations and deadband_kw > 0.0:
        orders = wanted
        violations = _check(orders, snapshot)
    if violations:
        orders = _safe(wanted, snapshot)
    reason = np.where(snapshot.is_lost, OFFLINE, orders.reason)
    record = Record(snapshot.now_s, orders.power_kw, reason, orders.storage_kw, violations, snapshot.refusals)
    sent = _changed(orders, memory, snapshot)
    return Memory(policy_memory, tuple(orders.storage_kw.tolist())), sent, record


def _check(orders: Orders, snapshot: Snapshot) -> tuple[Violation, ...]:
    return verify(snapshot.bays, snapshot.wires, orders.power_kw, Units(snapshot.site.storage.node, orders.storage_kw))


def _steady(wanted: Orders, snapshot: Snapshot, deadband_kw: float) -> Orders:
    """Keep the last order of a unit where the new one hardly differs: piles keep every order in flash."""
    if deadband_kw <= 0.0:
        return wanted
    ordered_kw = snapshot.sight.ordered_kw
    near = (np.abs(wanted.power_kw - ordered_kw) <= deadband_kw) & (np.sign(wanted.power_kw) == np.sign(ordered_kw))
    return replace(wanted, power_kw=np.where(near & snapshot.sight.connected, ordered_kw, wanted.power_kw))


def _safe(wanted: Orders, snapshot: Snapshot) -> Orders:
    """The wanted charging as far as the allocation finds room, no discharge and the stationary batteries at rest."""
    rank = np.flatnonzero(snapshot.sight.connected)
    finite_kw = np.where(np.isfinite(wanted.power_kw), wanted.power_kw, 0.0)
    power_kw, reason = allocate(snapshot.bays, snapshot.wires, np.maximum(finite_kw, 0.0), rank)
    reason[rank] = np.where(reason[rank] >= 0, reason[rank], FALLBACK)
    return Orders(power_kw, reason, np.zeros_like(wanted.storage_kw))


def _changed(orders: Orders, memory: Memory, snapshot: Snapshot) -> tuple[SetPower, ...]:
    """The orders that differ from those in force."""
    sight, now_s = snapshot.sight, snapshot.now_s
    rows = np.flatnonzero(sight.connected & (orders.power_kw != sight.ordered_kw))
    sent = [SetPower(now_s, snapshot.evse_id[row], float(orders.power_kw[row]), int(orders.reason[row])) for row in rows]
    before = memory.storage_kw or (0.0,) * len(orders.storage_kw)
    for row, storage_id in enumerate(snapshot.site.storage.storage_id):
        if orders.storage_kw[row] != before[row]:
            sent.append(SetPower(now_s, storage_id, float(orders.storage_kw[row]), FULL))
    return tuple(sent)
