"""All that the platform does for batteries: telemetry in, frames kept, the doctor, the limits at piles, the rates of boxes."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from evloom.serve.background import Background
from evloom.serve.battery import BatteryKeeper
from evloom.serve.bus import Bus
from evloom.serve.config import Config
from evloom.serve.doctor.part import Doctor
from evloom.serve.doctor.piles import Piles
from evloom.serve.doctor.rates import RateShares
from evloom.serve.live import Live
from evloom.serve.metrics import Metrics
from evloom.serve.telematics.part import Telemetry
from evloom.store.database import Database


@dataclass(slots=True)
class Care:
    """Parts that others may ask. doctor and telemetry are None where this process hears no vehicles."""

    piles: Piles
    doctor: Doctor | None = None
    telemetry: Telemetry | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What the parts stand on."""

    db: Database
    bus: Bus
    config: Config
    now_s: Callable[[], float]
    live: Live
    figures: Metrics


async def care_for_batteries(ground: Ground, folder: Path, stack: AsyncExitStack) -> Care:
    """Make and start the parts; leaving `stack` stops them, the last first. What vehicles send is kept in `folder`."""
    care = Care(Piles(ground.db, ground.bus, ground.live, ground.now_s))
    await care.piles.start()
    stack.push_async_callback(care.piles.stop)
    rules = ground.config.telematics
    if not (rules.enabled or rules.mqtt_url):
        return care
    keeper = BatteryKeeper(folder, ground.now_s)
    stack.push_async_callback(keeper.close)
    doctor = care.doctor = Doctor(keeper.store, ground.db, ground.bus, ground.now_s, after=ground.live.warm)
    keeper.kept, keeper.floor = doctor.nudge, lambda: doctor.floor
    doctor.measure(ground.figures)
    telemetry = care.telemetry = Telemetry(rules, ground.config.server.host, keeper.sink, ground.now_s)
    told = (telemetry.boxes, telemetry.gateway.terminals) if rules.terminal_rates else (telemetry.boxes,)
    shares = RateShares(ground.db, ground.bus, told, rules.bytes_per_day, ground.now_s)
    for part in (doctor, telemetry, Background(keeper.run, "battery"), Background(shares.run, "rates")):
        await part.start()
        stack.push_async_callback(part.stop)
    return care
