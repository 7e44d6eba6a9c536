"""Who may come in: path, address, credentials, certificate, security profile and sub-protocol of a handshake.

Security profiles by OCPP: 0 nothing, 1 HTTP Basic without TLS, 2 TLS with HTTP Basic, 3 TLS with a certificate of the station. A station is
never let in with less than the profile that is registered for it or than the platform asks of all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from websockets.datastructures import Headers, MultipleValuesError

from evloom.serve.gateway import certificate
from evloom.serve.gateway.credential import Basic, Credentials, basic_of
from evloom.serve.gateway.identity import station_of
from evloom.serve.gateway.refusal import Refused
from evloom.serve.gateway.throttle import Guesses
from evloom.wire.ocpp.version import Version, negotiate

_ASK = (("WWW-Authenticate", 'Basic realm="OCPP", charset="UTF-8"'),)


class Registered(Protocol):
    """What is kept of a station, as far as the door looks at it."""

    @property
    def password_hash(self) -> str:
        """Argon2 hash of its password, "" without one."""

    @property
    def certificate_serial(self) -> str:
        """Serial number of the certificate that an operator tied to it, "" without."""

    @property
    def serial(self) -> str:
        """Serial number of the station."""

    @property
    def security_profile(self) -> int:
        """The least that it must show."""

    @property
    def accepted(self) -> str:
        """ "accepted", "pending" or "refused"."""

    @property
    def removed_at_s(self) -> float | None:
        """When it was removed."""


@dataclass(frozen=True, slots=True)
class Knock:
    """A handshake: target of the request, its headers, address, and whether it came over TLS with which certificate."""

    target: str
    headers: Headers
    remote: str
    secure: bool
    shown: certificate.Shown | None


@dataclass(frozen=True, slots=True)
class Admitted:
    """Let in. version None: complete the handshake and close, because no sub-protocol that was offered is spoken here."""

    station_id: str
    version: Version | None
    security_profile: int
    offered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DoorRules:
    """versions: what is spoken; unknown: "accept", "pending" or "refuse" for stations that nobody registered; least security profile."""

    versions: tuple[Version, ...]
    unknown: str
    profile_min: int = 0


class Door:
    """Judges handshakes. `find` looks a station up; raises what the store raises."""

    def __init__(self, rules: DoorRules, find: Callable[[str], Awaitable[Registered | None]], credentials: Credentials) -> None:
        self.rules = rules
        self._find = find
        self._credentials = credentials
        self._guesses = Guesses()

    async def judge(self, knock: Knock) -> tuple[str, Admitted | Refused]:
        """The station that was named ("" when none) and the verdict."""
        station_id = station_of(knock.target)
        if isinstance(station_id, Refused):
            return "", station_id
        station = await self._find(station_id)
        refused = self._unwelcome(station)
        if refused is not None:
            return station_id, refused
        profile = await self._profile(knock, station_id, station)
        if isinstance(profile, Refused):
            return station_id, profile
        refused = self._too_weak(profile, station)
        if refused is not None:
            return station_id, refused
        offered = _offered(knock.headers)
        return station_id, Admitted(station_id, negotiate(offered, self.rules.versions), profile, tuple(offered))

    def _unwelcome(self, station: Registered | None) -> Refused | None:
        if station is None or station.removed_at_s is not None:
            known = "was removed" if station is not None else "is not registered"
            if self.rules.unknown == "refuse" or station is not None:
                return Refused(404, "unknown", f"this station {known}: register it in the console, or correct its identity")
            return None
        if station.accepted == "refused":
            return Refused(403, "refused", "this station was refused by its operator")
        return None

    async def _profile(self, knock: Knock, station_id: str, station: Registered | None) -> int | Refused:
        """The security profile that was shown, or what was wrong with what was shown."""
        if knock.shown is not None:
            if not certificate.is_of(
                knock.shown, station_id, station.serial if station else "", station.certificate_serial if station else ""
            ):
                names = ", ".join(knock.shown.names) or "nobody"
                return Refused(403, "certificate", f"the certificate is of {names}, not of this station")
            return 3
        given = _authorization(knock.headers)
        if given is None:
            if station is not None and station.password_hash:
                return Refused(401, "credentials", "this station must send its password (HTTP Basic)", _ASK)
            return 0
        return await self._by_password(knock, station_id, station, given)

    async def _by_password(self, knock: Knock, station_id: str, station: Registered | None, given: Basic) -> int | Refused:
        password_hash = station.password_hash if station is not None else ""
        if not password_hash:
            return 0  # nothing is kept that it could be compared with: as good as none
        if given.user == station_id and self._credentials.known(station_id, password_hash, given.password):
            return 2 if knock.secure else 1
        now_s = asyncio.get_running_loop().time()
        wait_s = self._guesses.wait_s(station_id, knock.remote, now_s)
        if wait_s > 0.0:
            seconds = str(max(1, round(wait_s)))
            return Refused(429, "throttled", f"too many wrong passwords: try again in {seconds} s", (("Retry-After", seconds),))
        if given.user == station_id and await self._credentials.right(station_id, password_hash, given.password):
            return 2 if knock.secure else 1
        self._guesses.failed(station_id, knock.remote, asyncio.get_running_loop().time())
        wrong = "the password is wrong" if given.user == station_id else "the user name is not the station's identity"
        return Refused(401, "credentials", wrong, _ASK)

    def _too_weak(self, profile: int, station: Registered | None) -> Refused | None:
        least = max(self.rules.profile_min, station.security_profile if station is not None else 0)
        if profile >= least:
            return None
        asked = {
            1: "a password (HTTP Basic) that is registered here",
            2: "TLS and a password (HTTP Basic) that is registered here",
            3: "TLS with a certificate of the station",
        }[least]
        return Refused(403, "profile", f"security profile {least} is asked and {profile} was shown: connect with {asked}")


def _authorization(headers: Headers) -> Basic | None:
    try:
        value = headers.get("Authorization", "")
    except MultipleValuesError:
        value = ""
    return basic_of(value) if value else None


def _offered(headers: Headers) -> Sequence[str]:
    return [name.strip() for line in headers.get_all("Sec-WebSocket-Protocol") for name in line.split(",") if name.strip()]
