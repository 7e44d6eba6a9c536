"""The console in a real browser: set-up, a station that charges, what people click, a driver's phone, both languages, both widths."""

import asyncio
import re

import pytest
from playwright.async_api import Page, expect

from evloom.simulate.station.bay import one_car
from tests.system.console_show import PASSWORD, Show, Watched, needs_chromium, show

pytestmark = [needs_chromium, pytest.mark.usefixtures("socket_enabled")]
CAR = one_car(60.0, 0.3, 7.0)
expect.set_options(timeout=30_000)  # most of it is never needed: for a machine that has much else to do


def test_the_console_in_a_browser(tmp_path):
    async def story() -> None:
        async with show(tmp_path) as on, on.page() as operator:
            await set_up(on, operator.page)
            await a_station_comes_and_charges(on, operator)
            await one_click_reaches_the_station(on, operator)
            await the_site_is_edited(operator)
            await a_driver_on_a_phone(on, operator.page)
            await language_and_keyboard(operator.page)
            assert operator.wrong == []
            await every_page_fits(on)

    asyncio.run(story())


async def set_up(on: Show, page: Page) -> None:
    """The first administrator; then the board says what to do next."""
    await page.goto(f"/set-up?token={on.token}")
    await page.fill("#f-password", PASSWORD)
    await page.click("main button.main")
    await page.wait_for_url("**/boards/site-1")
    await expect(page.locator("main")).to_contain_text(f"{on.chargers}/STATION_ID")


async def a_station_comes_and_charges(on: Show, watched: Watched) -> None:
    """It appears by itself; its card is refused, registered by one click, and the board shows the car charge, without a reload."""
    page = watched.page
    await page.evaluate("document.body.dataset.mine = 'yes'")
    on.pool.start(on.chargers)
    await on.pool.wait_accepted()
    station = on.pool.stations["CS-1"]
    bay = station.bays[1]
    await expect(page.locator(".chips")).to_contain_text("CS-1/1")
    station.plug(bay, CAR, 0)
    assert not await station.present(bay, "CARD-7")
    async with on.page() as other:
        await on.log_in(other.page, "admin")
        refused = other.page.locator("tr", has_text="CARD-7").first
        await until_there(other.page, "/tokens", "CARD-7")
        await refused.get_by_role("button", name="Register").click()
        await expect(other.page.locator(".said")).to_contain_text("registered")
        assert other.wrong == []
    assert await station.present(bay, "CARD-7")
    row = page.locator("tr", has_text="CS-1/1")
    await expect(row).to_contain_text("charging")
    await expect(page.locator("#board-chart[data-drawn] canvas")).to_be_visible(timeout=30_000)
    assert await page.evaluate("document.body.dataset.mine") == "yes"
    await page.locator("tr", has_text="CS-1/1").locator("summary").click()
    menu = page.locator("details.menu[open]")
    await asyncio.sleep(2.5)  # the board is drawn anew meanwhile, and the menu stays open
    await expect(menu.get_by_text("Unlock the cable")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(menu).to_have_count(0)
    await page.locator("tr", has_text="CS-1/1").get_by_role("link").first.click()
    await expect(page.locator(".why")).to_contain_text("kWh wanted")
    await expect(page.locator("#session-chart[data-drawn] canvas")).to_be_visible()


async def until_there(page: Page, path: str, text: str) -> None:
    """Load a page until it has a text: messages are kept twice a second."""
    for _ in range(40):
        await page.goto(path)
        if text in await page.content():
            return
        await asyncio.sleep(0.25)
    raise AssertionError(f"{text} did not appear on {path}")


async def one_click_reaches_the_station(on: Show, watched: Watched) -> None:
    """Stop, and out of service."""
    page, station = watched.page, on.pool.stations["CS-1"]
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.click("#stop")
    await expect(page.locator("#said")).to_contain_text("accepted")
    for _ in range(50):
        if station.bays[1].transaction is None:
            break
        await asyncio.sleep(0.1)
    assert station.bays[1].transaction is None
    station.unplug(station.bays[1])
    await page.goto("/stations/CS-1")
    await page.locator("section", has_text="Start charging for a token").get_by_role("button", name="Make unavailable").click()
    await expect(page.locator("#said")).to_contain_text("accepted")
    assert not station.bays[1].operative
    await until_there(page, "/stations/CS-1/messages?action=ChangeAvailability", "Inoperative")
    await page.goto("/stations/CS-1/profiles")
    await page.get_by_role("button", name="Ask the station").click()
    await expect(page.locator("main")).to_contain_text("Composite schedule")


async def the_site_is_edited(watched: Watched) -> None:
    """A wrong limit is said at its field, nothing typed is lost, and what is right is saved."""
    page = watched.page
    await page.goto("/sites/site-1")
    await page.fill("#f-source", "transformer 250 kVA")
    await page.fill("#f-max_kw", "plenty")
    with watched.expecting("422"):
        await page.get_by_role("button", name="Save the site").click()
        await expect(page.locator("#f-finding-max_kw")).to_contain_text("allowed is a number")
    await expect(page.locator("#f-source")).to_have_value("transformer 250 kVA")
    await page.fill("#f-max_kw", "180")
    await page.get_by_role("button", name="Add a period").click()
    await page.get_by_role("button", name="Show the price by the hour").click()
    await expect(page.locator("#prices")).to_contain_text("0.9000")
    await page.get_by_role("button", name="Save the site").click()
    await expect(page.locator(".said").first).to_contain_text("Saved.")
    await page.goto("/boards/site-1")
    await expect(page.locator("#board-live")).to_contain_text("CNY/kWh")


async def a_driver_on_a_phone(on: Show, page: Page) -> None:
    """The operator makes a driver with a user; the driver says when the car must be ready."""
    await page.goto("/drivers")
    await page.fill("#f-name", "Li Wei")
    await page.fill("#f-driver_id", "li-wei")
    await page.get_by_role("button", name="Make a driver").click()
    await page.goto("/users")
    await page.fill("#f-name", "Li Wei")
    await page.fill("#f-login", "liwei")
    await page.fill("#f-password", PASSWORD)
    await page.select_option("#f-role", "driver")
    await page.fill("#f-driver_id", "li-wei")
    await page.get_by_role("button", name="Make a user").click()
    await expect(page.locator("table")).to_contain_text("liwei")
    async with on.page(360, "zh-CN") as phone:
        await on.log_in(phone.page, "liwei")
        await expect(phone.page.locator("h1")).to_contain_text("我的车")
        await phone.page.fill("#own-ready_by", "07:30")
        await phone.page.fill("#own-wanted_kwh", "20")
        await phone.page.check("#own-v2g_consent")
        await phone.page.click("button.big")
        await expect(phone.page.locator(".said").first).to_contain_text("已保存")
        await expect(phone.page.locator("#own-ready_by")).to_have_value("07:30")
        await fits(phone, "/me")
        await fits(phone, "/me/receipts")
        assert phone.wrong == []


async def language_and_keyboard(page: Page) -> None:
    """The switch keeps the place; the first stop of the keyboard leads to the content."""
    await page.goto("/stations")
    await page.get_by_role("button", name="中文").first.click()
    await expect(page.locator("h1")).to_contain_text("充电桩")
    assert page.url.endswith("/stations")
    await page.get_by_role("button", name="English").first.click()
    await expect(page.locator("h1")).to_contain_text("Stations")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"


PATHS = (
    *("/", "/stations", "/stations/new", "/stations/CS-1", "/stations/CS-1/messages", "/stations/CS-1/variables"),
    *("/stations/CS-1/profiles", "/stations/CS-1/settings", "/sessions", "/alarms", "/drivers", "/drivers/li-wei", "/tokens"),
    *("/tokens/ISO14443/CARD-7", "/sites", "/sites/new", "/sites/site-1", "/tariffs", "/tariffs/zhejiang-jiaxing-2025", "/contracts"),
    *("/contracts/orderly-cny", "/bills", "/users", "/api-keys", "/audit", "/account"),
)


async def every_page_fits(on: Show) -> None:
    """No page is wider than the window, none has an error, in both languages and widths."""
    for width, locale in ((1440, "en-GB"), (360, "zh-CN")):
        async with on.page(width, locale) as watched:
            await on.log_in(watched.page, "admin")
            for path in PATHS:
                await fits(watched, path)
            await watched.page.goto("/sessions")
            session = await watched.page.locator("tbody a").first.get_attribute("href")
            assert session is not None
            await fits(watched, session)
            assert watched.wrong == [], (width, locale)


async def fits(watched: Watched, path: str) -> None:
    """A page is no wider than its window, and what it says is in the language of its frame."""
    page = watched.page
    await page.goto(path)
    wide = await page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1], (path, wide)
    heading = await page.locator("h1, h2").first.inner_text()
    assert heading, path
    if await page.evaluate("document.documentElement.lang") == "zh-CN" and not path.startswith(("/stations/CS-1", "/sessions/")):
        labels = await page.locator("main label").all_inner_texts()
        assert not [text for text in labels if re.search("[a-z]{6,}", text)], path
