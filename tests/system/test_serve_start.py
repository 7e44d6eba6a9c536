"""How `evloom serve` begins, and when it does not: settings from file and environment, a folder or port that is taken."""

import json
import logging
import socket

import msgspec
import pytest

from evloom.cli import main
from evloom.serve.config import Config
from evloom.serve.data_folder import DataFolder
from evloom.serve.settings import read_config

OTHER = {  # a value of every setting that is not its default; where none stands here it follows from the default
    "server.public_url": "https://ev.example.org", "database.url": "postgresql://me@127.0.0.1/evloom", "ocpp.versions": "1.6,2.1",
    "ocpp.unknown_stations": "refuse", "ocpp.tls_certificate": "a.pem", "ocpp.tls_key": "b.pem", "ocpp.client_ca": "c.pem",
    "authorisation.unknown_tokens": "accept", "control.policy": "queue", "control.objective": "carbon", "site.zone": "Asia/Shanghai",
    "site.currency": "EUR", "cluster.gateway": "east", "cluster.nats_url": "nats://127.0.0.1:4222", "log.level": "debug",
    "log.format": "json", "server.host": "0.0.0.0", "site.n_phase": "3", "ocpp.enabled": "false",
    "telematics.platforms": "fleet:secret", "telematics.answer_reports": "always", "telematics.mqtt_url": "mqtt://127.0.0.1",
    "ocpp.security_profile_min": "2", "control.margin": "0.1",
    "telematics.terminal_period_s": "20",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _logging_as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def settings() -> dict[str, str]:
    """Every setting that has one value, as the environment says it."""
    found = {}
    for section, table in msgspec.to_builtins(Config()).items():
        for key, value in ({} if section == "meters" else table).items():
            name = f"{section}.{key}"
            other = "false" if value is True else "true" if value is False else value + 1 if isinstance(value, int | float) else f"{value}x"
            found[name] = OTHER.get(name, str(other))
    return found


def test_every_setting_comes_from_the_environment_and_from_a_file(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.pem", "b.pem", "c.pem"):
        (tmp_path / name).touch()
    wanted = settings()
    environment = {f"EVLOOM_{name.upper().replace('.', '__')}": value for name, value in wanted.items()}
    config = read_config(None, environment)
    shown, usual = msgspec.to_builtins(config), msgspec.to_builtins(Config())
    assert [name for name in wanted if _of(shown, name) == _of(usual, name)] == []
    tables = {
        section: "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items()) for section, table in shown.items() if table
    }
    file = tmp_path / "full.toml"
    file.write_text("".join(f"[{section}]\n{lines}" for section, lines in tables.items()), encoding="utf-8")
    assert read_config(file, {}) == config
    assert main(["serve", "--config", str(file), "--check"]) == 0
    assert 'zone = "Asia/Shanghai"' in capsys.readouterr().out


def _of(tables: dict, name: str) -> object:
    section, _, key = name.partition(".")
    return tables[section][key]


def test_wrong_settings_are_all_told_and_nothing_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("EVLOOM_OCPP__HEARTBEAT_S", "1")
    monkeypatch.setenv("EVLOOM_SITE__LIMIT_KW", "-3")
    monkeypatch.setenv("EVLOOM_NONSENSE__X", "1")
    assert main(["serve", "--data", str(tmp_path / "data")]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in ("EVLOOM_OCPP__HEARTBEAT_S", "EVLOOM_SITE__LIMIT_KW", "EVLOOM_NONSENSE__X", "3 things"))
    assert not (tmp_path / "data").exists()


def test_a_folder_is_one_processs_alone(tmp_path, capsys):
    data = tmp_path / "data"
    with DataFolder(msgspec.convert({"server": {"data": str(data)}}, Config)):
        assert main(["serve", "--data", str(data), "--port", "0", "--ocpp-port", "0"]) == 2
    assert "another evloom serve uses it" in capsys.readouterr().err


def test_a_folder_that_is_none(tmp_path, capsys):
    (tmp_path / "file").touch()
    for data in (tmp_path / "file", tmp_path / "file" / "below"):
        assert main(["serve", "--data", str(data), "--port", "0", "--ocpp-port", "0"]) == 2
        assert str(data) in capsys.readouterr().err


@pytest.mark.usefixtures("socket_enabled")
def test_a_port_that_is_taken(tmp_path, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        assert main(["serve", "--data", str(tmp_path / "a"), "--port", taken, "--ocpp-port", "0"]) == 1
        assert taken in capsys.readouterr().err
