"""Who calls the desk, and what it replies."""

from dataclasses import dataclass

from evloom.wire.ocpp.version import Version


@dataclass(frozen=True, slots=True)
class Caller:
    """A station at the other end of a link.

    epoch             of the ownership under which the gateway holds it, 0 where stations are not fenced
    remote            its address
    security_profile  0..3 that it has shown
    """

    station_id: str
    version: Version
    epoch: int = 0
    remote: str = ""
    security_profile: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer: a payload, or an error code of OCPP-J with a description. gone: because the database could not be reached."""

    payload: bytes = b""
    code: str = ""
    description: str = ""
    gone: bool = False
