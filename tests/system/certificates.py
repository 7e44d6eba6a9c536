"""Certificates for tests: an authority, and what it signs."""

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BEGIN = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, both in one PEM file."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    file: Path


class Authority:
    """Signs certificates into `folder`."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        self._folder = folder
        self._name = name
        self.pair = self._made(name, None, ca=True)

    @property
    def file(self) -> str:
        """The authority's own certificate."""
        return str(self.pair.file)

    def signed(self, name: str, dns: str = "") -> Pair:
        """A certificate with a common name, and a DNS name."""
        return self._made(name, self.pair, dns=dns)

    def client(self, pair: Pair | None = None) -> ssl.SSLContext:
        """What a station connects with, showing `pair`."""
        context = ssl.create_default_context(cafile=self.file)
        context.check_hostname = False
        if pair is not None:
            context.load_cert_chain(pair.file)
        return context

    def _made(self, name: str, issuer: Pair | None, dns: str = "", ca: bool = False) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(BEGIN)
            .not_valid_after(END)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if dns:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
        certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
        file = self._folder / f"{self._name}-{name}.pem".replace(" ", "-")
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + secret)
        return Pair(certificate, key, file)
