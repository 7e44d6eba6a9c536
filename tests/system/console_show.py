"""The platform as a process, a virtual station, and a browser that looks at the console: for tests of the whole."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Request, async_playwright

from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.pool import Pool
from evloom.simulate.station.spec import BaySpec, StationSpec
from evloom.wire.ocpp.version import Version
from tests.system.site import EVLOOM

CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
PASSWORD = "correct horse 42"
UP_S = 60.0
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM}: install chromium to try the console in a browser")


class Watched:
    """A page of which it is noted what goes wrong in it: errors of scripts, requests that fail, answers of 4xx and 5xx."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("response", lambda answer: self.wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
        page.on("requestfailed", self._failed)

    def _failed(self, asked: Request) -> None:
        """A request that came to nothing; one that was given up because the page was left is none."""
        if "ERR_ABORTED" not in (asked.failure or ""):
            self.wrong.append(f"failed: {asked.url} {asked.failure}")

    @contextmanager
    def expecting(self, *texts: str) -> Iterator[None]:
        """Something goes wrong inside, as it should."""
        yield
        self.wrong = [said for said in self.wrong if not any(text in said for text in texts)]


class Show:
    """Everything that runs: address of the console, the token of the set-up, the station, the browser."""

    def __init__(self, address: str, chargers: str, token: str, pool: Pool, browser: Browser) -> None:
        self.address, self.chargers, self.token, self.pool, self.browser = address, chargers, token, pool, browser

    @asynccontextmanager
    async def page(self, width: int = 1440, locale: str = "en-GB") -> AsyncIterator[Watched]:
        """A fresh visitor."""
        context = await self.browser.new_context(viewport={"width": width, "height": 900}, locale=locale, base_url=self.address)
        context.set_default_timeout(30_000)
        try:
            yield Watched(await context.new_page())
        finally:
            await context.close()

    async def log_in(self, page: Page, login: str) -> None:
        """Through the door."""
        await page.goto("/login")
        await page.fill("#f-login", login)
        await page.fill("#f-password", PASSWORD)
        await page.click("main button.main")
        await page.wait_for_url(lambda url: "/login" not in url)


@asynccontextmanager
async def show(folder: Path) -> AsyncIterator[Show]:
    """Start everything; leaving stops it."""
    environment = os.environ | {"EVLOOM_CONTROL__PERIOD_S": "1", "EVLOOM_SITE__ZONE": "Asia/Shanghai", "EVLOOM_SITE__NAME": "Garage"}
    ports = ("--port", "0", "--ocpp-port", "0")
    errors = (folder / "serve.log").open("wb")
    serving = await asyncio.create_subprocess_exec(
        EVLOOM, "serve", "--data", str(folder / "data"), *ports, stdout=asyncio.subprocess.PIPE, stderr=errors, env=environment
    )
    pool = Pool([StationSpec("CS-1", Version.V201, (BaySpec(7.0, n_phase=1),), meter_s=2.0, tick_s=0.2, wait_min_s=0.2)], StationClock(1.0))
    try:
        address, chargers, token = await asyncio.wait_for(_greeted(serving), UP_S)
        async with async_playwright() as play:
            browser = await play.chromium.launch(executable_path=str(CHROMIUM), args=SWITCHES)
            try:
                yield Show(address, chargers, token, pool, browser)
            finally:
                await browser.close()
    finally:
        await pool.stop()
        serving.send_signal(signal.SIGTERM)
        assert serving.stdout is not None
        await serving.stdout.read()
        assert await serving.wait() == 0
        errors.close()


async def _greeted(serving: asyncio.subprocess.Process) -> tuple[str, str, str]:
    """Console, chargers' address and token of the set-up, as they are printed."""
    assert serving.stdout is not None
    said = ""
    while "Ctrl-C" not in said:
        line = await serving.stdout.readline()
        assert line, said
        said += line.decode()
    console, chargers, token = (re.search(what, said) for what in (r"console  (http\S+)/\n", r"(ws:\S+)/STATION_ID", r"token=(\S+)"))
    assert console is not None
    assert chargers is not None
    assert token is not None
    return console[1], chargers[1], token[1]
