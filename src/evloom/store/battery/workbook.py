"""The first sheet of an .xlsx workbook as rows of text, with the standard library alone: an archive of XML (ECMA-376)."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

_SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRINGS = "xl/sharedStrings.xml"
_SHEET = "xl/worksheets/sheet1.xml"
_BYTES_MOST = 256 << 20
_COLUMNS_MOST = 16384
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]+)$")


def first_sheet(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    """(line, texts) of each row; empty cells are "". Raises ValueError where it is no workbook that can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            strings = _strings(_member(archive, _STRINGS)) if _STRINGS in names else []
            if _SHEET not in names:
                raise ValueError("a workbook without a first sheet")
            rows = list(_rows(_member(archive, _SHEET), strings))
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"no xlsx workbook: {error}") from error
    return iter(rows)


def _member(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    """The root of a member. A declaration of a document type is refused: entities in it could grow without end."""
    if archive.getinfo(name).file_size > _BYTES_MOST:
        raise ValueError(f"{name} is over {_BYTES_MOST >> 20} MiB")
    data = archive.read(name)
    if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data:
        raise ValueError(f"{name} declares a document type")
    return ElementTree.fromstring(data)


def _strings(root: ElementTree.Element) -> list[str]:
    return ["".join(part.text or "" for part in item.iter(f"{_SPACE}t")) for item in root.iter(f"{_SPACE}si")]


def _rows(root: ElementTree.Element, strings: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    for number, row in enumerate(root.iter(f"{_SPACE}row"), start=1):
        texts: list[str] = []
        for cell in row.iter(f"{_SPACE}c"):
            place = _column(cell.get("r", ""), len(texts))
            texts.extend([""] * (place - len(texts)))
            texts.append(_text(cell, strings))
        yield int(row.get("r", number)), texts


def _column(place: str, following: int) -> int:
    """Column from 0 of "AE17"; where nothing is said the next one."""
    match = _PLACE.match(place)
    if match is None:
        return following
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    if column > _COLUMNS_MOST or column - 1 < following:
        raise ValueError(f"cell {place} is out of order")
    return column - 1


def _text(cell: ElementTree.Element, strings: Sequence[str]) -> str:
    kind = cell.get("t")
    if kind == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{_SPACE}t"))
    value = cell.findtext(f"{_SPACE}v") or ""
    if kind == "s":
        place = int(value)
        if not 0 <= place < len(strings):
            raise ValueError(f"string {place} of {len(strings)}")
        return strings[place]
    return value
