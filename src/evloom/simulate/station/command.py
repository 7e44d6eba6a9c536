"""What `evloom stations` does once its arguments are read: make the stations, let them live, say how they are."""

import argparse
import asyncio
import contextlib
import signal
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.simulate.command import Voice
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.station.build import Cast, Wish, cast
from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.options import VERSIONS
from evloom.simulate.station.pool import Pool
from evloom.simulate.station.spec import Manners, StationSpec
from evloom.wire.ocpp.version import Version

TELL_S = 10.0
PATIENCE_S = 20.0
YEAR_S = 365 * 86_400.0


def run_stations(options: argparse.Namespace, voice: Voice) -> int:
    """Run virtual stations until Ctrl-C, SIGTERM or the end of --for. Raises InputError; returns 1 where none could connect."""
    _check_url(options.url)
    played, start_s = _cast(options)
    try:
        return asyncio.run(_run(options, played, start_s, voice))
    except KeyboardInterrupt:
        return 0


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        advice = "write it as evloom serve prints it"
        raise InputError([Finding("stations.url", "refused", "URL", None, None, url, "ws://HOST:PORT/PATH", advice)])


def _cast(options: argparse.Namespace) -> tuple[Cast, float | None]:
    """The stations and their cars, and the instant of the scenario that is now, None for the same hour of the same weekday."""
    wish = Wish(
        count=options.count,
        versions=tuple(Version(VERSIONS[name]) for name in options.versions),
        id_prefix=options.id_prefix,
        token_prefix=options.token_prefix,
        password=options.password,
        meter_s=options.meter,
        seed=options.seed,
        manners=manners_of(options),
    )
    if options.scenario is None:
        return _lonely(wish), None
    scenario = load_scenario(options.scenario)
    return cast(scenario, wish), _start_s(options.start, scenario.site.zone)


def _start_s(text: str | None, zone: str) -> float | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        advice = "leave it out to play the scenario at the same hour of the same weekday"
        finding = Finding("stations.start", "refused", "--start", None, None, text, "e.g. 2025-06-02T17:00", advice)
        raise InputError([finding]) from None
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone or "UTC"))).timestamp()


def _lonely(wish: Wish) -> Cast:
    """Stations that nobody visits."""
    specs = tuple(
        StationSpec(
            f"{wish.id_prefix or 'CS-'}{k + 1:03}",
            wish.versions[k % len(wish.versions)],
            password=wish.password,
            meter_s=wish.meter_s,
            seed=wish.seed,
            manners=wish.manners[k] if k < len(wish.manners) else Manners(),
        )
        for k in range(wish.count or 3)
    )
    return Cast(specs, {}, 0.0, float("inf"))


def manners_of(options: argparse.Namespace) -> tuple[Manners, ...]:
    """The manners of the first stations, as many of each kind as asked for."""
    kinds = (
        (options.ignore_profiles, Manners(ignores_profiles=True)),
        (options.reject_profiles, Manners(rejects_profiles=True)),
        (options.go_offline, Manners(offline_every_s=3600.0, offline_for_s=600.0)),
        (options.register_backwards, Manners(register_back_every=20)),
        (options.wrong_clock, Manners(clock_off_s=-YEAR_S)),
        (options.duplicate, Manners(duplicate_every=5)),
    )
    return tuple(manners for count, manners in kinds for _ in range(count))


async def _run(options: argparse.Namespace, played: Cast, start_s: float | None, voice: Voice) -> int:
    pool = Pool(played.specs, StationClock(options.speed))
    ended = asyncio.Event()
    with contextlib.suppress(NotImplementedError, RuntimeError):  # on Windows, and outside the main thread, there are no such handlers
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
    names = ", ".join(sorted(set(options.versions)))
    voice.say(f"{len(played.specs)} virtual stations of OCPP {names} connect to {options.url}, {options.speed:g} times real time")
    pool.start(options.url, spread_s=min(len(played.specs) * 0.005, 5.0))
    telling = asyncio.create_task(_tell(pool, voice))
    playing = asyncio.create_task(_play(pool, played, start_s, voice))
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(options.for_s):
                await _wait_for_end(pool, ended)
    finally:
        telling.cancel()
        playing.cancel()
        tally = pool.tally()
        await pool.stop()
    voice.say(f"{tally.n_sent} words of transactions sent, {tally.energy_kwh:.1f} kWh charged")
    return 0 if any(station.n_boot for station in pool.stations.values()) else 1


async def _wait_for_end(pool: Pool, ended: asyncio.Event) -> None:
    """Until somebody ends it, or a station fails: that raises."""
    living = asyncio.create_task(pool.wait())
    stopping = asyncio.create_task(ended.wait())
    try:
        done, _ = await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if living in done:
            await living
    finally:
        stopping.cancel()
        living.cancel()


async def _play(pool: Pool, played: Cast, start_s: float | None, voice: Voice) -> None:
    """When it is known what time it is, send the cars."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await pool.clock.wait_set()
    except TimeoutError:
        voice.warn(f"evloom: no station was accepted within {PATIENCE_S:g} s; they go on trying: {_reason(pool)}")
        await pool.clock.wait_set()
    now_s = pool.clock.now_s()
    shift_s = played.week_shift_s(now_s) if start_s is None else now_s - start_s
    for station_id in played.traffic:
        pool.drive(station_id, played.shifted(station_id, shift_s))


def _reason(pool: Pool) -> str:
    return next((why for station in pool.stations.values() for why in station.refused.values()), "nobody answers there")


async def _tell(pool: Pool, voice: Voice) -> None:
    while True:
        await asyncio.sleep(TELL_S)
        if not pool.clock.is_set:
            continue
        tally = pool.tally()
        at = datetime.fromtimestamp(pool.clock.now_s(), ZoneInfo("UTC"))
        voice.say(
            f"{at:%Y-%m-%d %H:%M:%S} UTC: {tally.n_online} of {len(pool.stations)} online, {tally.n_plugged} cars, "
            f"{tally.n_charging} charging, {tally.power_kw:.1f} kW, {tally.energy_kwh:.1f} kWh, {tally.n_waiting} words wait"
        )
