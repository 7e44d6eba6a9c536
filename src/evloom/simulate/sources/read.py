"""Reading session files: which format, and the table with its account."""

from pathlib import Path

from evloom.simulate.sources.checks import finish
from evloom.simulate.sources.formats import RECORDED
from evloom.simulate.sources.own import OWN
from evloom.simulate.sources.rows import DELIMITERS, read_bytes, read_header, read_rows, refuse_file
from evloom.simulate.sources.table import SessionTable

FORMATS = {each.name: each for each in (OWN, *RECORDED)}


def detect_format(path: Path) -> str:
    """The name of the format whose columns the file has. Raises InputError when there is none."""
    return _detect(read_bytes(path), path.name)


def _detect(content: bytes, source: str) -> str:
    header = read_header(content, source)
    for each in FORMATS.values():
        if set(each.required) <= set(header):
            return each.name
    known = "; ".join(f"{each.name}: {', '.join(each.required)}" for each in FORMATS.values())
    if len(header) == 1 and not any(delimiter in header[0] for delimiter in DELIMITERS):
        advice = "divide the cells by commas, or name the format"
        raise refuse_file(source, "file.unknown-format", f"one column {header[0][:60]!r}", known, advice)
    raise refuse_file(source, "file.unknown-format", "columns " + ", ".join(header), known, "name the columns so, or name the format")


def read_sessions(path: Path, format_name: str | None = None) -> SessionTable:
    """Read a session file; without a `format_name` (one of FORMATS) the header decides.

    Row errors are findings in the table. Raises InputError when the file cannot be used at all: missing,
    a directory, empty, not UTF-8 text, another delimiter, columns missing, or an unknown format.
    """
    content = read_bytes(path)
    name = _detect(content, path.name) if format_name is None else format_name
    if name not in FORMATS:
        raise refuse_file(path.name, "file.unknown-format", f"format {name!r}", ", ".join(FORMATS), "name one of these formats")
    chosen = FORMATS[name]
    return finish(chosen.convert(read_rows(content, path.name, chosen.delimiter, chosen.required)))
