"""The versions of OCPP that we speak, and how one is agreed on."""

from collections.abc import Sequence
from enum import StrEnum


class Version(StrEnum):
    """A version under its name as a WebSocket sub-protocol."""

    V16 = "ocpp1.6"
    V201 = "ocpp2.0.1"
    V21 = "ocpp2.1"


PREFERRED = (Version.V21, Version.V201, Version.V16)


def negotiate(offered: Sequence[str], allowed: Sequence[Version]) -> Version | None:
    """The newest version that the station offers and we allow, None where there is none. Names are compared as RFC 6455 has it: exactly."""
    return next((version for version in PREFERRED if version in allowed and version.value in offered), None)
