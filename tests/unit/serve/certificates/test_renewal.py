import asyncio

from sqlalchemy import insert

from evloom.pile.command import Trigger
from evloom.serve.certificates.authority import Authority
from evloom.serve.certificates.renewal import Renewals
from evloom.store.database import opened
from evloom.store.tables.assets import station
from tests.unit.serve.certificates.test_authority import NOW_S, csr

DAY_S = 86400.0
ROWS = [{"station_id": "S", "serial": ""}, {"station_id": "T", "serial": "serial-2"}, {"station_id": "U", "serial": ""}]


def test_stations_are_told_in_time_and_until_it_is_done(tmp_path):
    authority = Authority(tmp_path / "ca")
    for name in ("S", "serial-2"):
        authority.sign(csr(name), frozenset({name}), NOW_S)
    now_s, ordered = [NOW_S], []

    async def order(station_id, command):
        ordered.append((station_id, command))

    async def main():
        db = opened(f"sqlite:///{tmp_path}/evloom.db")
        try:
            await db.write(lambda conn: conn.execute(insert(station), ROWS))
            renewals = Renewals(tmp_path / "ca", db, order, lambda: now_s[0])
            told = []
            for days in (300, 380, 381, 382):
                now_s[0] = NOW_S + days * DAY_S
                told += [await renewals.look()]
                if days == 381:
                    authority.sign(csr("S"), frozenset({"S"}), now_s[0])
            return told
        finally:
            await db.close()

    assert asyncio.run(main()) == [[], ["S", "T"], ["S", "T"], ["T"]]
    assert ordered[0] == ("S", Trigger("SignChargingStationCertificate", extended=True))
