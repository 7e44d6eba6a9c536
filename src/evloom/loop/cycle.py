"""One pure step of the closed loop: policy, check, orders, record."""

from dataclasses import dataclass, replace

import numpy as np

from evloom.dispatch.allocate import allocate
from evloom.dispatch.moment import with_units
from evloom.dispatch.real.dwell import AS_DECIDED, Past, Scene, Steady, ahead_steadied, steadied
from evloom.dispatch.reason import FALLBACK, FULL, HELD, OFFLINE
from evloom.dispatch.verify import Units, Violation, verify
from evloom.loop.diagnosed import reasons
from evloom.loop.ports import Policy
from evloom.loop.record import Record
from evloom.loop.snapshot import Orders, Snapshot
from evloom.loop.told import steps_of
from evloom.pile.orders import SetPower

SAME_KW = 1e-6


@dataclass(frozen=True)
class Memory:
    """What a step hands to the next; empty after a restart, and the loop is right without it.

    policy       what the policy wants to remember
    storage_kw   last orders to the stationary batteries
    past         when piles were last switched and how many orders they may still be sent; None where orders need not be steady
    """

    policy: object = None
    storage_kw: tuple[float, ...] = ()
    past: Past | None = None


def step(memory: Memory, snapshot: Snapshot, policy: Policy, steady: Steady = AS_DECIDED) -> tuple[Memory, tuple[SetPower, ...], Record]:
    """Decide on `snapshot`. Orders are as steady as `steady` asks; limits are stronger.

    Whatever a controlled policy decides is checked by `dispatch.verify`; what fails is never sent: a safe set takes its place.
    """
    wanted, policy_memory = policy.decide(snapshot, memory.policy)
    orders, past = _steadied(wanted, snapshot, memory, steady) if policy.controlled and not steady.is_off else (wanted, None)
    violations = _check(orders, snapshot) if policy.controlled else ()
    if violations and past is not None:
        orders = wanted
        violations = _check(orders, snapshot)
    if violations:
        orders = _safe(wanted, snapshot)
    orders = _asked(orders, snapshot)
    reason = np.where(snapshot.is_lost, OFFLINE, reasons(orders.reason, snapshot.refusals))
    record = Record(snapshot.now_s, orders.power_kw, reason, orders.storage_kw, violations, snapshot.refusals, orders.ahead_kw)
    sent = _changed(orders, memory, snapshot)
    return Memory(policy_memory, tuple(orders.storage_kw.tolist()), past), sent, record


def _check(orders: Orders, snapshot: Snapshot) -> tuple[Violation, ...]:
    return verify(snapshot.bays, snapshot.wires, orders.power_kw, Units(snapshot.site.storage.node, orders.storage_kw))


def _steadied(wanted: Orders, snapshot: Snapshot, memory: Memory, steady: Steady) -> tuple[Orders, Past]:
    """The wanted orders without undue change: contactors wear, cars fall asleep, and piles keep every order in flash."""
    sight = snapshot.sight
    wires = with_units(snapshot.wires, snapshot.site.storage.node, wanted.storage_kw)
    scene = Scene(snapshot.bays, wires, sight.ordered_kw, sight.done, snapshot.session_id, snapshot.now_s)
    power_kw, past = steadied(wanted.power_kw, scene, memory.past, steady)
    held = np.abs(power_kw - wanted.power_kw) > SAME_KW
    ahead_kw = None if wanted.ahead_kw is None else ahead_steadied(wanted.ahead_kw, snapshot.ahead.edges_s, power_kw, (scene, past, steady))
    return replace(wanted, power_kw=power_kw, reason=np.where(held, HELD, wanted.reason), ahead_kw=ahead_kw), past


def _safe(wanted: Orders, snapshot: Snapshot) -> Orders:
    """The wanted charging as far as the allocation finds room, no discharge and the stationary batteries at rest."""
    rank = np.flatnonzero(snapshot.sight.connected)
    finite_kw = np.where(np.isfinite(wanted.power_kw), wanted.power_kw, 0.0)
    power_kw, reason = allocate(snapshot.bays, snapshot.wires, np.maximum(finite_kw, 0.0), rank)
    reason[rank] = np.where(reason[rank] >= 0, reason[rank], FALLBACK)
    return Orders(power_kw, reason, np.zeros_like(wanted.storage_kw))


def _asked(orders: Orders, snapshot: Snapshot) -> Orders:
    """The orders, and what is asked of EVSE that are not steered, for which there is no plan."""
    asked = np.isfinite(snapshot.asked_kw)
    as_before = np.abs(snapshot.asked_kw - snapshot.sight.ordered_kw) <= SAME_KW
    asked_kw = np.where(as_before, snapshot.sight.ordered_kw, snapshot.asked_kw)
    power_kw = np.where(asked, asked_kw, orders.power_kw)
    ahead_kw = orders.ahead_kw
    if ahead_kw is not None:
        ahead_kw = np.where(asked[:, None], power_kw[:, None], ahead_kw)
        ahead_kw[:, 0] = power_kw
    return replace(orders, power_kw=power_kw, reason=np.where(asked, snapshot.asked_why, orders.reason), ahead_kw=ahead_kw)


def _changed(orders: Orders, memory: Memory, snapshot: Snapshot) -> tuple[SetPower, ...]:
    """The orders that differ from those in force, each with the plan ahead."""
    sight, now_s, edges_s = snapshot.sight, snapshot.now_s, snapshot.ahead.edges_s
    there = sight.connected | np.isfinite(snapshot.asked_kw)
    rows = np.flatnonzero(there & ((orders.power_kw != sight.ordered_kw) | snapshot.is_outdated))
    ahead = [() if orders.ahead_kw is None else steps_of(edges_s, orders.ahead_kw[row]) for row in rows]
    sent = [
        SetPower(now_s, snapshot.evse_id[row], float(orders.power_kw[row]), int(orders.reason[row]), plan)
        for row, plan in zip(rows, ahead, strict=True)
    ]
    before = memory.storage_kw or (0.0,) * len(orders.storage_kw)
    for row, storage_id in enumerate(snapshot.site.storage.storage_id):
        if orders.storage_kw[row] != before[row]:
            sent.append(SetPower(now_s, storage_id, float(orders.storage_kw[row]), FULL))
    return tuple(sent)
