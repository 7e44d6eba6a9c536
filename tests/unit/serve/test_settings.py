"""Settings of the platform: defaults, file, environment, and every mistake said."""

import re
from pathlib import Path

import pytest

from evloom.kernel.errors import InputError
from evloom.serve.command import as_text
from evloom.serve.config import Config
from evloom.serve.settings import read_config
from tools.serve_settings import BEGIN, END, PAGE, table


def _written(folder: Path, text: str) -> Path:
    path = folder / "evloom.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _wrong(path: Path | None, environment: dict[str, str]) -> dict[str | None, str]:
    with pytest.raises(InputError) as caught:
        read_config(path, environment)
    return {finding.field: finding.text() for finding in caught.value.findings}


def test_nothing_said_is_the_defaults():
    assert read_config(None, {"PATH": "/bin", "EVLOOM_DATA": "/somewhere"}) == Config()


def test_the_environment_is_stronger_than_the_file(tmp_path):
    path = _written(tmp_path, '[server]\nport = 8081\nhost = "0.0.0.0"\n[control]\nperiod_s = 5\n[[meters]]\ntopic = "house/kw"\n')
    config = read_config(path, {"EVLOOM_SERVER__PORT": "9090", "EVLOOM_OCPP__VERSIONS": "1.6, 2.1", "EVLOOM_OCPP__COMPRESSION": "true"})
    assert (config.server.port, config.server.host, config.control.period_s) == (9090, "0.0.0.0", 5.0)
    assert config.ocpp.versions == ("1.6", "2.1")
    assert config.ocpp.compression
    assert config.meters[0].topic == "house/kw"


def test_all_mistakes_come_together(tmp_path):
    path = _written(
        tmp_path,
        '[server]\nport = 99999\ncolour = "red"\n[site]\nlimit_kw = -5\n[nonsense]\nx = 1\n'
        '[[meters]]\nkind = "telepathy"\n[control]\nperiod_s = "often"\n',
    )
    wrong = _wrong(path, {"EVLOOM_OCPP__PORT": "many", "EVLOOM_SERVER__COLOR": "red"})
    assert set(wrong) == {
        "server.port",
        "server.colour",
        "site.limit_kw",
        "nonsense",
        "meters[1].kind",
        "control.period_s",
        "EVLOOM_OCPP__PORT",
        "EVLOOM_SERVER__COLOR",
    }
    assert "evloom.toml: refused: server.port = 99999" in wrong["server.port"]
    assert "<= 65535" in wrong["server.port"]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('[ocpp]\ntls_certificate = "server.pem"\n', "ocpp.tls_certificate"),
        ("[ocpp]\nport = 8080\n", "ocpp.port"),
        ("[ocpp]\nenabled = false\n", "ocpp.enabled"),
        ('[site]\nzone = "Mars/Olympus"\n', "site.zone"),
        ("[site]\nn_phase = 2\n", "site.n_phase"),
        ('[cluster]\nnats_url = "nats://127.0.0.1:4222"\n', "cluster.nats_url"),
        ("[[meters]]\n", "meters[1].topic"),
        ('[control]\nobjective = "beauty"\n', "control.objective"),
        ("meters = 3\n", "meters"),
        ("server = 3\n", "server"),
        ("[server\n", None),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, text, field):
    assert field in _wrong(_written(tmp_path, text), {})


def test_what_is_shown_can_be_read_back_and_bears_no_secret(tmp_path):
    path = _written(tmp_path, '[database]\nurl = "postgresql://me:secret@127.0.0.1/evloom"\n[[meters]]\ntopic = "t"\npassword = "secret"\n')
    shown = as_text(read_config(path, {}))
    assert "secret" not in shown
    again = read_config(_written(tmp_path, shown), {})
    assert again.meters[0].topic == "t"
    assert again.ocpp == Config().ocpp


def test_the_page_has_every_setting():
    assert f"{BEGIN}\n{table()}{END}" in PAGE.read_text(encoding="utf-8"), "run: python -m tools.serve_settings"


def test_the_file_on_the_page_is_understood(tmp_path):
    [text] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    config = read_config(_written(tmp_path, text), {})
    assert (config.site.limit_kw, config.meters[0].topic, config.ocpp.security_profile_min) == (186.2, "house/power", 1)
