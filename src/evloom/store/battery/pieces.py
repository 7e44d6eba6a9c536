"""The files behind a path, and their rows as tables of bounded size."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import polars as pl

from evloom.store.battery.account import Account, Note
from evloom.store.battery.names import charge_of
from evloom.store.battery.text import Lines, read_table

LINE = "__line"
"""Column of the line in the file (csv) or the row (parquet), 1-based."""

BROKEN = Note(
    "file.broken", "refused", None, "a whole csv, csv.gz, zip of these, or parquet", "copy it again; rows before the break are used"
)
EMPTY = Note("file.empty", "refused", None, "a header and at least one frame", "leave the file out or send it again")
NO_FRAMES = Note("file.no-frames", "refused", None, "files ending in .csv, .csv.gz, .zip or .parquet", "name a file or folder of frames")
_CAUSES = (OSError, EOFError, zlib.error, zipfile.BadZipFile, pl.exceptions.PolarsError, UnicodeDecodeError, RuntimeError)


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """One table of frames: a file, or `member` of a zip. `stem` names the vehicle where no column does; `name` is for findings; `charge` is
    the number of the charge that the file is by its name, 0 where it says none."""

    path: Path
    member: str
    stem: str
    name: str
    charge: int = 0

    @property
    def is_parquet(self) -> bool:
        """Whether it is parquet; else it is csv."""
        return (self.member or self.path.name).lower().endswith(".parquet")


def list_pieces(path: Path, account: Account) -> list[Piece]:
    """The tables of frames in a file or, in order of their names, in a folder and its folders. Other files are not looked at."""
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    pieces: list[Piece] = []
    for each in files:
        name = each.relative_to(path).as_posix() if path.is_dir() else each.name
        if name.lower().endswith((".csv", ".csv.gz", ".parquet")):
            stem, charge = charge_of(_stem(each.name), each.parent.name if path.is_dir() else "")
            pieces.append(Piece(each, "", stem, name, charge))
        elif name.lower().endswith(".zip"):
            pieces.extend(_members(each, name, account))
    if not pieces and not account.findings:
        account.whole(NO_FRAMES, path.name, "no such file" if not path.exists() else "nothing of that kind")
    return pieces


def _stem(name: str) -> str:
    for ending in (".csv.gz", ".csv", ".parquet", ".zip"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _members(path: Path, name: str, account: Account) -> list[Piece]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [each for each in archive.namelist() if each.lower().endswith((".csv", ".csv.gz", ".parquet"))]
    except _CAUSES as error:
        account.whole(BROKEN, name, str(error))
        return []
    names = [each for each in names if not each.startswith("__MACOSX")]
    if not names:
        account.whole(NO_FRAMES, name, "nothing of that kind in the zip")
    alone = len(names) == 1
    return [_member(path, each, _stem(path.name), f"{name}/{each}", alone) for each in names]


def _member(path: Path, member: str, archive: str, name: str, alone: bool) -> Piece:
    folder, _, file = member.rpartition("/")
    stem, charge = (archive, 0) if alone else charge_of(_stem(file), folder.rpartition("/")[2] or archive)
    return Piece(path, member, stem, name, charge)


@contextmanager
def _opened(piece: Piece) -> Iterator[IO[bytes]]:
    """The bytes of a piece, unpacked."""
    if not piece.member:
        with gzip.open(piece.path) if piece.path.name.lower().endswith(".gz") else piece.path.open("rb") as stream:
            yield cast(IO[bytes], stream)
        return
    with zipfile.ZipFile(piece.path) as archive, archive.open(piece.member) as stream:
        if piece.member.lower().endswith(".gz"):
            with gzip.open(stream) as inner:
                yield cast(IO[bytes], inner)
        else:
            yield stream


def read_header(piece: Piece, account: Account) -> list[str] | None:
    """The names of the columns, or None with a finding where there are none to be had."""
    try:
        with _opened(piece) as stream:
            if piece.is_parquet:
                header = list(pl.read_parquet_schema(stream if not piece.member else io.BytesIO(stream.read())))
            else:
                header = Lines(stream).header
    except _CAUSES as error:
        account.whole(BROKEN, piece.name, str(error).strip().split("\n")[0][:200] or type(error).__name__)
        return None
    if not header:
        account.whole(EMPTY, piece.name, "nothing")
        return None
    return header


def read_blocks(piece: Piece, columns: dict[str, str], n_row: int, account: Account) -> Iterator[pl.DataFrame]:
    """Tables of about `n_row` rows with the named columns under their new names, and LINE.

    A piece that breaks off gives what is before the break, and a finding.
    """
    n_seen = 0
    try:
        with _opened(piece) as stream:
            for table in (
                _parquet(piece, stream, columns, n_row) if piece.is_parquet else read_table(stream, columns, n_row, (piece.name, account))
            ):
                n_seen += len(table)
                yield table
    except _CAUSES as error:
        account.whole(BROKEN, piece.name, str(error).strip().split("\n")[0][:200] or type(error).__name__)
        return
    if n_seen == 0:
        account.whole(EMPTY, piece.name, "no rows")


def _parquet(piece: Piece, stream: IO[bytes], columns: dict[str, str], n_row: int) -> Iterator[pl.DataFrame]:
    source: Path | io.BytesIO = io.BytesIO(stream.read()) if piece.member else piece.path
    chosen = [pl.col(theirs).alias(ours) for theirs, ours in columns.items()]
    at = 0
    # batches, not slices: a slice would unpack its whole row group once more
    for table in pl.scan_parquet(source, glob=False).select(chosen).collect_batches(chunk_size=n_row, maintain_order=True):
        yield table.hstack([pl.int_range(at + 1, at + 1 + len(table), dtype=pl.Int64, eager=True).alias(LINE)])
        at += len(table)
