"""A receipt on paper: one A4 page, more where many hours or long explanations need them. Chinese by a font that every reader has."""

import io
import re
from functools import cache
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, KeepTogether, PageTemplate, Paragraph, Spacer, Table, TableStyle

from evloom.market.receipt import Receipt
from evloom.serve.billing.lexicon import Language
from evloom.serve.billing.view import Table as Rows
from evloom.serve.billing.view import View, view_of

_CHINESE = "STSong-Light"
_PLAIN, _BOLD = "Helvetica", "Helvetica-Bold"
_INK, _SOFT, _RULE = HexColor("#1a2b33"), HexColor("#5c6b73"), HexColor("#c9d3d8")
_MARGIN = 20 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]+")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def receipt_pdf(receipt: Receipt, language: Language) -> bytes:
    """The receipt as a PDF; the same receipt gives the same bytes."""
    view = view_of(receipt, language)
    file = io.BytesIO()
    name = f"{view.title} {view.number}".strip()
    document = BaseDocTemplate(file, pagesize=A4, title=name, author=receipt.org_name or "Evloom", invariant=1)
    frame = Frame(_MARGIN, 20 * mm, _WIDTH, A4[1] - 36 * mm, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=_Foot(name)))
    document.build(_story(view))
    return file.getvalue()


class _Foot:
    """What stands at the bottom of every page."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, canvas: Canvas, _document: BaseDocTemplate) -> None:
        _register()
        paragraph = Paragraph(_marked(f"{self._text} \u00b7 {canvas.getPageNumber()}"), _style("foot", 8, _SOFT))
        paragraph.wrap(_WIDTH, 10 * mm)
        paragraph.drawOn(canvas, _MARGIN, 11 * mm)


def _story(view: View) -> list[Flowable]:
    _register()
    story: list[Flowable] = [_head(view), Spacer(0, 5 * mm), _facts(view), Spacer(0, 5 * mm)]
    if view.items[1]:
        story += [_grid(view.items, (0.46, 0.22, 0.16, 0.16), 1), Spacer(0, 2 * mm)]
    story += [_total(view), Spacer(0, 5 * mm)]
    if view.uses[1]:
        n = len(view.uses[0])
        story += [_title(view.uses_title), _grid(view.uses, tuple(1.0 / n for _ in range(n)), 3), Spacer(0, 4 * mm)]
    for title, texts in view.paragraphs:
        body = [Paragraph(_marked(text), _style("body", 9.5, _INK)) for text in texts]
        story += [KeepTogether([_title(title), *body[:1]]), *body[1:], Spacer(0, 3 * mm)]
    if view.signed[1]:
        signed = [Paragraph(_marked(text), _style("signed", 6.5, _SOFT, wrap=True)) for text in view.signed[1]]
        story += [KeepTogether([_title(view.signed[0]), *signed[:1]]), *signed[1:], Spacer(0, 3 * mm)]
    return [*story, Paragraph(_marked(view.foot), _style("rule", 8, _SOFT))]


def _head(view: View) -> Table:
    title = Paragraph(_marked(view.title, bold=True), _style("title", 17, _INK))
    number = Paragraph(_marked(view.number), _style("number", 11, _SOFT, right=True))
    head = Table([[title, number]], colWidths=[_WIDTH * 0.65, _WIDTH * 0.35])
    head.setStyle(TableStyle([*_FLUSH, ("VALIGN", (0, 0), (-1, -1), "BOTTOM"), ("LINEBELOW", (0, 0), (-1, 0), 1.2, _INK)]))
    return head


def _facts(view: View) -> Table:
    label, text = _style("label", 9, _SOFT), _style("fact", 9.5, _INK)
    rows = [[Paragraph(_marked(name), label), Paragraph(_marked(value), text)] for name, value in view.facts]
    table = Table(rows, colWidths=[_WIDTH * 0.26, _WIDTH * 0.74])
    table.setStyle(TableStyle([*_FLUSH, ("VALIGN", (0, 0), (-1, -1), "TOP"), ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5)]))
    return table


def _grid(rows: Rows, shares: tuple[float, ...], n_text: int) -> Table:
    """A table whose first `n_text` columns are text and whose others are numbers, set to the right."""
    heads, body = rows

    def cells(texts: tuple[str, ...], size: float, ink: Color) -> list[Paragraph]:
        return [Paragraph(_marked(text), _style("cell", size, ink, right=k >= n_text)) for k, text in enumerate(texts)]

    table = Table(
        [cells(heads, 8.5, _SOFT), *(cells(row, 9.5, _INK) for row in body)], colWidths=[_WIDTH * share for share in shares], repeatRows=1
    )
    table.setStyle(TableStyle([*_FLUSH, ("LINEBELOW", (0, 0), (-1, 0), 0.8, _INK), ("LINEBELOW", (0, 1), (-1, -1), 0.4, _RULE), *_ROOM]))
    return table


def _total(view: View) -> Table:
    rows = [[Paragraph(_marked(text, bold=True), _style("total", 12, _INK, right=k == 1)) for k, text in enumerate(view.total)]]
    if view.tax_within is not None:
        rows.append([Paragraph(_marked(text), _style("tax", 9, _SOFT, right=k == 1)) for k, text in enumerate(view.tax_within)])
    table = Table(rows, colWidths=[_WIDTH * 0.5, _WIDTH * 0.5])
    table.setStyle(TableStyle(_FLUSH))
    return table


def _title(text: str) -> Paragraph:
    return Paragraph(_marked(text, bold=True), _style("heading", 10.5, _INK, after=3))


_FLUSH = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
_ROOM = [("TOPPADDING", (0, 0), (-1, -1), 3), ("BOTTOMPADDING", (0, 0), (-1, -1), 4), ("VALIGN", (0, 0), (-1, -1), "TOP")]


def _style(name: str, size: float, ink: Color, *, right: bool = False, wrap: bool = False, after: float = 0) -> ParagraphStyle:
    style = ParagraphStyle(name, fontName=_PLAIN, fontSize=size, leading=size * 1.4, textColor=ink, spaceAfter=after)
    style.alignment = TA_RIGHT if right else style.alignment
    style.splitLongWords = 1
    style.wordWrap = "CJK" if wrap else None
    return style


def _marked(text: str, *, bold: bool = False) -> str:
    """Text as a paragraph understands it: Chinese in a font of its own, nothing in it taken for a tag."""
    safe = escape(_UNPRINTABLE.sub(" ", text))
    parts = _WIDE.sub(lambda found: f'<font name="{_CHINESE}">{found[0]}</font>', safe)
    return f'<font name="{_BOLD}">{parts}</font>' if bold else parts


@cache
def _register() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE))
