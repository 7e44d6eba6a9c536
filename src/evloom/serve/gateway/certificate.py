"""Security profile 3: the certificate that a station shows names the station.

OCPP (1.6 security white paper, 2.0.1 part 2 A00): the common name of a station's certificate is its unique serial number. Accepted is a
certificate whose common name or one of whose DNS names or URIs is the station's identity or the serial number that we keep of it, or
whose own serial number an operator has tied to the station.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """What a certificate says that was shown and found valid: names, own serial number in hexadecimal digits."""

    names: tuple[str, ...]
    serial: str


def shown(peer: Mapping[str, object] | None) -> Shown | None:
    """From what `ssl.SSLSocket.getpeercert()` gives; None without a certificate."""
    if not peer:
        return None
    names = [value for part in _pairs(peer.get("subject")) for key, value in part if key == "commonName"]
    names += [value for key, value in _flat(peer.get("subjectAltName")) if key in ("DNS", "URI")]
    return Shown(tuple(names), plain_serial(str(peer.get("serialNumber", ""))))


def plain_serial(serial: str) -> str:
    """A serial number without colons, spaces and leading zeros, in capitals."""
    return serial.replace(":", "").replace(" ", "").upper().removeprefix("0X").lstrip("0")


def is_of(certificate: Shown, station_id: str, station_serial: str, tied_serial: str) -> bool:
    """Whether the certificate is the station's. A tied serial number decides alone, because an operator has said so."""
    if tied_serial:
        return certificate.serial == plain_serial(tied_serial)
    own = {name.casefold() for name in (station_id, station_serial) if name}
    return any(name.casefold() in own for name in certificate.names)


def _pairs(subject: object) -> list[list[tuple[str, str]]]:
    return [_flat(part) for part in subject] if isinstance(subject, tuple) else []


def _flat(part: object) -> list[tuple[str, str]]:
    return [(str(pair[0]), str(pair[1])) for pair in part if len(pair) == 2] if isinstance(part, tuple) else []
