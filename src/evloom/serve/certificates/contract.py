"""Contract certificates of cars (Plug & Charge): does a chain lead to a root that the operator trusts?

The roots are the PEM files in a folder that the operator fills with those of mobility operators. Whether a certificate was revoked cannot
be seen from the chain; docs/ocpp-meaning.md says so.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

CHAIN_MAX = 6


@dataclass(frozen=True, slots=True)
class Checked:
    """status as OCPP says it ("Accepted", "CertificateExpired", "SignatureError", "CertChainError"); emaid of the leaf, "" unknown."""

    status: str
    emaid: str = ""


def roots_in(folder: Path) -> list[x509.Certificate]:
    """The roots that the operator trusts. Files that are no certificates are passed over."""
    found: list[x509.Certificate] = []
    for path in sorted(folder.glob("*.pem")):
        try:
            found.extend(x509.load_pem_x509_certificates(path.read_bytes()))
        except ValueError:
            continue
    return found


def checked(chain_pem: str, roots: list[x509.Certificate], now_s: float) -> Checked:
    """Whether the chain (leaf first) leads to one of the roots and is good now."""
    try:
        chain = x509.load_pem_x509_certificates(chain_pem.encode())[:CHAIN_MAX]
        emaid = _emaid(chain[0])
    except ValueError:
        return Checked("CertChainError")
    if any(not one.not_valid_before_utc.timestamp() <= now_s <= one.not_valid_after_utc.timestamp() for one in chain):
        return Checked("CertificateExpired", emaid)
    for child, issuer in pairwise(chain):
        if not _is_authority(issuer) or not _issued(child, issuer):
            return Checked("SignatureError", emaid)
    last = chain[-1]
    trusted = any(last == root or _issued(last, root) for root in roots)
    return Checked("Accepted" if trusted else "CertChainError", emaid)


def _emaid(leaf: x509.Certificate) -> str:
    found = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _issued(child: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
