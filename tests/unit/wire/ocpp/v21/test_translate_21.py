import msgspec
import pytest

from evloom.pile.station import NeedsSeen, Noted
from evloom.wire.ocpp.check import read_request, write
from evloom.wire.ocpp.spoken import (
    AskChain,
    AskSettled,
    AskStream,
    CertificateHash,
    ChainStatus,
    Company,
    Decided,
    Dynamic,
    Followed,
    Heard,
    Limits,
    Receipt,
    VatStatus,
    Verdict,
)
from evloom.wire.ocpp.v21.translate import answer, said
from evloom.wire.ocpp.version import Version

NOON_S = 1_900_000_000.0
NOON = "2030-03-17T17:46:40Z"


def spoken(action, **payload):
    raw = msgspec.json.encode(payload)
    reading = read_request(Version.V21, action, raw)
    assert reading.message is not None, reading.refusal
    return said(action, Heard(reading.message, raw, NOON_S + 5))


def answered(action, given):
    return msgspec.json.decode(write(answer(action, given, NOON_S)))


def note(action, **payload):
    (one,) = [entry for entry in spoken(action, **payload).entries if isinstance(entry.event, Noted)]
    return one, msgspec.json.decode(one.event.body)


def test_what_a_car_can_give_back():
    v2x = {
        "maxChargePower": 11000.0,
        "maxDischargePower": -10000.0,
        "minChargeCurrent": 8.0,
        "evTargetEnergyRequest": 30000.0,
        "evMinEnergyRequest": 5000.0,
        "evMinV2XEnergyRequest": -20000.0,
        "evMaxEnergyRequest": 40000.0,
    }
    needs = {"requestedEnergyTransfer": "AC_BPT", "departureTime": NOON, "v2xChargingParameters": v2x}
    told = spoken("NotifyEVChargingNeeds", evseId=2, chargingNeeds=needs, timestamp=NOON)
    assert told.ask.needs == NeedsSeen(
        2,
        "AC_BPT",
        NOON_S,
        wanted_kwh=30.0,
        energy_min_kwh=-20.0,
        energy_max_kwh=40.0,
        charge_max_kw=11.0,
        discharge_max_kw=10.0,
        current_min_a=8.0,
    )


def test_powers_of_phases_are_added():
    v2x = {"maxChargePower": 3700.0, "maxChargePower_L2": 3700.0, "maxChargePower_L3": 3600.0}
    needs = {"requestedEnergyTransfer": "AC_BPT", "v2xChargingParameters": v2x}
    assert spoken("NotifyEVChargingNeeds", evseId=1, chargingNeeds=needs).ask.needs.charge_max_kw == pytest.approx(11.0)


def test_a_battery_swap():
    battery = {"evseId": 3, "serialNumber": "B1", "soC": 97.0, "soH": 90.0, "productionDate": NOON}
    token = {"idToken": "A", "type": "ISO14443"}
    one, body = note("BatterySwap", batteryData=[battery], eventType="BatteryIn", idToken=token, requestId=4)
    data = {"evse_id": 3, "serial_number": "B1", "soc": 0.97, "soh": 0.9, "production_date_s": NOON_S}
    assert (one.event.evse, body["battery_data"], body["id_token"]["id_token"]) == (3, [data], "A")
    assert one.key.startswith("BatterySwap:4:BatteryIn:")


def test_der():
    one, body = note("NotifyDERAlarm", controlType="FreqDroop", timestamp=NOON, gridEventFault="UnderFrequency", alarmEnded=False)
    assert (one.happened_at_s, body["grid_event_fault"], body["alarm_ended"]) == (NOON_S, "UnderFrequency", False)
    one, body = note("NotifyDERStartStop", controlId="c", started=True, timestamp=NOON)
    assert (body["control_id"], body["started"], one.happened_at_s) == ("c", True, NOON_S)


def test_a_payment_at_the_terminal():
    told = spoken("NotifySettlement", pspRef="ref", status="Settled", settlementAmount=12.3, settlementTime=NOON, transactionId="t")
    assert told.ask == AskSettled("ref", "Settled", "12.30", NOON_S, "t")
    assert told.entries[0].key == "NotifySettlement:ref:Settled"
    assert answered("NotifySettlement", Receipt("https://x/r", "R1")) == {"receiptUrl": "https://x/r", "receiptId": "R1"}
    assert answered("NotifySettlement", Receipt()) == {}


def test_streams():
    data = {"id": 3, "variableMonitoringId": 8, "params": {"interval": 5}}
    assert spoken("OpenPeriodicEventStream", constantStreamData=data).ask == AskStream(3, 8, 5.0)
    assert answered("OpenPeriodicEventStream", Decided("Accepted")) == {"status": "Accepted"}
    one, body = note("NotifyPeriodicEventStream", id=3, pending=0, basetime=NOON, data=[{"t": 0.5, "v": "7"}])
    assert (one.happened_at_s, body["data"]) == (NOON_S, [{"t": 0.5, "v": "7"}])


def test_certificates_of_a_chain():
    data = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}
    ask = spoken(
        "GetCertificateChainStatus", certificateStatusRequests=[{"certificateHashData": data, "source": "OCSP", "urls": ["u"]}]
    ).ask
    assert ask == AskChain((CertificateHash("SHA256", "a", "b", "1", "u"),), ("OCSP",))
    status = {"certificateHashData": data, "source": "OCSP", "status": "Good", "nextUpdate": NOON}
    assert answered("GetCertificateChainStatus", ChainStatus(ask, ("Good",), NOON_S)) == {"certificateStatus": [status]}


def test_dynamic_schedules():
    given = Dynamic(setpoint_kw=-3.5, limit_kw=11.0, discharge_limit_kw=-5.0)
    update = {"limit": 11000.0, "dischargeLimit": -5000.0, "setpoint": -3500.0}
    assert answered("PullDynamicScheduleUpdate", given) == {"status": "Accepted", "scheduleUpdate": update}
    assert answered("PullDynamicScheduleUpdate", Dynamic())["status"] == "Rejected"


def test_limits_and_verdicts():
    limits = Limits(cost_max=20.0, energy_max_kwh=12.0, duration_max_s=60.4, soc_max=0.8)
    told = answered("TransactionEvent", Followed(Verdict("NoCredit"), cost=1.0, limits=limits))
    assert told == {
        "totalCost": 1.0,
        "idTokenInfo": {"status": "NoCredit"},
        "transactionLimit": {"maxCost": 20.0, "maxEnergy": 12000.0, "maxTime": 60, "maxSoC": 80},
    }
    assert answered("NotifyEVChargingNeeds", Decided("NoChargingProfile")) == {"status": "NoChargingProfile"}


def test_vat():
    company = Company("ACME", "Street 1", "Town", "DE", "12345")
    told = answered("VatNumberValidation", VatStatus("DE1", 2, company))
    address = {"name": "ACME", "address1": "Street 1", "city": "Town", "country": "DE", "postalCode": "12345"}
    assert told == {"vatNumber": "DE1", "status": "Accepted", "evseId": 2, "company": address}
    assert answered("VatNumberValidation", VatStatus("DE1", reason="NotConfirmed"))["status"] == "Rejected"
