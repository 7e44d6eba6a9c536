"""Receipts on page, paper and sheet: everything is there, in both languages, and text of others stays text."""

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from evloom.market.bill import Line, LineKind
from evloom.serve.billing.lexicon import Language, language_of
from evloom.serve.billing.page import receipt_html
from evloom.serve.billing.paper import receipt_pdf
from evloom.serve.billing.sheet import RECEIPT_COLUMNS, receipt_csv
from evloom.serve.billing.view import view_of
from tests.unit.serve.billing.papers import WHY, credit, full

D = Decimal


def test_the_view_says_everything_in_english() -> None:
    view = view_of(full(), "en")
    assert (view.title, view.number, view.total) == ("Charging receipt", "No. 000123", ("Total", "53.55 CNY"))
    assert view.items[1] == (
        ("Energy (peak)", "13.6 kWh", "0.9014", "12.26"),
        ("Energy (sharp)", "13.6 kWh", "1.2064", "16.41"),
        ("Service", "27.2 kWh", "0.40", "10.88"),
        ("Session fee", "1", "1.00", "1.00"),
        ("Overstay", "5.75 h", "2.00", "11.50"),
        ("V2G credit (peak)", "1.5 kWh", "-1.08168", "-1.62"),
        ("Tax", "52.05 CNY", "6 %", "3.12"),
    )
    facts = dict(view.facts)
    assert facts["Connected"] == "2025-06-02 18:00 - 2025-06-03 04:00 (10 h 0 min)"
    assert facts["Meter, begin to end"] == "12345.678 - 12372.878 kWh"
    assert facts["Contract"] == "V2G 有序 (version 3, the driver's)"
    assert facts["Card"] == "********E3F4"
    assert view.uses[1][1] == ("06-02 19:00", "06-02 21:00", "sharp", "13.600", "0.000", "1.2064")
    assert dict(view.paragraphs) == {"Why it charged when it did": (WHY,), "Battery": ("SOH 94 %",)}


def test_the_view_in_chinese_has_no_english_words_of_ours() -> None:
    view = view_of(full(), "zh")
    ours = [view.title, view.uses_title, *(label for label, _ in view.facts), *view.items[0], *view.uses[0], *(r[0] for r in view.items[1])]
    assert all(re.fullmatch(r"[^A-Za-z]*(kWh)?[^A-Za-z]*", text) for text in ours), ours


def test_a_credit_note_names_its_receipt_and_reason() -> None:
    view = view_of(credit(), "en")
    facts = dict(view.facts)
    assert (view.title, facts["For receipt No."], facts["Reason"], view.total[1]) == (
        "Credit note",
        "000123",
        "cable was dirty",
        "-10.00 CNY",
    )
    assert "Energy charged" not in facts


def test_tax_inside_the_prices_and_least_fees_are_told() -> None:
    fee = Line(LineKind.TIME, "overstay", D("0.1"), "h", D("2.00"), D("1.00"), note="least fee")
    view = view_of(replace(full(), lines=(fee,), tax_within=D("0.06")), "en")
    assert view.items[1] == (("Overstay, least fee", "0.1 h", "2.00", "1.00"),)
    assert view.tax_within == ("of which tax", "0.06 CNY")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_escapes_what_others_wrote(language: Language) -> None:
    page = receipt_html(full(), language)
    assert page.startswith(f'<article class="receipt" lang="{language}">')
    assert "王小明 &lt;b&gt;&amp;" in page
    assert "<script>" not in page
    assert "53.55 CNY" in page


def test_the_sheet_adds_up() -> None:
    rows = list(csv.DictReader(io.StringIO(receipt_csv([full(), credit()]))))
    assert list(rows[0]) == RECEIPT_COLUMNS
    lines = [row for row in rows if row["receipt"] == "123" and row["line"] != "total"]
    totals = {row["receipt"]: row["amount"] for row in rows if row["line"] == "total"}
    assert sum(D(row["amount"]) for row in lines) == D(totals["123"]) == D("53.55")
    assert totals["124"] == "-10.00"
    assert rows[0]["start"] == "2025-06-02T18:00:00+08:00"


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "@x", "-cmd", "\t=1"])
def test_a_sheet_runs_no_formula_of_others(text: str) -> None:
    rows = list(csv.DictReader(io.StringIO(receipt_csv([replace(full(), site_name=text)]))))
    assert rows[0]["site"] == f"'{text}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_paper_is_the_same_each_time(language: Language) -> None:
    paper = receipt_pdf(full(), language)
    assert paper.startswith(b"%PDF-")
    assert paper == receipt_pdf(full(), language)


def test_a_paper_of_many_hours_goes_on_on_further_pages() -> None:
    long = replace(full(), uses=full().uses * 40, notes=replace(full().notes, why=(WHY * 40,) * 10), driver_name="<i>x" * 60)
    assert receipt_pdf(long, "en").count(b"/Type /Page\n") > 2
    assert receipt_pdf(replace(full(), lines=(), uses=(), number=0), "en").startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("language", "words"), [("en", ["Charging receipt", "No. 000123", "浙江晚电充电"]), ("zh", ["充电收据", "电费", "合计"])]
)
def test_the_paper_can_be_read(language: Language, words: list[str], tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (Debian: poppler-utils, poppler-data) is not here to read the PDF with")
    path = tmp_path / "receipt.pdf"
    path.write_bytes(receipt_pdf(full(), language))
    text = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True, timeout=30).stdout.decode()
    for word in [*words, "53.55 CNY", "王小明 <b>&", "04:00", "OCMF|{}|<script>"]:
        assert word in text


@pytest.mark.parametrize(("tag", "language"), [("zh-CN", "zh"), ("ZH", "zh"), ("en-GB", "en"), ("", "en"), ("fr", "en")])
def test_languages(tag: str, language: Language) -> None:
    assert language_of(tag) == language
