"""docs/api.md lists every endpoint as it is."""

from tests.unit.serve.api.page_table import PAGE, written


def test_the_page_has_the_table_of_endpoints():
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run: python -m tests.unit.serve.api.page_table"
