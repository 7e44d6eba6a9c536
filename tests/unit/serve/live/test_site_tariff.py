"""Plans go by the prices that drivers pay: a site without a tariff of its own takes the assigned one."""

import asyncio

from evloom.serve.bus import Bus
from evloom.serve.config import Config, Server
from evloom.serve.first_start import FIRST_SITE, first_site
from evloom.serve.live.live import Live
from evloom.serve.people.first import FIRST_ORG
from evloom.store import money
from evloom.store.database import opened

NOW_S = 1_750_000_000.0


class _Nobody:
    async def quick(self, station_id, command, timeout_s):
        raise AssertionError("no station is asked here")


def test_the_assigned_tariff_reaches_the_loop(tmp_path):
    async def scene():
        config = Config(server=Server(data=str(tmp_path)))
        db = opened(f"sqlite:///{tmp_path / 'a.db'}")
        try:
            await db.write(lambda conn: first_site(conn, config))
            live = Live(db, Bus(), _Nobody(), config)
            before = await live._built(FIRST_SITE)
            new = money.NewAssignment(FIRST_ORG, "tariff", "site", FIRST_SITE, "zhejiang-jiaxing-2025", None)
            await db.write(lambda conn: money.assign(conn, new, money.By("me", NOW_S)))
            return before, await live._built(FIRST_SITE)
        finally:
            await db.close()

    before, after = asyncio.run(scene())
    assert before.tariff is None
    assert after.tariff is not None
    assert after.tariff.terms.currency == "CNY"
    assert len(after.tariff.categories) >= 3
