"""Which calls a virtual station answers, by its version; and stations made of all this."""

from evloom.simulate.station import hear_2, hear_16, hear_21, hear_device
from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.connection import Hearer, Said
from evloom.simulate.station.spec import StationSpec
from evloom.simulate.station.station import Station
from evloom.wire.ocpp.version import Version

HEARD = {
    Version.V16: hear_16.HEARD,
    Version.V201: {**hear_2.HEARD, **hear_device.HEARD},
    Version.V21: {**hear_2.HEARD, **hear_device.HEARD, **hear_21.HEARD},
}
"""Every call of each version and what answers it."""


def hearer(station: Station) -> Hearer:
    """What answers the calls that a station gets."""
    heard = HEARD[station.spec.version]

    def hear(action: str, said: Said) -> Said | None:
        answer = heard.get(action)
        station.heard[action] += 1
        return None if answer is None else answer(station, said)

    return hear


def make_station(spec: StationSpec, clock: StationClock) -> Station:
    """A station that hears everything its version knows. Inside a running event loop."""
    return Station(spec, clock, hearer)
