"""Versions of tariffs and contracts, who has which, and what a session is therefore billed by."""

from collections.abc import Callable

import pytest

from evloom.kernel.errors import InputError
from evloom.market.contract import ByTariff
from evloom.market.offer import Offer
from evloom.store import money
from evloom.store.connection import Connection
from evloom.store.database import Database
from evloom.store.money import By, NewAssignment, NewVersion, Who, offer_at
from tests.unit.store.charged import HOUR_S, PERSON, T0, operator

NOW_S = T0
BY = By("user:anna", NOW_S)
WHO = Who("o", "s", "d1", "Asia/Shanghai")
FLAT = {"currency": "CNY", "zone": "Asia/Shanghai", "price_per_kwh": 0.6}
ORDERLY = {"name": "orderly", "currency": "CNY", "service_price_per_kwh": 0.4}


@pytest.fixture
def db(database: Database) -> Database:
    database.write_now(operator)
    return database


def tariff(db: Database, price: float, from_s: float | None = None, by: By = BY) -> money.Version:
    new = NewVersion("o", "flat", {**FLAT, "price_per_kwh": price}, from_s)
    return db.write_now(lambda conn: money.create_tariff_version(conn, new, by))


def assign(db: Database, kind: money.Kind, scope: str, subject: str, terms_id: str, from_s: float | None = None) -> int:
    new = NewAssignment("o", kind, scope, subject, terms_id, from_s)  # type: ignore[arg-type]  # wrong ones are tried too
    return db.write_now(lambda conn: money.assign(conn, new, BY))


def offer(db: Database, at_s: float, who: Who = WHO) -> Offer:
    return db.read_now(lambda conn: offer_at(conn, who, at_s))


def codes(do: Callable[[], object]) -> list[str]:
    with pytest.raises(InputError) as error:
        do()
    return [finding.code for finding in error.value.findings]


def test_a_version_holds_from_its_instant_and_the_one_before_until_then(db: Database) -> None:
    tariff(db, 0.6)
    later = tariff(db, 0.8, NOW_S + HOUR_S)
    assign(db, "tariff", "site", "s", "flat")
    assert (later.version, later.from_s) == (2, NOW_S + HOUR_S)
    prices = [offer(db, NOW_S + seconds).tariff.segments(0.0, 1.0).price_per_kwh[0] for seconds in (-1e6, 0.0, HOUR_S - 1, HOUR_S)]
    assert prices == [0.6, 0.6, 0.6, 0.8]
    assert offer(db, NOW_S + HOUR_S).tariff_version.version == 2


def test_a_planned_version_can_be_taken_back_by_another_of_its_instant(db: Database) -> None:
    tariff(db, 0.6)
    tariff(db, 9.9, NOW_S + HOUR_S)
    tariff(db, 0.6, NOW_S + HOUR_S)
    assign(db, "tariff", "site", "s", "flat")
    assert offer(db, NOW_S + HOUR_S).tariff_version.version == 3


def test_what_is_wrong_is_told_all_at_once_and_nothing_is_kept(db: Database) -> None:
    bad = NewVersion("o", "no good id!", {"zone": "Asia/Shanghai", "price_per_kwh": -1}, float("nan"))
    found = codes(lambda: db.write_now(lambda conn: money.create_tariff_version(conn, bad, BY)))
    assert found == ["money.id", "tariff.negative-price", "tariff.currency", "money.instant"]
    assert db.read_now(lambda conn: money.versions(conn, "o", "tariff", "no good id!")) == []


def test_the_past_is_not_changed(db: Database) -> None:
    tariff(db, 0.6)
    assert codes(lambda: tariff(db, 0.7, NOW_S - HOUR_S)) == ["money.in-the-past"]
    assign(db, "tariff", "site", "s", "flat", NOW_S)
    assert codes(lambda: assign(db, "tariff", "site", "s", "flat", NOW_S - HOUR_S)) == ["money.in-the-past"]


def test_packaged_ones_are_listed_and_usable_by_name_but_not_changed(db: Database) -> None:
    names = [version.terms_id for version in db.read_now(lambda conn: money.listed(conn, "o", "tariff"))]
    assert "zhejiang-jiaxing-2025" in names
    new = NewVersion("o", "zhejiang-jiaxing-2025", FLAT)
    assert codes(lambda: db.write_now(lambda conn: money.create_tariff_version(conn, new, BY))) == ["money.packaged"]
    assign(db, "tariff", "organisation", "o", "zhejiang-jiaxing-2025")
    found = offer(db, T0)
    assert (found.tariff_version.terms_id, found.contract.name, found.contract.v2g) == ("zhejiang-jiaxing-2025", "energy only", ByTariff())


def test_driver_before_site_before_organisation(db: Database) -> None:
    assign(db, "tariff", "organisation", "o", "zhejiang-jiaxing-2025")
    for scope, subject, name in (("organisation", "o", "disorderly-cny"), ("site", "s", "orderly-cny"), ("driver", "d1", "v2g-cny")):
        assign(db, "contract", scope, subject, name, NOW_S)
    found = [offer(db, NOW_S, who) for who in (WHO, Who("o", "s"), Who("o", "other"))]
    assert [(f.contract.name, f.scope) for f in found] == [("V2G", "driver"), ("orderly", "site"), ("disorderly", "organisation")]
    assign(db, "contract", "driver", "d1", "")
    assert offer(db, NOW_S).contract.name == "orderly"


def test_a_driver_s_first_contract_holds_from_now_not_from_always(db: Database) -> None:
    assign(db, "tariff", "organisation", "o", "zhejiang-jiaxing-2025")
    assign(db, "contract", "driver", "d1", "v2g-cny")
    assert [offer(db, NOW_S + s).contract.name for s in (-1.0, 0.0)] == ["energy only", "V2G"]


def test_without_a_tariff_there_is_no_price_unless_the_contract_has_its_own(db: Database) -> None:
    assert codes(lambda: offer(db, NOW_S)) == ["money.no-tariff"]
    fixed = {"name": "fixed", "currency": "CNY", "energy_price_per_kwh": "1.10"}
    db.write_now(lambda conn: money.create_contract_version(conn, NewVersion("o", "fixed", fixed), BY))
    assign(db, "contract", "site", "s", "fixed")
    assert str(offer(db, NOW_S).tariff.terms.zone) == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("kind", "scope", "subject", "terms_id", "code"),
    [
        ("tariff", "driver", "d1", "zhejiang-jiaxing-2025", "money.scope"),
        ("contract", "planet", "x", "orderly-cny", "money.scope"),
        ("contract", "driver", "", "orderly-cny", "money.subject"),
        ("contract", "driver", "d1", "'; DROP TABLE book; --", "money.unknown-terms"),
        ("tariff", "site", "s", "orderly-cny", "money.unknown-terms"),
    ],
)
def test_wrong_assignments(db: Database, kind: money.Kind, scope: str, subject: str, terms_id: str, code: str) -> None:
    assert code in codes(lambda: assign(db, kind, scope, subject, terms_id))


def test_the_tariff_of_a_site_for_whoever_plans_there(db: Database) -> None:
    assert db.read_now(lambda conn: money.tariff_at(conn, WHO, NOW_S)) is None
    assign(db, "tariff", "site", "s", "zhejiang-jiaxing-2025")
    found = db.read_now(lambda conn: money.tariff_at(conn, WHO, NOW_S))
    assert found is not None
    assert found.terms.name == "zhejiang-jiaxing-2025"


def test_organisations_do_not_see_each_other_s(db: Database) -> None:
    tariff(db, 0.6)
    assert db.read_now(lambda conn: money.versions(conn, "other", "tariff", "flat")) == []


def test_every_change_is_in_the_audit_log(db: Database) -> None:
    tariff(db, 0.6)
    assign(db, "tariff", "site", "s", "flat")

    def lines(conn: Connection) -> list[tuple[str, str, str]]:
        return [tuple(row) for row in conn.exec_driver_sql("SELECT actor, action, subject FROM audit ORDER BY audit_id")]

    assert db.read_now(lines) == [("user:anna", "tariff.version", "flat:1"), ("user:anna", "tariff.assign", "site:s")]
    assert PERSON.actor == "user:anna"
