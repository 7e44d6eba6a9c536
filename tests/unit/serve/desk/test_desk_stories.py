"""Whole days of a station that loses its link, repeats and mixes up its words: the sessions are those that were, told by another way."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.unit.serve.desk.counter import NOON_S, V16, V201, run
from tests.unit.serve.desk.test_desk_transactions import settled


@dataclass
class Truth:
    """A session as it was: minutes since noon, registers in Wh."""

    begin: int
    end: int
    registers: list[int]
    words: list[dict] = field(default_factory=list)

    @property
    def energy_kwh(self):
        return (self.registers[-1] - self.registers[0]) / 1000.0


def instant(minute):
    return datetime.fromtimestamp(NOON_S + 60 * minute, UTC).isoformat().replace("+00:00", "Z")


def day(rng):
    """Sessions one after the other at one EVSE."""
    minute, register = 0, int(rng.integers(0, 9_000_000))
    for _ in range(int(rng.integers(1, 5))):
        minute += int(rng.integers(1, 90))
        steps = rng.integers(0, 180, int(rng.integers(1, 12)))  # Wh in a minute, below 11 kW
        registers = [register, *(register + int(total) for total in np.cumsum(steps))]
        yield Truth(minute, minute + len(steps), registers)
        minute, register = minute + len(steps), registers[-1]


def words_of_2x(truth, number):
    for seq, register in enumerate(truth.registers):
        kind = "Started" if seq == 0 else "Ended" if seq == len(truth.registers) - 1 else "Updated"
        at = instant(truth.begin + seq)
        yield {
            "eventType": kind,
            "timestamp": at,
            "triggerReason": "MeterValuePeriodic",
            "seqNo": seq,
            "transactionInfo": {"transactionId": f"tx-{number}"},
            "evse": {"id": 1},
            "meterValue": [{"timestamp": at, "sampledValue": [{"value": float(register)}]}],
        }


def told(sessions):
    return [(row["started_at_s"], row["ended_at_s"], row["energy_kwh"]) for row in sorted(sessions, key=lambda row: row["started_at_s"])]


def was(truths):
    return [(NOON_S + 60 * one.begin, NOON_S + 60 * one.end, pytest.approx(one.energy_kwh)) for one in truths]


@pytest.mark.parametrize("seed", range(6))
def test_a_day_of_2_0_1_in_any_order(tmp_path, seed):
    """Words are held back while the link is down and come mixed up with new ones, some of them twice."""
    rng = np.random.default_rng(seed)
    truths = list(day(rng))
    said = [word for number, truth in enumerate(truths) for word in words_of_2x(truth, number)]
    said += [said[n] for n in rng.integers(0, len(said), len(said) // 3)]
    delayed = sorted(range(len(said)), key=lambda n: n + rng.integers(0, 12))

    async def story(here):
        here.now_s = NOON_S + 86400
        await here.boot(V201)
        for n in delayed:
            assert isinstance(await here.ask(V201, "TransactionEvent", **said[n]), dict)
        sessions = await settled(here)
        assert told(sessions) == was(truths)
        assert {row["suspect"] for row in sessions} == {""}
        assert {row["missing_seq"] for row in sessions} == {"[]"}

    run(tmp_path, story)


@pytest.mark.parametrize("seed", range(6))
def test_a_day_of_1_6_with_repeats(tmp_path, seed):
    """1.6 keeps its words in order and sends each again until it is answered; some answers are lost."""
    rng = np.random.default_rng(seed)
    truths = list(day(rng))

    async def say(here, action, **payload):
        answers = [await here.ask(V16, action, **payload) for _ in range(int(rng.integers(1, 4)))]
        assert all(one == answers[0] for one in answers)
        return answers[0]

    async def story(here):
        here.now_s = NOON_S + 86400
        await here.boot(V16)
        for truth in truths:
            begun = {"connectorId": 1, "idTag": "A", "meterStart": truth.registers[0], "timestamp": instant(truth.begin)}
            number = (await say(here, "StartTransaction", **begun))["transactionId"]
            for step, register in enumerate(truth.registers[1:-1], 1):
                value = {"timestamp": instant(truth.begin + step), "sampledValue": [{"value": str(register)}]}
                await say(here, "MeterValues", connectorId=1, transactionId=number, meterValue=[value])
            ended = {"transactionId": number, "meterStop": truth.registers[-1], "timestamp": instant(truth.end)}
            await say(here, "StopTransaction", **ended)
        sessions = await settled(here)
        assert told(sessions) == was(truths)
        assert [row["transaction"] for row in sessions] == [str(n + 1) for n in range(len(truths))]
        assert {row["suspect"] for row in sessions} == {""}

    run(tmp_path, story, unknown_tokens="accept")
