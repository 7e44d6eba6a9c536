"""Double entry: what a bill, refund, payment or write-off does to the accounts. Positive is debit, negative is credit.

An entry is a list of postings that sum to zero. Entries are never changed: what was wrong is put right by a further entry that names
the one it corrects. What a driver owes is the sum of the postings on `receivable` and `v2g payable` that bear the driver's name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.market.bill import Bill, LineKind
from evloom.market.contract import minor_unit

_ZERO = Decimal(0)


class Account(Enum):
    """The accounts. Those of a driver bear the driver's id as subject."""

    RECEIVABLE = "receivable"
    V2G_PAYABLE = "v2g payable"
    V2G_ENERGY = "v2g energy"
    REVENUE_ENERGY = "revenue energy"
    REVENUE_SERVICE = "revenue service"
    REVENUE_FEES = "revenue fees"
    TAX_PAYABLE = "tax payable"
    REFUNDS = "refunds"
    WRITE_OFF = "write-off"
    CASH = "cash"


OF_DRIVERS = (Account.RECEIVABLE, Account.V2G_PAYABLE)
SALES = (Account.REVENUE_ENERGY, Account.REVENUE_SERVICE, Account.REVENUE_FEES)
_REVENUE = {
    LineKind.ENERGY: Account.REVENUE_ENERGY,
    LineKind.SERVICE: Account.REVENUE_SERVICE,
    LineKind.SESSION: Account.REVENUE_FEES,
    LineKind.TIME: Account.REVENUE_FEES,
}


class EntryKind(Enum):
    """Why an entry was made. HELD, RELEASED and VOIDED of a session that was never billed bear no postings: they say what was done."""

    BILL = "bill"
    HELD = "held"
    RELEASED = "released"
    VOIDED = "voided"
    CORRECTION = "correction"
    REFUND = "refund"
    PAYMENT = "payment"
    WRITE_OFF = "write-off"


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount on an account: debit positive, credit negative; subject is the driver on the accounts of drivers, else ""."""

    account: Account
    subject: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """What a driver owes (positive) or is owed (negative) in one currency: receivable plus V2G payable."""

    driver_id: str
    currency: str
    receivable: Decimal
    v2g_payable: Decimal

    @property
    def owed(self) -> Decimal:
        """The sum of both."""
        return self.receivable + self.v2g_payable


def checked(postings: Iterable[Posting], currency: str) -> tuple[Posting, ...]:
    """The postings without zeros, one for each account and subject. Raises ValueError where they do not sum to zero or hold part-cents."""
    summed: dict[tuple[Account, str], Decimal] = {}
    for posting in postings:
        key = (posting.account, posting.subject)
        summed[key] = summed.get(key, _ZERO) + posting.amount
    kept = tuple(Posting(account, subject, amount) for (account, subject), amount in summed.items() if amount)
    total = sum((posting.amount for posting in kept), start=_ZERO)
    if total:
        raise ValueError(f"postings sum to {total} {currency}, not to zero")
    if any(posting.amount != posting.amount.quantize(minor_unit(currency)) for posting in kept):
        raise ValueError(f"a posting holds part of a {minor_unit(currency)} {currency}")
    return kept


def bill_postings(bill: Bill, driver_id: str) -> tuple[Posting, ...]:
    """What a bill does: the driver owes fees and tax, is owed the V2G credit; sales stand net of tax."""
    gross = dict.fromkeys(SALES, _ZERO)
    for line in bill.lines:
        if line.kind in _REVENUE:
            gross[_REVENUE[line.kind]] += line.amount
    added_tax, credit = bill.amount_of(LineKind.TAX), -bill.amount_of(LineKind.V2G_CREDIT)
    within = divided(bill.tax_within, list(gross.values()), bill.currency)
    sales = [Posting(account, "", tax - amount) for (account, amount), tax in zip(gross.items(), within, strict=True)]
    return checked(
        [
            Posting(Account.RECEIVABLE, driver_id, sum(gross.values(), start=_ZERO) + added_tax),
            *sales,
            Posting(Account.TAX_PAYABLE, "", -added_tax - bill.tax_within),
            Posting(Account.V2G_ENERGY, "", credit),
            Posting(Account.V2G_PAYABLE, driver_id, -credit),
        ],
        bill.currency,
    )


def divided(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """An amount divided by weights in whole minor units; the parts sum to it exactly. All to the first where the weights are zero."""
    total = sum(weights, start=_ZERO)
    if not total:
        return [amount if k == 0 else _ZERO for k in range(len(weights))]
    parts, before, running = [], _ZERO, _ZERO
    for weight in weights:
        running += weight
        upto = (amount * running / total).quantize(minor_unit(currency), ROUND_HALF_UP)
        parts.append(upto - before)
        before = upto
    return parts


def difference(new: Iterable[Posting], old: Iterable[Posting], currency: str) -> tuple[Posting, ...]:
    """The postings that turn `old` into `new`; () where nothing changes."""
    return checked([*new, *reversal(old)], currency)


def reversal(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    """The postings that undo others."""
    return tuple(Posting(p.account, p.subject, -p.amount) for p in postings)


def refund_postings(given: tuple[Decimal, Decimal], tax_share_of_total: Decimal, driver_id: str, currency: str) -> tuple[Posting, ...]:
    """Give money back to a driver: less owed, sales less by its net part, tax payable less by the tax in it.

    given   what was given back of the same bill before, and what is given back now (> 0): so that the tax of many small refunds
            adds up to that of one
    tax_share_of_total   tax as a share of what was paid, 0..1: of a bill 0.06 / 1.06 where 6 % were added
    """
    before, amount = given
    unit = minor_unit(currency)
    upto, done = ((part * tax_share_of_total).quantize(unit, ROUND_HALF_UP) for part in (before + amount, before))
    tax = upto - done
    return checked(
        [
            Posting(Account.RECEIVABLE, driver_id, -amount),
            Posting(Account.REFUNDS, "", amount - tax),
            Posting(Account.TAX_PAYABLE, "", tax),
        ],
        currency,
    )


def payment_postings(amount: Decimal, driver_id: str, currency: str) -> tuple[Posting, ...]:
    """A driver paid `amount`; a negative amount was paid out to the driver."""
    return checked([Posting(Account.CASH, "", amount), Posting(Account.RECEIVABLE, driver_id, -amount)], currency)


def write_off_postings(amount: Decimal, driver_id: str, currency: str) -> tuple[Posting, ...]:
    """Give up `amount` > 0 that a driver will not pay."""
    return checked([Posting(Account.WRITE_OFF, "", amount), Posting(Account.RECEIVABLE, driver_id, -amount)], currency)


def balances(postings: Iterable[tuple[str, Posting]], driver_id: str) -> tuple[Balance, ...]:
    """Balances of a driver of (currency, posting) pairs, one for each currency, by its name."""
    sums: dict[str, dict[Account, Decimal]] = {}
    for currency, posting in postings:
        if posting.subject == driver_id and posting.account in OF_DRIVERS:
            accounts = sums.setdefault(currency, dict.fromkeys(OF_DRIVERS, _ZERO))
            accounts[posting.account] += posting.amount
    return tuple(Balance(driver_id, currency, of[Account.RECEIVABLE], of[Account.V2G_PAYABLE]) for currency, of in sorted(sums.items()))


def checked_amount(amount: Decimal, most: Decimal, currency: str, what: str) -> Decimal:
    """An amount above 0 and at most `most`, in whole minor units. Raises InputError with a finding that says which of these it is not."""
    unit = minor_unit(currency)
    advice = ""
    if not amount.is_finite() or amount <= 0:
        advice = f"give a positive amount in {currency}"
    elif amount != amount.quantize(unit):
        advice = f"give whole units of {unit} {currency}"
    elif amount > most:
        advice = f"at most {most} {currency} is left"
    if advice:
        shown = f"{amount} {currency}"
        raise InputError([Finding(f"ledger.{what}", "refused", what, None, "amount", shown, f"{unit} to {most} {currency}", advice)])
    return amount.quantize(unit)
