"""The drivers at a virtual station: they come, hold their token to the reader, and leave."""

import asyncio

from evloom.simulate.station.bay import Bay
from evloom.simulate.station.connection import Said
from evloom.simulate.station.spec import Stay, Traffic
from evloom.simulate.station.station import Station
from evloom.wire.ocpp.phrase import given, when
from evloom.wire.ocpp.version import Version

CARD_S = 5.0
ASK_AGAIN_S = 60.0


async def drive(station: Station, traffic: Traffic) -> None:
    """Live through the stays at a station, bay by bay, from when it was first taken by the central system."""
    await station.wait_accepted()
    async with asyncio.TaskGroup() as tasks:
        for number, bay in station.bays.items():
            stays = sorted((stay for stay in traffic.stays if stay.bay == number), key=lambda stay: stay.arrives_s)
            tasks.create_task(_at_bay(station, bay, traffic, stays))


async def _at_bay(station: Station, bay: Bay, traffic: Traffic, stays: list[Stay]) -> None:
    for stay in stays:
        if stay.leaves_s <= station.clock.now_s():
            continue
        await station.clock.sleep_until(stay.arrives_s)
        if bay.plugged or bay.transaction is not None:
            continue
        station.plug(bay, traffic.cars, stay.car, traffic.shift_s)
        await station.clock.sleep(CARD_S)
        await _charge(station, bay, stay)
        await station.clock.sleep_until(stay.leaves_s)
        await _leave(station, bay, stay)


async def _charge(station: Station, bay: Bay, stay: Stay) -> None:
    """Hold the token to the reader, again every minute while it is refused; and let the car say what it needs."""
    while bay.transaction is None and station.clock.now_s() < stay.leaves_s:
        await station.present(bay, stay.token)
        if bay.transaction is None:
            await station.clock.sleep(ASK_AGAIN_S)
    if stay.tells and bay.transaction is not None and station.spec.version is not Version.V16:
        station.tell(("NotifyEVChargingNeeds", needs(bay, stay)))


async def _leave(station: Station, bay: Bay, stay: Stay) -> None:
    running = bay.transaction
    if running is not None and running.token == stay.token:
        await station.present(bay, stay.token)
    station.unplug(bay)


def needs(bay: Bay, stay: Stay) -> Said:
    """What the car says of departure and energy, as the station passes it on."""
    wanted = None if stay.told_kwh is None else round(stay.told_kwh * 1000.0)
    said = given(departureTime=when(stay.told_departure_s))
    volts = round(bay.voltage_v)
    if bay.spec.dc:
        most = round(bay.spec.rating_kw * 1000.0)
        soc = None if bay.soc is None else round(bay.soc * 100.0)
        part = given(evMaxCurrent=round(most / 400.0), evMaxVoltage=1000, energyAmount=wanted, evMaxPower=most, stateOfCharge=soc)
        return {"evseId": bay.evse, "chargingNeeds": {**said, "requestedEnergyTransfer": "DC", "dcChargingParameters": part}}
    mode = "AC_three_phase" if bay.spec.n_phase == 3 else "AC_single_phase"
    part = {
        "energyAmount": wanted or 0,
        "evMinCurrent": round(bay.spec.current_min_a),
        "evMaxCurrent": round(bay.spec.rating_kw / bay.kw_per_a),
        "evMaxVoltage": volts,
    }
    return {"evseId": bay.evse, "chargingNeeds": {**said, "requestedEnergyTransfer": mode, "acChargingParameters": part}}
