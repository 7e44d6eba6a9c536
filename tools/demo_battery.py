"""The demo's car with a sick battery: sixteen days of frames, in which an internal short grows, go out over GB/T 32960 within a minute."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import numpy as np

from evloom.simulate.pack.fault import Fault
from evloom.simulate.pack.fleet import make_pack
from evloom.simulate.pack.vehicle import draw_car, live
from evloom.simulate.station.build import Cast
from evloom.simulate.terminal import Terminal
from evloom.vehicle.chemistry import BY_NAME
from evloom.vehicle.telemetry import Frames

VIN, PACK = "LEVLMDEMO00000016", "DEMO-PACK-16"
DAY_S, DAYS, INTERVAL_S = 86_400.0, 16, 60.0
N_CELL, N_PROBE, CAPACITY_AH = 64, 16, 60.0
SHORT = {"course": "growing", "first_ohm": 600.0, "last_ohm": 30.0, "grow_s": 13.0 * DAY_S}
PER_S = 100.0
"""Frames a second: the sixteen days take some 45 s."""
Api = Callable[..., Any]


def sick_frames(end_s: float) -> Frames:
    """The frames of a small car's battery up to `end_s`; an internal short grows in one of its cells."""
    rng, begin_s = np.random.default_rng(11), end_s - DAYS * DAY_S
    pack = make_pack(VIN, "NMC", (N_CELL, N_PROBE), CAPACITY_AH)
    fault = Fault("internal-short", 16, begin_s + 2.0 * DAY_S, SHORT)
    return live(draw_car(pack, BY_NAME["NMC"], INTERVAL_S, fault, rng), begin_s, DAYS, rng)[0]


class SickCar:
    """The car: who drives it, and what the platform has said of it so far."""

    def __init__(self, api: Api, played: Cast, begin_s: float) -> None:
        """It is the first car that comes a while after the beginning and stays for some hours."""
        stays = [(stay.arrives_s, name, stay) for name, traffic in played.traffic.items() for stay in traffic.stays]
        coming = [one for one in stays if one[0] > begin_s + 600.0 and one[2].leaves_s - one[0] > 4.0 * 3600.0]
        _, self.station_id, stay = min(coming, key=lambda one: one[:2])
        self.token, self._api, self._level, self._is_held = stay.token, api, "", False
        api(
            "POST",
            "/vehicles",
            {"vehicle_id": VIN, "name": "the demo's sick car", "tokens": [self.token], "chemistry": "NMC", "capacity_ah": CAPACITY_AH},
        )

    def tell(self, port: int, end_s: float) -> None:
        """Have its terminal send what happened up to `end_s`, beside whatever else is done."""
        threading.Thread(target=self._send, args=(port, end_s), name="terminal", daemon=True).start()

    def _send(self, port: int, end_s: float) -> None:
        frames = sick_frames(end_s)
        with suppress(OSError):  # the demo ends before the car has said everything
            asyncio.run(Terminal(frames, VIN, PACK).drive(port, frames.n, login_s=end_s, pace_per_s=PER_S))

    def news(self) -> list[str]:
        """What is new of its battery, in words."""
        found = []
        for warning in self._api("GET", "/battery-warnings?open=true&limit=5")["items"]:
            if warning["pack_id"] == PACK and warning["level"] != self._level:
                self._level, cause = warning["level"], warning["causes"][0]
                found.append(f"battery of {self.station_id}'s car: {self._level}, cell V_{warning['cell'] + 1}, ")
                found[-1] += f"{cause['cause']} {100.0 * cause['probability']:.0f} %   (console: Batteries)"
        if self._level not in ("", "watch") and not self._is_held:
            found += self._held()
        return found

    def _held(self) -> list[str]:
        """What the loop says of its charge, once that is limited."""
        for session in self._api("GET", "/sessions?open=true&limit=200")["items"]:
            if session["token"] == self.token:
                with suppress(RuntimeError):  # its first decision is not made yet
                    told = self._api("GET", f"/sessions/{quote(session['session_id'], safe='')}/explanation")["sentences"]
                    said = [one["text"] for one in told if "battery diagnosis" in one["text"]]
                    self._is_held = bool(said)
                    return [f"its pile {self.station_id}: {said[-1]}"] if said else []
        return []
