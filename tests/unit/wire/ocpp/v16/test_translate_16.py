import msgspec
import pytest

from evloom.pile.station import StatusSeen
from evloom.wire.ocpp.check import read_request, write
from evloom.wire.ocpp.spoken import AskBegin, AskFollow, AskMeter, AskState, Decided, Followed, Heard, Verdict, Welcome
from evloom.wire.ocpp.v16.translate import answer, said
from evloom.wire.ocpp.version import Version

NOON_S = 1_900_000_000.0
NOON = "2030-03-17T17:46:40Z"


def spoken(action, **payload):
    raw = msgspec.json.encode(payload)
    reading = read_request(Version.V16, action, raw)
    assert reading.message is not None, reading.refusal
    return said(action, Heard(reading.message, raw, NOON_S + 5))


def answered(action, given):
    return msgspec.json.decode(write(answer(action, given, NOON_S)))


def test_a_start():
    ask = spoken("StartTransaction", connectorId=2, idTag="A", meterStart=1234, timestamp=NOON, reservationId=9).ask
    assert isinstance(ask, AskBegin)
    assert (ask.said.phase, ask.said.evse, ask.said.connector, ask.said.register_kwh) == ("started", 2, 1, 1.234)
    assert (ask.said.token, ask.said.reservation, ask.happened_at_s) == ("A", 9, NOON_S)
    assert spoken("StartTransaction", connectorId=2, idTag="A", meterStart=1234, timestamp="2030-03-17T18:46:40+01:00").ask.key == ask.key
    assert spoken("StartTransaction", connectorId=2, idTag="A", meterStart=1235, timestamp=NOON).ask.key != ask.key


def test_a_stop_with_what_was_measured():
    data = [{"timestamp": NOON, "sampledValue": [{"value": "1500", "context": "Transaction.End"}]}]
    ask = spoken("StopTransaction", transactionId=7, meterStop=1500, timestamp=NOON, reason="EVDisconnected", transactionData=data).ask
    assert isinstance(ask, AskFollow)
    assert (ask.said.transaction, ask.said.register_kwh, ask.said.reason, ask.numbered) == ("7", 1.5, "EVDisconnected", True)
    assert [(one.value, one.context) for one in ask.said.samples] == [(1.5, "Transaction.End")]
    assert spoken("StopTransaction", transactionId=7, meterStop=1500, timestamp=NOON).ask.said.reason == "Local"


def test_a_register_that_the_station_does_not_know():
    told = spoken("StopTransaction", transactionId=7, meterStop=-1, timestamp=NOON)
    assert told.ask.said.register_kwh is None
    assert [one.event.rule for one in told.entries] == ["register_negative"]


def test_meter_values():
    value = {"timestamp": NOON, "sampledValue": [{"value": "230", "measurand": "Voltage", "phase": "L1-N", "unit": "V"}]}
    within = spoken("MeterValues", connectorId=1, transactionId=7, meterValue=[value])
    assert isinstance(within.ask, AskFollow)
    (sample,) = within.ask.said.samples
    assert (sample.measurand, sample.value, sample.phase, sample.context) == ("Voltage", 230.0, "L1-N", "Sample.Periodic")
    assert isinstance(spoken("MeterValues", connectorId=1, meterValue=[value]).ask, AskMeter)
    assert spoken("MeterValues", connectorId=0, meterValue=[value]).entries[0].event.evse == 0


@pytest.mark.parametrize(
    ("word", "status", "state"),
    [
        ("Available", "Available", None),
        ("Preparing", "Occupied", "EVConnected"),
        ("Charging", "Occupied", "Charging"),
        ("SuspendedEV", "Occupied", "SuspendedEV"),
        ("SuspendedEVSE", "Occupied", "SuspendedEVSE"),
        ("Finishing", "Occupied", "EVConnected"),
        ("Reserved", "Reserved", None),
        ("Unavailable", "Unavailable", None),
        ("Faulted", "Faulted", None),
    ],
)
def test_status(word, status, state):
    told = spoken("StatusNotification", connectorId=1, errorCode="OtherError", status=word, info="i", vendorErrorCode="v")
    (seen,) = told.entries
    assert seen.event == StatusSeen(1, 1, status, word, "OtherError", "i", "v")
    assert seen.happened_at_s == NOON_S + 5
    assert told.ask == (AskState(1, state, NOON_S + 5) if state else None)


def test_answers():
    verdict = Verdict("NotAtThisTime", NOON_S, "GROUP")
    info = {"status": "Invalid", "expiryDate": NOON, "parentIdTag": "GROUP"}
    assert answered("Authorize", verdict) == {"idTagInfo": info}
    assert answered("StartTransaction", Followed(Verdict(), 7)) == {"idTagInfo": {"status": "Accepted"}, "transactionId": 7}
    assert answered("StopTransaction", Followed()) == {}
    assert answered("BootNotification", Welcome("Pending", 60)) == {"status": "Pending", "currentTime": NOON, "interval": 60}
    assert answered("DataTransfer", Decided("UnknownVendorId")) == {"status": "UnknownVendorId"}
    assert answered("MeterValues", None) == {}
