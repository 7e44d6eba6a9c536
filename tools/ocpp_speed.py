"""What the OCPP layer costs a message, in microseconds of CPU: `python -m tools.ocpp_speed`."""

import sys
import time
from collections.abc import Callable

from evloom.wire.ocpp.check import read_request, write
from evloom.wire.ocpp.link import Link
from evloom.wire.ocpp.v16.messages import HeartbeatResponse
from evloom.wire.ocpp.version import Version

ID = "8a3f6a2e-1b1c-4d7e-9a55-2f1b9d4f7a11"
HEARTBEAT = f'[2,"{ID}","Heartbeat",{{}}]'
SAMPLE = '{"value":230.1,"context":"Sample.Periodic","measurand":"Voltage","phase":"L1-N","unitOfMeasure":{"unit":"V"}}'
EVENT = (
    '{"eventType":"Updated","timestamp":"2026-03-01T12:00:00Z","triggerReason":"MeterValuePeriodic","seqNo":3,"transactionInfo":'
    '{"transactionId":"t-1"},"meterValue":[{"timestamp":"2026-03-01T12:00:00Z","sampledValue":[' + ",".join([SAMPLE] * 9) + "]}]}"
).encode()
DIRTY = EVENT.replace(b'"Updated"', b'"updated"').replace(b'"seqNo":3', b'"seqNo":"3"')
ANSWER = b'{"currentTime":"2026-03-01T12:00:00Z"}'
BATCH = 200


def microseconds(act: Callable[[], object], n_batch: int = 100) -> float:
    """CPU time of one call, the least of many batches."""
    least_s = float("inf")
    for _ in range(n_batch):
        begun_s = time.process_time()
        for _ in range(BATCH):
            act()
        least_s = min(least_s, time.process_time() - begun_s)
    return least_s / BATCH * 1e6


def main() -> int:
    """Print the figures."""
    link = Link(Version.V16)

    def heard() -> None:
        link.receive(HEARTBEAT, 0.0)
        link.answer(ID, ANSWER)
        link.take_outgoing()

    def parsed() -> None:
        link.receive(HEARTBEAT, 0.0)
        link.close()

    message = read_request(Version.V201, "TransactionEvent", EVENT).message
    assert message is not None
    for what, act in (
        ("Heartbeat: frame in", parsed),
        ("Heartbeat: frame in, answer out", heard),
        ("Heartbeat: payload in", lambda: read_request(Version.V16, "Heartbeat", b"{}")),
        ("Heartbeat: answer as JSON", lambda: write(HeartbeatResponse(current_time=message.timestamp))),  # type: ignore[attr-defined]
        ("TransactionEvent, 9 samples: payload in", lambda: read_request(Version.V201, "TransactionEvent", EVENT)),
        ("the same, two fields wrong and mended", lambda: read_request(Version.V201, "TransactionEvent", DIRTY)),
    ):
        print(f"{what:42} {microseconds(act):6.2f} microseconds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
