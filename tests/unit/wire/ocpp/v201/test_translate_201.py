import msgspec

from evloom.pile.command import StopCharging
from evloom.pile.station import NeedsSeen, StatusSeen
from evloom.pile.transaction import later_use
from evloom.wire.ocpp.check import read_request, write
from evloom.wire.ocpp.command import request_of
from evloom.wire.ocpp.spoken import AskFollow, AskToken, Decided, Followed, Heard, OcspStatus, Verdict
from evloom.wire.ocpp.v201.translate import answer, said
from evloom.wire.ocpp.version import Version

NOON_S = 1_900_000_000.0
NOON = "2030-03-17T17:46:40Z"


def spoken(action, **payload):
    raw = msgspec.json.encode(payload)
    reading = read_request(Version.V201, action, raw)
    assert reading.message is not None, reading.refusal
    return said(action, Heard(reading.message, raw, NOON_S + 5))


def answered(action, given):
    return msgspec.json.decode(write(answer(action, given, NOON_S)))


def test_a_transaction_event():
    signed = {"signedMeterData": "AA==", "signingMethod": "x", "encodingMethod": "OCMF", "publicKey": "k"}
    value = {"value": 12.5, "unitOfMeasure": {"unit": "Wh", "multiplier": 3}, "signedMeterValue": signed, "location": "Inlet"}
    ask = spoken(
        "TransactionEvent",
        eventType="Ended",
        timestamp=NOON,
        triggerReason="StopAuthorized",
        seqNo=7,
        offline=True,
        numberOfPhasesUsed=3,
        cableMaxCurrent=32,
        reservationId=4,
        transactionInfo={"transactionId": "t", "chargingState": "EVConnected", "stoppedReason": "Remote", "remoteStartId": 5},
        evse={"id": 2, "connectorId": 1},
        idToken={"idToken": "A", "type": "eMAID"},
        meterValue=[{"timestamp": NOON, "sampledValue": [value]}],
    ).ask
    assert isinstance(ask, AskFollow)
    word = ask.said
    assert (word.transaction, word.phase, word.seq, word.evse, word.connector, word.reason) == ("t", "ended", 7, 2, 1, "Remote")
    assert (word.offline, word.number_of_phases, word.cable_max_a, word.reservation, word.remote_start) == (True, 3, 32.0, 4, 5)
    assert (word.token, word.token_type, word.charging_state, ask.key) == ("A", "eMAID", "EVConnected", "t:7")
    (sample,) = word.samples
    assert (sample.value, sample.location, sample.measurand) == (12.5, "Inlet", "Energy.Active.Import.Register")
    assert msgspec.json.decode(sample.signed)["signedMeterData"] == "AA=="


def test_a_contract_certificate_is_asked_about():
    data = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1", "responderURL": "http://x"}
    ask = spoken("Authorize", idToken={"idToken": "DE-A", "type": "eMAID"}, certificate="PEM", iso15118CertificateHashData=[data]).ask
    assert isinstance(ask, AskToken)
    assert (ask.token_type, ask.certificate, ask.hashes[0].serial, ask.hashes[0].responder) == ("eMAID", "PEM", "1", "http://x")


def test_needs_of_a_car():
    ac = {"energyAmount": 20000, "evMinCurrent": 6, "evMaxCurrent": 16, "evMaxVoltage": 230}
    dc = {"evMaxCurrent": 200, "evMaxVoltage": 400, "stateOfCharge": 40, "evEnergyCapacity": 60000}
    three = spoken(
        "NotifyEVChargingNeeds", evseId=1, chargingNeeds={"requestedEnergyTransfer": "AC_three_phase", "acChargingParameters": ac}
    )
    fast = spoken(
        "NotifyEVChargingNeeds",
        evseId=1,
        chargingNeeds={"requestedEnergyTransfer": "DC", "departureTime": NOON, "dcChargingParameters": dc},
    )
    assert three.ask.needs == NeedsSeen(1, "AC_three_phase", wanted_kwh=20.0, charge_max_kw=11.04, current_min_a=6.0)
    assert fast.ask.needs == NeedsSeen(1, "DC", NOON_S, charge_max_kw=80.0, soc=0.4, battery_kwh=60.0)


def test_availability_comes_as_an_event_too():
    data = {
        "eventId": 1,
        "timestamp": NOON,
        "trigger": "Delta",
        "actualValue": "Faulted",
        "techCode": "E42",
        "techInfo": "hot",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": {"id": 2, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    }
    told = spoken("NotifyEvent", generatedAt=NOON, seqNo=0, eventData=[data, {**data, "variable": {"name": "Temperature"}}])
    note, seen = told.entries
    assert seen.event == StatusSeen(2, 1, "Faulted", "Faulted", "E42", "hot")
    body = msgspec.json.decode(note.event.body)
    assert (body["generated_at_s"], body["event_data"][1]["variable"]) == (NOON_S, {"name": "Temperature"})


def test_a_limit_from_outside_is_noted_in_our_units():
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 4200.0, "numberPhases": 3}]}
    told = spoken("NotifyChargingLimit", evseId=1, chargingLimit={"chargingLimitSource": "SO"}, chargingSchedule=[schedule])
    (note,) = told.entries
    period = msgspec.json.decode(note.event.body)["charging_schedule"][0]["charging_schedule_period"][0]
    assert (note.event.evse, period) == (1, {"start_period": 0, "limit_kw": 4.2, "number_phases": 3})


def test_answers():
    verdict = Verdict("Accepted", NOON_S, "G", "de", "Willkommen", "Accepted")
    info = {
        "status": "Accepted",
        "cacheExpiryDateTime": NOON,
        "groupIdToken": {"idToken": "G", "type": "Central"},
        "language1": "de",
        "personalMessage": {"format": "UTF8", "content": "Willkommen", "language": "de"},
    }
    assert answered("Authorize", verdict) == {"idTokenInfo": info, "certificateStatus": "Accepted"}
    assert answered("TransactionEvent", Followed(cost=0.0)) == {"totalCost": 0.0}
    assert answered("TransactionEvent", Followed()) == {}
    assert answered("NotifyEVChargingNeeds", Decided("NoChargingProfile")) == {"status": "Processing"}
    refused = {"status": "Failed", "statusInfo": {"reasonCode": "NotOurs", "additionalInfo": "why"}}
    assert answered("GetCertificateStatus", OcspStatus("", "NotOurs", "why")) == refused
    assert answered("GetCertificateStatus", OcspStatus("AA==")) == {"status": "Accepted", "ocspResult": "AA=="}


def test_a_station_is_told_the_id_that_it_knows():
    told = request_of(Version.V201, StopCharging(later_use("t", NOON_S)))
    assert told == ("RequestStopTransaction", b'{"transactionId":"t"}')
