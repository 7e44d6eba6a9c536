"""The numbers on the page about bills are what the code prints."""

import doctest
import tomllib
from dataclasses import fields
from pathlib import Path

from evloom.market.mapping import tariff_from_mapping
from evloom.simulate.scenario.schema import ContractSection, TimeFeeSection

PAGE = Path(__file__).parents[3] / "docs" / "bill.md"


def test_the_page_runs() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert (result.failed, result.attempted > 10) == (0, True)


def test_the_scenario_snippets_are_accepted() -> None:
    blocks = [part.split("```", 1)[0] for part in PAGE.read_text(encoding="utf-8").split("```toml\n")[1:]]
    contract, packaged, written = (tomllib.loads(block) for block in blocks)
    assert set(contract["contract"]) <= {field.name for field in fields(ContractSection)}
    assert set(contract["contract"]["time_fee"][0]) <= {field.name for field in fields(TimeFeeSection)}
    currencies = [tariff_from_mapping(t["tariff"], "bill.md", lambda _: None).terms.currency for t in (packaged, written)]
    assert currencies == ["CNY", "EUR"]
