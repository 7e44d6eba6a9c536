"""A receipt as a fragment of a page: no style of its own, classes `receipt-...` for whoever embeds it."""

from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined, Template

from evloom.market.receipt import Receipt
from evloom.serve.billing.lexicon import Language
from evloom.serve.billing.view import view_of


def receipt_html(receipt: Receipt, language: Language) -> str:
    """The receipt as an <article>; every text is escaped."""
    return _template().render(view=view_of(receipt, language))


@cache
def _template() -> Template:
    text = (files("evloom.serve.billing") / "templates" / "receipt.html").read_text(encoding="utf-8")
    loader = DictLoader({"receipt.html": text})
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).get_template(
        "receipt.html"
    )
