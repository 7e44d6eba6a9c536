"""The numbers on the page about bills are what the code prints."""

import doctest
import tomllib
from pathlib import Path

from evloom.market.contract_mapping import contract_from_mapping
from evloom.market.mapping import tariff_from_mapping

PAGE = Path(__file__).parents[3] / "docs" / "bill.md"


def test_the_page_runs() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert (result.failed, result.attempted > 10) == (0, True)


def test_the_scenario_snippets_are_accepted() -> None:
    blocks = [part.split("```", 1)[0] for part in PAGE.read_text(encoding="utf-8").split("```toml\n")[1:]]
    contract, packaged, written = (tomllib.loads(block) for block in blocks)
    assert contract_from_mapping(contract["contract"], "bill.md", lambda _: None).time_fees[0].label == "overstay"
    currencies = [tariff_from_mapping(t["tariff"], "bill.md", lambda _: None).terms.currency for t in (packaged, written)]
    assert currencies == ["CNY", "EUR"]
