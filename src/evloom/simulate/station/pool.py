"""Many virtual stations in one process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.driver import drive
from evloom.simulate.station.hearing import make_station
from evloom.simulate.station.spec import StationSpec, Traffic
from evloom.simulate.station.station import Station


@dataclass(frozen=True, slots=True)
class Tally:
    """How a pool is: stations that are accepted, bays that have a car and that charge, power now, energy so far, words that wait."""

    n_online: int
    n_plugged: int
    n_charging: int
    power_kw: float
    energy_kwh: float
    n_waiting: int
    n_sent: int


class Pool:
    """Stations that share a clock. Made inside a running event loop."""

    def __init__(self, specs: Sequence[StationSpec], clock: StationClock) -> None:
        self.clock = clock
        self.stations = {spec.station_id: make_station(spec, clock) for spec in specs}
        self._lives: list[asyncio.Task[None]] = []

    def start(self, url: str, spread_s: float = 0.0) -> None:
        """Let every station live; they connect over `spread_s` real seconds."""
        n_station = max(len(self.stations), 1)
        for k, station in enumerate(self.stations.values()):
            self._lives.append(asyncio.get_running_loop().create_task(_live(station, url, k * spread_s / n_station)))

    def drive(self, station_id: str, traffic: Traffic) -> None:
        """Send cars to a station. After `start`."""
        self._lives.append(asyncio.get_running_loop().create_task(drive(self.stations[station_id], traffic)))

    async def wait_accepted(self) -> None:
        """Return when every station has been taken by the central system."""
        await asyncio.gather(*(station.wait_accepted() for station in self.stations.values()))

    async def wait(self) -> None:
        """Return when a station could not live on: raises what ended it."""
        await asyncio.gather(*self._lives)

    async def stop(self) -> None:
        """End every station and close its link."""
        for life in self._lives:
            life.cancel()
        await asyncio.gather(*self._lives, return_exceptions=True)
        self._lives.clear()

    def tally(self) -> Tally:
        """How everything is."""
        stations = self.stations.values()
        bays = [bay for station in stations for bay in station.bays.values()]
        return Tally(
            n_online=sum(station.is_accepted for station in stations),
            n_plugged=sum(bay.plugged for bay in bays),
            n_charging=sum(bay.power_kw > 0.0 for bay in bays),
            power_kw=sum(bay.power_kw for bay in bays),
            energy_kwh=sum(bay.register_kwh - bay.given_kwh for bay in bays),
            n_waiting=sum(len(station.outbox) for station in stations),
            n_sent=sum(station.outbox.n_sent for station in stations),
        )


async def _live(station: Station, url: str, after_s: float) -> None:
    await asyncio.sleep(after_s)
    await station.run(url)
