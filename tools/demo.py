"""Show the product live: the community garage simulated, then the platform with its 30 piles as virtual charge points over real OCPP,
and one car whose battery has an internal short.

python -m tools.demo                     what `make demo` runs
python -m tools.demo --minutes 1         the evening for so long; without it until Ctrl-C in a terminal, else three minutes
"""

import argparse
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from evloom.kernel.compiled import was_compiled
from evloom.serve.doctor.warming import KERNELS, PROGRAM
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.station.build import Cast, Wish, cast
from tools.demo_battery import SickCar, sick_frames
from tools.fault import ROOT

SCENARIO = ROOT / "examples" / "community" / "scenario.toml"
FOLDER = ROOT / "out" / "demo-platform"
EVLOOM = [str(Path(sys.executable).with_name("evloom"))]
BEGIN = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)  # Monday 17:30 in Shanghai: people begin to come home
SPEED = 120.0
PERIOD_S = 60.0  # of the loop, on the platform's clock: half a second here
MIDNIGHT_S = datetime(2025, 6, 1, 16, 0, tzinfo=UTC).timestamp()  # of that Monday
UP_S = 60.0
PHASES = ("L1", "L2", "L3")


class Api:
    """The platform's interface, as its administrator."""

    def __init__(self, address: str, password: str) -> None:
        self._host = address.removeprefix("http://").strip("/")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        reply, cookies = self._ask("POST", "/login", {"login": "admin", "password": password})
        self._headers |= {"Cookie": "; ".join(cookie.partition(";")[0] for cookie in cookies), "X-CSRF-Token": str(reply.get("csrf", ""))}
        self._headers["X-CSRF-Token"] = str(self("GET", "/me")["csrf"])

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        """Ask; raises RuntimeError with what the platform says is wrong."""
        return self._ask(method, path, body)[0]

    def _ask(self, method: str, path: str, body: object) -> tuple[Any, list[str]]:
        link = http.client.HTTPConnection(self._host, timeout=30)
        try:
            link.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), self._headers)
            answer = link.getresponse()
            text = answer.read().decode()
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {text[:600]}")
            return json.loads(text or "{}"), answer.headers.get_all("set-cookie") or []
        finally:
            link.close()


@contextmanager
def process(*arguments: str, environment: dict[str, str] | None = None, log: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of the command, ended when left. What it says on standard error goes to `log`."""
    with log.open("w") as errors:
        running = subprocess.Popen(
            [*EVLOOM, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **(environment or {})}, cwd=ROOT
        )
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                running.wait(20)
            running.kill()
            running.wait()
            assert running.stdout is not None
            running.stdout.close()


def simulated() -> None:
    """Before and after, as the simulation has it."""
    print("1. The evening of a community garage, simulated: two weeks, 30 piles, one transformer of 200 kVA\n", flush=True)
    subprocess.run([*EVLOOM, "simulate", str(SCENARIO), "--policy", "uncontrolled,least-laxity,optimal"], check=True, cwd=ROOT)


def addresses(serving: subprocess.Popen[str]) -> tuple[str, str]:
    """Console and chargers' address, as the platform prints them."""
    assert serving.stdout is not None
    said = ""
    for line in serving.stdout:
        said += line
        found = re.search(r"console  (http\S+?)/?\n.*chargers (ws\S+)/STATION_ID", said, re.DOTALL)
        if found:
            return found.group(1), found.group(2)
    raise RuntimeError(f"the platform did not start: {said}")


def free_port() -> int:
    """A port of this machine that nobody has."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def set_up(api: Api, scenario: Scenario, played: Cast) -> None:
    """Describe the garage to the platform: limits, piles, tariff, contract, who may charge."""
    tree = scenario.site.tree
    api("PATCH", "/sites/site-1", {"name": "community garage", "zone": scenario.site.zone})
    for spec in played.specs:
        api("POST", "/stations", {"station_id": spec.station_id, "site_id": "site-1", "security_profile": 0})
        for number, bay in enumerate(spec.bays, 1):
            wiring = {"n_phase": bay.n_phase, "phase": PHASES[bay.phase], "node": "garage", "rating_kw": bay.rating_kw}
            api("PUT", f"/stations/{spec.station_id}/evse/{number}", wiring)
    document = api("GET", "/sites/site-1/plan")
    document = document.get("plan", document)
    document |= {
        "name": "community garage",
        "zone": scenario.site.zone,
        "max_kw": float(tree.import_max_kw[0]),
        "source": tree.source[0],
        "voltage_v": scenario.site.voltage_v,
        "limits": [{"id": "garage", "phase_max_a": float(tree.phase_max_a[1]), "source": tree.source[1]}],
    }
    api("PUT", "/sites/site-1/plan", document)
    contract = {"name": "orderly charging", "currency": "CNY", "energy_tariff_share": 1.0, "service_price_per_kwh": 0.2}
    api("PUT", "/contracts/orderly", {"document": contract})
    for kind, terms_id in (("tariff", "zhejiang-jiaxing-2025"), ("contract", "orderly")):
        api("POST", "/assignments", {"kind": kind, "scope": "site", "subject": "site-1", "terms_id": terms_id})
    for token in sorted({stay.token for traffic in played.traffic.values() for stay in traffic.stays}):
        api("POST", "/tokens", {"token": token})


def base_kw(scenario: Scenario, at_s: float) -> float:
    """What the apartments draw."""
    signals = [load.signal for load in scenario.site.base_load]
    steps = [min(int((at_s - signal.grid.start_s) // signal.grid.step_s), signal.grid.n - 1) for signal in signals]
    return sum(float(signal.actual[step]) for signal, step in zip(signals, steps, strict=True))


def watch(api: Api, scenario: Scenario, played: Cast, sick: SickCar, until_s: float) -> dict[str, float]:
    """Feed the building's meter and tell how it goes, until the machine's clock says `until_s`."""
    most = {"load_kw": 0.0, "limit_kw": 0.0, "over_s": 0.0}
    begun_s, told_s = time.monotonic(), 0.0
    needs: set[str] = set()
    while time.monotonic() < until_s:
        now_s = BEGIN.timestamp() + (time.monotonic() - begun_s) * SPEED
        api("POST", "/sites/site-1/base-load", {"readings": [{"kw": base_kw(scenario, now_s)}]})
        tell_needs(api, played, needs)
        for news in sick.news():
            print(f"   {news}", flush=True)
        board = api("GET", "/sites/site-1/board")
        load_kw, limit_kw = board["load_kw"], board["limit_kw"] or 0.0
        most["load_kw"], most["limit_kw"] = max(most["load_kw"], load_kw), limit_kw
        most["over_s"] += SPEED * (load_kw > limit_kw * 1.001)
        if time.monotonic() - told_s >= 10.0:
            told_s = time.monotonic()
            charging = sum((one["metered_kw"] or 0.0) > 0.1 for one in board["evses"])
            here = sum(bool(one["session_id"]) for one in board["evses"])
            clock = datetime.fromtimestamp(board["at_s"], UTC).astimezone(load_zone(scenario))
            print(f"   {clock:%a %H:%M}  load {load_kw:6.1f} of {limit_kw:.1f} kW   {here:2} cars, {charging:2} charging", flush=True)
        time.sleep(1.0)
    return most


def load_zone(scenario: Scenario) -> ZoneInfo:
    """The clock of the garage."""
    return ZoneInfo(scenario.site.zone)


def tell_needs(api: Api, played: Cast, told: set[str]) -> None:
    """What drivers say in the app when they plug in: by when they need how much. Cars of OCPP 2 say it themselves; those of 1.6 cannot."""
    for session in api("GET", "/sessions?open=true&limit=200")["items"]:
        name = session["session_id"]
        if name in told:
            continue
        told.add(name)
        begun_s = datetime.fromisoformat(session["started_at"]).timestamp()
        stays = [
            stay for stay in played.traffic[session["station_id"]].stays if stay.token == session["token"] and stay.bay == session["evse"]
        ]
        stay = min(stays, key=lambda one: abs(one.arrives_s - begun_s), default=None)
        if stay is not None and stay.told_departure_s is not None:
            ready = datetime.fromtimestamp(stay.told_departure_s, UTC).isoformat()
            api("PUT", f"/sessions/{quote(name, safe='')}/need", {"departure": ready, "wanted_kwh": stay.told_kwh})


def replayed() -> None:
    """The journal of the live loop, fed to a fresh loop by the simulation: the same orders."""
    written = (FOLDER / "journal" / "site-1").glob("*.toml")
    for scenario in sorted(written, key=lambda path: path.stat().st_mtime)[-1:]:
        journal = scenario.with_suffix(".jsonl.gz")
        print(f"\n4. Its journal, replayed: evloom simulate {scenario.relative_to(ROOT)} --replay {journal.name}\n", flush=True)
        subprocess.run([*EVLOOM, "simulate", str(scenario), "--replay", str(journal)], check=True, cwd=ROOT)


def live(minutes: float | None) -> None:
    """The platform and its piles, until time is up or Ctrl-C."""
    scenario = load_scenario(SCENARIO)
    played = cast(scenario, Wish())
    password = secrets.token_urlsafe(12)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    clock = ["--speed", str(SPEED), "--clock", BEGIN.isoformat()]
    environment = {
        "EVLOOM_ADMIN_PASSWORD": password,
        "EVLOOM_CONTROL__PERIOD_S": str(PERIOD_S),
        "EVLOOM_SITE__ZONE": scenario.site.zone,
        "EVLOOM_SITE__LIMIT_KW": str(scenario.site.tree.import_max_kw[0]),
        "EVLOOM_TELEMATICS__ENABLED": "true",
        "EVLOOM_TELEMATICS__PORT": str(telematics := free_port()),
        "EVLOOM_TELEMATICS__ANSWER_REPORTS": "always",
        "EVLOOM_TELEMATICS__FRAMES_PER_S": "1000",
    }
    platform = process(
        "serve", "--data", str(FOLDER), "--port", "0", "--ocpp-port", "0", *clock, environment=environment, log=FOLDER / "serve.log"
    )
    with platform as serving:
        console, chargers = addresses(serving)
        print(
            f"\n2. The same garage on the live platform, {SPEED:.0f} times as fast as the clock: its piles speak OCPP 1.6J, 2.0.1 and 2.1\n"
        )
        print(f"   console   {console}/\n   log in    admin / {password}\n   chargers  {chargers}/STATION_ID\n", flush=True)
        api = Api(console, password)
        set_up(api, scenario, played)
        sick = SickCar(api, played, BEGIN.timestamp())
        sick.tell(telematics, MIDNIGHT_S)
        with process("stations", chargers, "--scenario", str(SCENARIO), "--speed", str(SPEED), log=FOLDER / "stations.log"):
            most = watch(api, scenario, played, sick, time.monotonic() + 60.0 * (minutes if minutes is not None else 1e6))
        report(api, most)


def made_ready() -> None:
    """Have the battery doctor compiled before the evening begins, where that was never done: its car's frames would outrun it."""
    if not was_compiled(KERNELS):
        print("\n   the battery doctor is compiled once, which takes a minute or two", flush=True)
        subprocess.run([sys.executable, "-c", PROGRAM], check=False, cwd=ROOT)
    sick_frames(MIDNIGHT_S)  # so are the kernels that make its car up


def report(api: Api, most: dict[str, float]) -> None:
    """What the evening came to."""
    sessions = api("GET", "/sessions?limit=200")["items"]
    kwh = sum(one["energy_kwh"] or 0.0 for one in sessions)
    print(
        f"\n3. {len(sessions)} sessions, {kwh:.0f} kWh; highest load {most['load_kw']:.1f} kW under a limit of {most['limit_kw']:.1f} kW, ",
        end="",
    )
    print(f"{most['over_s'] / 60.0:.1f} minutes above it")


def main() -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="how long the live part runs, in real minutes")
    parser.add_argument("--only-live", action="store_true", help="leave the simulation out")
    options = parser.parse_args()
    minutes = options.minutes if options.minutes is not None or sys.stdin.isatty() else 3.0
    if not options.only_live:
        simulated()
    with suppress(KeyboardInterrupt):
        made_ready()
        live(minutes)
    replayed()
    return 0


if __name__ == "__main__":
    sys.exit(main())
