import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from websockets.datastructures import Headers

from evloom.serve.gateway.certificate import Shown
from evloom.serve.gateway.credential import Credentials, hashed
from evloom.serve.gateway.door import Admitted, Door, DoorRules, Knock
from evloom.serve.gateway.refusal import Refused
from evloom.wire.ocpp.version import Version

PASSWORD = "a-password-of-CP1"
HASH = hashed(PASSWORD)


@dataclass(frozen=True)
class Station:
    password_hash: str = ""
    certificate_serial: str = ""
    serial: str = ""
    security_profile: int = 0
    accepted: str = "accepted"
    removed_at_s: float | None = None


KNOWN = {
    "CP1": Station(password_hash=HASH, security_profile=1),
    "TLS": Station(password_hash=HASH, security_profile=2),
    "CERT": Station(security_profile=3, serial="SN-77"),
    "TIED": Station(security_profile=3, certificate_serial="0A:3F"),
    "PLAIN": Station(),
    "NO": Station(accepted="refused"),
    "GONE": Station(removed_at_s=1.0),
    "PENDING": Station(accepted="pending"),
}


def _auth(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _knock(station_id: str, auth: str = "", offered: str = "ocpp1.6", **more) -> Knock:
    headers = Headers()
    if auth:
        headers["Authorization"] = auth
    for line in offered.split(";"):
        headers["Sec-WebSocket-Protocol"] = line
    return Knock(f"/ocpp/{station_id}", headers, more.get("remote", "10.0.0.1"), more.get("secure", False), more.get("shown"))


def _verdicts(*knocks: Knock, unknown: str = "accept", profile_min: int = 0) -> list[Admitted | Refused]:
    async def find(station_id: str) -> Station | None:
        return KNOWN.get(station_id)

    async def judged() -> list[Admitted | Refused]:
        with ThreadPoolExecutor(1) as threads:
            rules = DoorRules((Version.V16, Version.V201, Version.V21), unknown, profile_min)
            door = Door(rules, find, Credentials(threads))
            return [(await door.judge(knock))[1] for knock in knocks]

    return asyncio.run(judged())


def _status(verdict: Admitted | Refused) -> int:
    return verdict.status if isinstance(verdict, Refused) else verdict.security_profile


@pytest.mark.parametrize(
    ("knock", "expected"),
    [
        (_knock("PLAIN"), 0),
        (_knock("PLAIN", secure=True), 0),
        (_knock("PENDING"), 0),
        (_knock("NEW"), 0),
        (_knock("NEW", _auth("NEW", "anything")), 0),  # nothing to compare with: it counts as none
        (_knock("CP1", _auth("CP1", PASSWORD)), 1),
        (_knock("CP1", _auth("CP1", PASSWORD), secure=True), 2),
        (_knock("CP1"), 401),
        (_knock("CP1", "Bearer x"), 401),
        (_knock("CP1", _auth("CP1", "wrong")), 401),
        (_knock("CP1", _auth("CP2", PASSWORD)), 401),
        (_knock("TLS", _auth("TLS", PASSWORD)), 403),
        (_knock("TLS", _auth("TLS", PASSWORD), secure=True), 2),
        (_knock("CERT", secure=True), 403),
        (_knock("CERT", secure=True, shown=Shown(("CERT",), "1")), 3),
        (_knock("CERT", secure=True, shown=Shown(("sn-77",), "1")), 3),
        (_knock("CERT", secure=True, shown=Shown(("OTHER",), "1")), 403),
        (_knock("TIED", secure=True, shown=Shown(("whoever",), "A3F")), 3),
        (_knock("TIED", secure=True, shown=Shown(("TIED",), "A40")), 403),
        (_knock("NO"), 403),
        (_knock("GONE"), 404),
        (_knock("a%2Fb"), 400),
    ],
)
def test_who_comes_in_and_with_which_profile(knock, expected):
    assert _status(_verdicts(knock)[0]) == expected


def test_a_station_that_nobody_registered():
    assert _status(_verdicts(_knock("NEW"), unknown="refuse")[0]) == 404
    assert _status(_verdicts(_knock("NEW"), unknown="pending")[0]) == 0


def test_the_least_profile_of_the_platform_holds_for_all():
    assert [_status(v) for v in _verdicts(_knock("PLAIN"), _knock("CP1", _auth("CP1", PASSWORD)), profile_min=1)] == [403, 1]


@pytest.mark.parametrize(
    ("offered", "version"),
    [
        ("ocpp1.6", Version.V16),
        ("ocpp1.6, ocpp2.0.1", Version.V201),
        ("ocpp1.6;ocpp2.1", Version.V21),
        ("ocpp1.5,ocpp2.0", None),
        ("", None),
        ("OCPP1.6", None),
    ],
)
def test_the_newest_protocol_that_both_speak(offered, version):
    verdict = _verdicts(_knock("PLAIN", offered=offered))[0]
    assert isinstance(verdict, Admitted)
    assert verdict.version == version


def test_a_thousand_guesses_are_slowed_and_the_right_station_comes_in_all_the_same():
    right, wrong = _knock("CP1", _auth("CP1", PASSWORD)), [_knock("CP1", _auth("CP1", f"guess-{n}")) for n in range(1000)]
    verdicts = _verdicts(right, *wrong, right, _knock("CP1", _auth("CP1", "another")))
    assert [_status(verdict) for verdict in verdicts[1:11]] == [401] * 10
    assert {_status(verdict) for verdict in verdicts[20:1001]} <= {401, 429}
    assert sum(_status(verdict) == 401 for verdict in verdicts) < 60
    throttled = next(verdict for verdict in verdicts if isinstance(verdict, Refused) and verdict.status == 429)
    assert dict(throttled.headers)["Retry-After"] == "1"
    assert _status(verdicts[-2]) == 1  # known since the beginning
