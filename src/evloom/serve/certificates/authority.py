"""The operator's certificate authority, which signs the certificates of stations (security profile 3).

It is made on first need, in a folder of its own:

    ca.pem, ca.key         the root; the key is readable by the platform's user only
    issued/SERIAL.pem      every certificate that was signed; SERIAL in hexadecimal digits
    issued/SERIAL.revoked  that it was revoked: epoch seconds, as text

Keys are ECDSA P-256, certificates X.509 version 3 (OCPP 2.0.1 part 2, A00.FR.5xx asks for 112 bit of security at least). Nothing here
waits for a network; signing takes about a millisecond.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from evloom.kernel.errors import EvloomError

ROOT_DAYS = 20 * 365
LEAF_DAYS = 398
"""A station's certificate is renewed about once a year."""
RSA_MIN_BITS = 2048
EC_MIN_BITS = 224
"""OCPP 2.0.1 part 2, A00.FR.505 and FR.508: the least that may be used."""
BACKDATED = timedelta(minutes=10)
"""Stations' clocks are late: a certificate that begins now would be refused by some."""


class CsrRefused(EvloomError):  # noqa: N818  the name says what is the case
    """A request that is not signed. reason is a code of at most 20 letters."""

    def __init__(self, reason: str, info: str) -> None:
        super().__init__(info)
        self.reason = reason
        self.info = info


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate that was signed: chain in PEM, leaf first; own serial number in hexadecimal; until when it is good, epoch seconds."""

    chain: str
    serial: str
    until_s: float


class Authority:
    """The authority of one folder."""

    def __init__(self, folder: Path, operator: str = "Evloom") -> None:
        self._folder = folder
        self._operator = operator

    def certificate(self, now_s: float) -> x509.Certificate:
        """The root certificate."""
        return self._root(now_s)[0]

    def pem(self, now_s: float) -> str:
        """The root certificate in PEM, for the gateway's TLS and for stations."""
        return _pem(self.certificate(now_s))

    def sign(self, csr: str, names: frozenset[str], now_s: float) -> Signed:
        """A certificate for the request, whose common name must be one of `names`. Raises CsrRefused."""
        request = _request(csr)
        common = _common_name(request.subject)
        if common.casefold() not in {name.casefold() for name in names if name}:
            raise CsrRefused("CommonName", f"the common name is {common!r} and not the station's identity or serial number")
        root, key = self._root(now_s)
        begin = moment(now_s)
        leaf = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(root.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin - BACKDATED)
            .not_valid_after(begin + timedelta(days=LEAF_DAYS))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        serial = f"{leaf.serial_number:X}"
        _write(self._folder / "issued" / f"{serial}.pem", leaf.public_bytes(serialization.Encoding.PEM), 0o644)
        return Signed(_pem(leaf) + _pem(root), serial, leaf.not_valid_after_utc.timestamp())

    def issued(self, serial: str) -> x509.Certificate | None:
        """A certificate that we have signed, by its serial number in hexadecimal."""
        path = self._folder / "issued" / f"{_digits(serial)}.pem"
        return x509.load_pem_x509_certificate(path.read_bytes()) if path.is_file() else None

    def revoke(self, serial: str, now_s: float) -> bool:
        """From now on the certificate is not good; False where we have signed no such."""
        if self.issued(serial) is None:
            return False
        _write(self._folder / "issued" / f"{_digits(serial)}.revoked", f"{now_s:.0f}".encode(), 0o644)
        return True

    def revoked_at_s(self, serial: str) -> float | None:
        """When it was revoked, None where it was not."""
        path = self._folder / "issued" / f"{_digits(serial)}.revoked"
        return float(path.read_text()) if path.is_file() else None

    def key(self, now_s: float) -> ec.EllipticCurvePrivateKey:
        """The root's key, to sign statements about certificates."""
        return self._root(now_s)[1]

    def due(self, now_s: float, within_s: float) -> dict[str, float]:
        """Common names whose latest certificate ends within so long, and when."""
        until: dict[str, float] = {}
        for path in sorted((self._folder / "issued").glob("*.pem")):
            one = x509.load_pem_x509_certificate(path.read_bytes())
            name = _common_name(one.subject)
            until[name] = max(until.get(name, 0.0), one.not_valid_after_utc.timestamp())
        return {name: until_s for name, until_s in until.items() if now_s < until_s <= now_s + within_s}

    def _root(self, now_s: float) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key_path, path = self._folder / "ca.key", self._folder / "ca.pem"
        if not (key_path.is_file() and path.is_file()):
            self._make(key_path, path, now_s)
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate(path.read_bytes()), key

    def _make(self, key_path: Path, path: Path, now_s: float) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self._operator),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{self._operator} stations"),
            ]
        )
        begin = moment(now_s)
        root = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin - BACKDATED)
            .not_valid_after(begin + timedelta(days=ROOT_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(ca=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        _write(key_path, secret, 0o600)
        _write(path, root.public_bytes(serialization.Encoding.PEM), 0o644)


def _request(csr: str) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        request.public_key()
    except (ValueError, TypeError) as error:
        raise CsrRefused("Unreadable", f"the request is no PKCS#10 request in PEM: {error}") from error
    try:
        good = request.is_signature_valid
    except (InvalidSignature, ValueError):
        good = False
    if not good:
        raise CsrRefused("Signature", "the request is not signed by the key that it contains")
    key = request.public_key()
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_MIN_BITS) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= EC_MIN_BITS
    )
    if not strong:
        raise CsrRefused("Key", "the key must be RSA with 2048 bits or ECDSA with 224 bits at least")
    return request


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def moment(now_s: float) -> datetime:
    """The instant in whole seconds, as certificates have it."""
    return datetime.fromtimestamp(int(now_s), UTC)


def _digits(serial: str) -> str:
    """A serial number as it names a file: hexadecimal digits in capitals without leading zeros, and nothing else."""
    return "".join(letter for letter in serial.upper() if letter in "0123456789ABCDEF").lstrip("0")


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, with its rights from the beginning."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
