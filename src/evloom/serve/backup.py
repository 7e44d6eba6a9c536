"""`evloom serve --backup FOLDER`: a copy of a platform, made while it runs or stands still. The copy is a data folder itself."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

import evloom
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import from_epoch_s
from evloom.serve.config import Config
from evloom.serve.system_clock import now_s
from evloom.store.copies import copied_file
from evloom.store.errors import StoreError

DATABASE, MANIFEST = "evloom.db", "backup.json"
COPIED = ("certificates", "journal")
"""Folders that are copied; others (battery: telemetry of vehicles, which may be large) are listed with their sizes."""
_BLOCK = 1 << 20
Say = Callable[[str], None]


def back_up(config: Config, folder: Path, say: Say, warn: Say) -> int:
    """Copy the platform of these settings into a new folder; the exit code. Raises InputError for what cannot be copied."""
    data = Path(config.server.data).expanduser().resolve()
    source = _database(config, data)
    if folder.exists():
        raise _refused("backup", str(folder), "a folder that is not there yet", "name another one, e.g. with the date in it")
    try:
        folder.mkdir(parents=True, mode=0o700)
        size = copied_file(source, folder / DATABASE)
        rows = [_row(folder / DATABASE, folder), *_copied(data, folder)]
        left = [(str(file.relative_to(data)), _size(file)) for file in _left_out(data)]
        listed = [{"file": name, "bytes": n_byte} for name, n_byte in left]
        made = {"evloom": evloom.__version__, "at": from_epoch_s(now_s()).isoformat(), "of": str(data), "files": rows, "not_copied": listed}
        (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
    except (StoreError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        warn(f"evloom: no copy was made: {error}")
        return 1
    say(f"evloom serve: copied {source} ({size / 1e6:,.1f} MB) and {len(rows) - 1} files of certificates and journals to {folder}")
    if left:
        say(f"              not copied, see {MANIFEST}: {len(left)} files, {sum(n_byte for _, n_byte in left) / 1e6:,.1f} MB")
    say(f"              to go on with the copy: evloom serve --data {folder}")
    return 0


def _database(config: Config, data: Path) -> Path:
    """The file of an embedded database; of PostgreSQL it is said how a copy is made."""
    url = config.database.url
    if url.startswith("postgresql"):
        advice = (
            "pg_dump --format=custom --file=evloom.dump DATABASE_URL copies it while it runs, pg_restore --clean --if-exists"
            " --dbname=DATABASE_URL evloom.dump brings it back; certificates/ and journal/ of the data folder are files to copy beside it"
        )
        raise _refused("backup", "a PostgreSQL", "an embedded database (SQLite)", advice)
    source = Path(url.removeprefix("sqlite:///")) if url else data / DATABASE
    if not source.is_file():
        raise _refused("backup", str(source), "a database that is there", "name its folder: --data FOLDER, or the settings: --config FILE")
    return source


def _copied(data: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """Copy the folders; a file that grows is copied as it stands, and one that is removed meanwhile is left out."""
    for name in COPIED:
        for file in sorted((data / name).rglob("*")):
            if file.is_file():
                target = folder / file.relative_to(data)
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with suppress(FileNotFoundError):
                    shutil.copy2(file, target)
                    yield _row(target, folder)


def _left_out(data: Path) -> list[Path]:
    """Files of the data folder that are not copied."""
    others = (each for each in sorted(data.iterdir()) if each.is_dir() and each.name not in COPIED) if data.is_dir() else ()
    return [file for each in others for file in sorted(each.rglob("*")) if file.is_file()]


def _size(file: Path) -> int:
    with suppress(FileNotFoundError):
        return file.stat().st_size
    return 0


def _row(file: Path, folder: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return {"file": str(file.relative_to(folder)), "bytes": file.stat().st_size, "sha256": digest.hexdigest()}


def _refused(field: str, value: str, allowed: str, advice: str) -> InputError:
    return InputError([Finding("serve.backup", "refused", "evloom serve", None, field, value, allowed, advice)])
