"""Double entry: every entry sums to zero to the cent, whatever the bill."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.kernel.errors import InputError
from evloom.market.bill import Bill, Line, LineKind
from evloom.market.ledger import (
    Account,
    Posting,
    balances,
    bill_postings,
    checked,
    checked_amount,
    difference,
    divided,
    payment_postings,
    refund_postings,
    reversal,
    write_off_postings,
)

D = Decimal
CENT = D("0.01")
AMOUNT = st.integers(0, 10**7).map(lambda cents: D(cents) * CENT)


def line(kind: LineKind, amount: Decimal) -> Line:
    return Line(kind, kind.value, D(1), "", amount, amount)


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    """Any bill: with or without tax, added or included, with or without V2G."""
    kinds = (LineKind.ENERGY, LineKind.ENERGY, LineKind.SERVICE, LineKind.SESSION, LineKind.TIME)
    lines = [line(kind, draw(AMOUNT)) for kind in kinds if draw(st.booleans())]
    gross = sum((x.amount for x in lines), start=D(0))
    share = draw(st.sampled_from([D(0), D("0.06"), D("0.19"), D("1")]))
    within = D(0)
    if share and lines:
        if draw(st.booleans()):
            within = (gross - gross / (1 + share)).quantize(CENT)
        else:
            lines.append(line(LineKind.TAX, (gross * share).quantize(CENT)))
    if draw(st.booleans()):
        lines.append(line(LineKind.V2G_CREDIT, -draw(AMOUNT)))
    return Bill("A:1", "x", "CNY", tuple(lines), within)


def total_of(postings: tuple[Posting, ...], *accounts: Account) -> Decimal:
    return sum((p.amount for p in postings if p.account in accounts), start=D(0))


@given(bills())
def test_a_bill_sums_to_zero_and_the_driver_owes_its_total(bill: Bill) -> None:
    postings = bill_postings(bill, "d1")
    assert sum((p.amount for p in postings), start=D(0)) == 0
    assert total_of(postings, Account.RECEIVABLE, Account.V2G_PAYABLE) == bill.total
    assert -total_of(postings, Account.TAX_PAYABLE) == bill.amount_of(LineKind.TAX) + bill.tax_within
    assert all(p.amount == p.amount.quantize(CENT) for p in postings)


@given(bills(), bills())
def test_what_is_corrected_ends_at_the_new_bill(old: Bill, new: Bill) -> None:
    before, after = bill_postings(old, "d1"), bill_postings(new, "d1")
    change = difference(after, before, "CNY")
    assert set(checked([*before, *change], "CNY")) == set(after)
    assert difference(after, after, "CNY") == ()
    assert checked([*before, *reversal(before)], "CNY") == ()


@given(AMOUNT, st.lists(AMOUNT, min_size=1, max_size=6))
def test_dividing_loses_no_cent(amount: Decimal, weights: list[Decimal]) -> None:
    parts = divided(amount, weights, "CNY")
    assert sum(parts, start=D(0)) == amount
    assert all(part >= 0 for part in parts)


@given(st.lists(st.integers(1, 10**5).map(lambda cents: D(cents) * CENT), min_size=1, max_size=20))
def test_the_tax_of_many_refunds_is_that_of_one(parts: list[Decimal]) -> None:
    share = D("0.06") / D("1.06")
    done, tax = D(0), D(0)
    for part in parts:
        postings = refund_postings((done, part), share, "d1", "CNY")
        assert sum((p.amount for p in postings), start=D(0)) == 0
        tax += total_of(postings, Account.TAX_PAYABLE)
        done += part
    assert tax == total_of(refund_postings((D(0), done), share, "d1", "CNY"), Account.TAX_PAYABLE)


def test_accounts_of_a_bill_with_tax_inside() -> None:
    """10.60 energy and 2.12 service with 6 % inside: 12.00 net, 0.72 tax."""
    bill = Bill("A:1", "x", "CNY", (line(LineKind.ENERGY, D("10.60")), line(LineKind.SERVICE, D("2.12"))), D("0.72"))
    assert {p.account: p.amount for p in bill_postings(bill, "d1")} == {
        Account.RECEIVABLE: D("12.72"),
        Account.REVENUE_ENERGY: D("-10.00"),
        Account.REVENUE_SERVICE: D("-2.00"),
        Account.TAX_PAYABLE: D("-0.72"),
    }


def test_a_driver_s_balance_over_all_kinds_of_entries() -> None:
    bill = Bill("A:1", "x", "CNY", (line(LineKind.ENERGY, D("30.00")), line(LineKind.V2G_CREDIT, D("-4.00"))))
    entries = [
        bill_postings(bill, "d1"),
        refund_postings((D(0), D("5.00")), D(0), "d1", "CNY"),
        payment_postings(D("15.00"), "d1", "CNY"),
        write_off_postings(D("1.00"), "d1", "CNY"),
        bill_postings(bill, "d2"),
    ]
    (balance,) = balances([("CNY", p) for entry in entries for p in entry], "d1")
    assert (balance.receivable, balance.v2g_payable, balance.owed) == (D("9.00"), D("-4.00"), D("5.00"))
    assert balances([], "d1") == ()


def test_wrong_postings_are_the_programmer_s_fault() -> None:
    with pytest.raises(ValueError, match="not to zero"):
        checked([Posting(Account.CASH, "", D("1.00"))], "CNY")
    with pytest.raises(ValueError, match="part of a"):
        checked([Posting(Account.CASH, "", D("0.001")), Posting(Account.REFUNDS, "", D("-0.001"))], "CNY")


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "10.01", "NaN", "Infinity"])
def test_amounts_that_cannot_be(amount: str) -> None:
    with pytest.raises(InputError) as error:
        checked_amount(D(amount), D("10.00"), "CNY", "refund")
    assert [finding.code for finding in error.value.findings] == ["ledger.refund"]
    assert checked_amount(D("10"), D("10.00"), "CNY", "refund") == D("10.00")
