"""What the desk costs a message, in microseconds of CPU, with everything on the disk: `python -m tools.desk_speed`."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime

from evloom.pile.station import TransactionSaid
from evloom.pile.transaction import Session, fold
from evloom.serve.bus import Bus
from evloom.serve.desk.desk import Caller, Desk, DeskRules
from evloom.store.database import opened
from evloom.store.log import LogEntry, row_of
from evloom.wire.ocpp.check import read_request, write
from evloom.wire.ocpp.spoken import AskFollow, Followed, Heard
from evloom.wire.ocpp.v201 import translate
from evloom.wire.ocpp.version import Version

BEGUN_S = 1_900_000_000.0
N_STATION, N_WORD, N_ROUND = 100, 60, 3000
SAMPLES = [("Energy.Active.Import.Register", "", "Wh"), ("Power.Active.Import", "", "W"), ("SoC", "", "Percent")]
SAMPLES += [(name, phase, unit) for name, unit in (("Voltage", "V"), ("Current.Import", "A")) for phase in ("L1", "L2", "L3")]


def word(seq: int) -> bytes:
    """The payload of a TransactionEvent with nine samples."""
    at = datetime.fromtimestamp(BEGUN_S + 10 * seq, UTC).isoformat().replace("+00:00", "Z")
    values = [
        {"value": 1000.0 + seq if "Energy" in name else 50.0, "measurand": name, "unitOfMeasure": {"unit": unit}}
        | ({"phase": phase} if phase else {})
        for name, phase, unit in SAMPLES
    ]
    return json.dumps(
        {
            "eventType": "Updated" if seq else "Started",
            "timestamp": at,
            "triggerReason": "MeterValuePeriodic",
            "seqNo": seq,
            "transactionInfo": {"transactionId": "4d7e9a55", "chargingState": "Charging"},
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [{"timestamp": at, "sampledValue": values}],
        },
        separators=(",", ":"),
    ).encode()


def each(what: str, act: Callable[[int], object], n: int = N_ROUND) -> None:
    """Print the CPU time of one call."""
    begun_s = time.process_time()
    for number in range(n):
        act(number)
    print(f"{what:58} {(time.process_time() - begun_s) / n * 1e6:7.1f} microseconds")


def alone() -> None:
    """What is computed for a word, without a database."""
    payloads = [word(seq) for seq in range(N_ROUND)]
    messages = [read_request(Version.V201, "TransactionEvent", payload).message for payload in payloads]
    said: list[TransactionSaid] = []

    def understood(number: int) -> None:
        ask = translate.said("TransactionEvent", Heard(messages[number], payloads[number], BEGUN_S)).ask
        assert isinstance(ask, AskFollow)
        said.append(ask.said)

    session = Session()

    def folded(number: int) -> None:
        nonlocal session
        session = fold(session, said[number], BEGUN_S + 10 * number, BEGUN_S + 10 * number)

    each("TransactionEvent, 9 samples: read", lambda number: read_request(Version.V201, "TransactionEvent", payloads[number]))
    each("  in our words", understood)
    each("  as an entry of the log", lambda number: row_of(LogEntry("S", said[number], BEGUN_S, BEGUN_S, "4d7e9a55:1", payloads[number])))
    each("  folded into its session", folded)
    each("  answered", lambda _: write(translate.answer("TransactionEvent", Followed(), BEGUN_S)))


async def durable(folder: str) -> None:
    """The same through the desk, on the disk when it is answered; with the projections."""
    db, bus = opened(f"sqlite:///{folder}/desk.db"), Bus()
    desk = Desk(db, bus, DeskRules(), lambda: BEGUN_S)
    boot = json.dumps({"reason": "PowerUp", "chargingStation": {"model": "One", "vendorName": "ACME"}}).encode()
    callers = [Caller(f"S{number}", Version.V201) for number in range(N_STATION)]
    payloads = [word(seq) for seq in range(N_WORD)]

    async def speaks(caller: Caller) -> None:
        for payload in payloads:
            reply = await desk.handle(caller, "TransactionEvent", payload, payload)
            assert not reply.code

    try:
        for caller in callers:
            await desk.handle(caller, "BootNotification", boot, boot)
        begun_s = time.process_time()
        await asyncio.gather(*(speaks(caller) for caller in callers))
        await db.caught_up()
        cost_s = (time.process_time() - begun_s) / (N_STATION * N_WORD)
        print(f"{'through the desk, on the disk, projections included':58} {cost_s * 1e6:7.1f} microseconds")
        begun_s = time.process_time()
        for _ in range(N_ROUND):
            await desk.handle(callers[0], "Heartbeat", b"{}", b"{}")
        print(f"{'Heartbeat through the desk':58} {(time.process_time() - begun_s) / N_ROUND * 1e6:7.1f} microseconds")
    finally:
        await db.close()


def main() -> int:
    """Print the figures."""
    alone()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(durable(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
