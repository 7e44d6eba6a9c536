"""What docs/money.md lists is what there is, and its documents can be used."""

import json
import re
from pathlib import Path

from evloom.market import guard
from evloom.market.document import CONTRACT_KEYS, FEE_KEYS, contract_of_document, tariff_of_document
from evloom.market.guard import MUST_BE_CORRECTED
from evloom.market.named import NAMED_TARIFFS
from evloom.market.named_contracts import NAMED_CONTRACTS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "money.md").read_text(encoding="utf-8")
CODES = set(re.findall(r'"(guard\.[a-z-]+)"', Path(guard.__file__).read_text(encoding="utf-8")))


def test_its_documents_are_right() -> None:
    tariff, contract = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    assert {p.category for p in tariff_of_document(tariff).periods} == {"valley", "peak"}
    assert contract_of_document(contract).time_fees[0].label == "overstay"


def test_it_lists_every_key_and_every_packaged_name() -> None:
    for name in (*CONTRACT_KEYS, *FEE_KEYS, *NAMED_TARIFFS):
        assert f"`{name}`" in PAGE, name
    for name in NAMED_CONTRACTS:
        assert f"`{name}`" in PAGE or f"`-{name.rpartition('-')[2]}`" in PAGE, name


def test_it_lists_every_reason_for_holding_and_which_can_be_accepted() -> None:
    assert set(re.findall(r"`(guard\.[a-z-]+)`", PAGE)) == CODES
    accepted = re.search(r"Only (.*?) can be accepted", PAGE, re.DOTALL)
    assert accepted is not None
    can_be = set(re.findall(r"guard\.[a-z-]+", accepted[1]))
    assert can_be == CODES - MUST_BE_CORRECTED - {"guard.missing-words"}
