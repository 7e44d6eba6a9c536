"""The status of certificates: of those that we have signed we know it, and say it as an OCSP response (RFC 6960)."""

import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from evloom.serve.certificates.authority import Authority, moment
from evloom.wire.ocpp.spoken import CertificateHash

GOOD_S = 7 * 86400.0
"""So long a status holds. ISO 15118-2 lets stations keep one for a week."""

ALGORITHMS: dict[str, hashes.HashAlgorithm] = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}


def is_ours(authority: Authority, asked: CertificateHash, now_s: float) -> bool:
    """Whether the hashes name our authority as the issuer."""
    algorithm = ALGORITHMS.get(asked.algorithm)
    if algorithm is None:
        return False
    root = authority.certificate(now_s)
    name, key = _hash(root.subject.public_bytes(), algorithm), _hash(_key_bits(root), algorithm)
    return asked.issuer_name.lower() == name and asked.issuer_key.lower() == key


def status_of(authority: Authority, asked: CertificateHash, now_s: float) -> str | None:
    """ "Good", "Revoked" or "Unknown" for a certificate of ours; None for one of another issuer."""
    if not is_ours(authority, asked, now_s):
        return None
    if authority.issued(asked.serial) is None:
        return "Unknown"
    return "Good" if authority.revoked_at_s(asked.serial) is None else "Revoked"


def response_for(authority: Authority, asked: CertificateHash, now_s: float) -> str | None:
    """An OCSP response about a certificate that we have signed, base64 of its DER; None for any other."""
    if status_of(authority, asked, now_s) not in ("Good", "Revoked"):
        return None
    issued = authority.issued(asked.serial)
    assert issued is not None
    root = authority.certificate(now_s)
    revoked_s = authority.revoked_at_s(asked.serial)
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=issued,
            issuer=root,
            algorithm=ALGORITHMS[asked.algorithm],
            cert_status=ocsp.OCSPCertStatus.GOOD if revoked_s is None else ocsp.OCSPCertStatus.REVOKED,
            this_update=moment(now_s),
            next_update=moment(now_s + GOOD_S),
            revocation_time=None if revoked_s is None else moment(revoked_s),
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, root)
        .sign(authority.key(now_s), hashes.SHA256())
    )
    return base64.b64encode(response.public_bytes(serialization.Encoding.DER)).decode()


def _hash(data: bytes, algorithm: hashes.HashAlgorithm) -> str:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize().hex()


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The public key as OCSP hashes it: the bit string of the key, without its algorithm."""
    key = certificate.public_key()
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
