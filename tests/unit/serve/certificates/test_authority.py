import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from evloom.serve.certificates.authority import Authority, CsrRefused
from evloom.serve.certificates.contract import checked, roots_in
from evloom.serve.certificates.status import response_for, status_of
from evloom.wire.ocpp.spoken import CertificateHash

NOW_S = 1_900_000_000.0
NOW = datetime.fromtimestamp(NOW_S, UTC)
DAY = timedelta(days=1)


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def csr(common, key=None):
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name(common))
        .sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM).decode()


def signed(folder, common="S"):
    authority = Authority(folder)
    return authority, authority.sign(csr(common), frozenset({"S", "serial-1"}), NOW_S)


def hash_of(authority, serial, algorithm="SHA256"):
    """What a station makes of a certificate of the authority, by another way: with the request that the library builds for OCSP."""
    kind = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}[algorithm]
    issued = authority.issued(serial)
    request = ocsp.OCSPRequestBuilder().add_certificate(issued, authority.certificate(NOW_S), kind).build()
    return CertificateHash(algorithm, request.issuer_name_hash.hex(), request.issuer_key_hash.hex(), f"{request.serial_number:x}")


@pytest.mark.parametrize("common", ["S", "s", "serial-1"])
def test_a_station_gets_a_certificate_that_leads_to_the_root(tmp_path, common):
    authority, given = signed(tmp_path, common)
    leaf, root = x509.load_pem_x509_certificates(given.chain.encode())
    leaf.verify_directly_issued_by(root)
    assert root == authority.certificate(NOW_S)
    assert leaf.not_valid_before_utc < NOW < NOW + 300 * DAY < leaf.not_valid_after_utc
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.subject == name(common)
    assert given.until_s == leaf.not_valid_after_utc.timestamp()


def test_the_root_is_made_once_and_its_key_is_kept_to_oneself(tmp_path):
    first = Authority(tmp_path / "ca").pem(NOW_S)
    assert Authority(tmp_path / "ca").pem(NOW_S + 1e6) == first
    assert (tmp_path / "ca" / "ca.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("request_pem", "reason"),
    [
        (csr("another"), "CommonName"),
        (csr("S", rsa.generate_private_key(65537, 1024)), "Key"),
        ("no request", "Unreadable"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "Unreadable"),
    ],
)
def test_what_is_not_signed(tmp_path, request_pem, reason):
    with pytest.raises(CsrRefused) as refused:
        Authority(tmp_path).sign(request_pem, frozenset({"S", ""}), NOW_S)
    assert refused.value.reason == reason
    assert refused.value.info


def test_a_request_signed_by_another_key_is_refused(tmp_path):
    der = bytearray(base64.b64decode("".join(csr("S").splitlines()[1:-1])))
    der[-3] ^= 1
    text = base64.encodebytes(bytes(der)).decode()
    with pytest.raises(CsrRefused) as refused:
        Authority(tmp_path).sign(f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n", frozenset({"S"}), NOW_S)
    assert refused.value.reason in ("Signature", "Unreadable")


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
def test_the_status_of_what_we_signed(tmp_path, algorithm):
    authority, given = signed(tmp_path)
    asked = hash_of(authority, given.serial, algorithm)
    assert status_of(authority, asked, NOW_S) == "Good"
    assert authority.revoke(given.serial.lower(), NOW_S)
    assert status_of(authority, asked, NOW_S) == "Revoked"
    response = ocsp.load_der_ocsp_response(base64.b64decode(response_for(authority, asked, NOW_S) or ""))
    assert (response.response_status, response.certificate_status) == (ocsp.OCSPResponseStatus.SUCCESSFUL, ocsp.OCSPCertStatus.REVOKED)
    assert f"{response.serial_number:X}" == given.serial
    kind = response.signature_hash_algorithm
    assert kind is not None
    authority.key(NOW_S).public_key().verify(response.signature, response.tbs_response_bytes, ec.ECDSA(kind))


def test_what_we_did_not_sign_is_not_vouched_for(tmp_path):
    authority, given = signed(tmp_path / "one")
    other, _ = signed(tmp_path / "other")
    asked = hash_of(authority, given.serial)
    unknown = CertificateHash("SHA256", asked.issuer_name, asked.issuer_key, "ABC")
    assert status_of(authority, unknown, NOW_S) == "Unknown"
    assert response_for(authority, unknown, NOW_S) is None
    assert status_of(other, asked, NOW_S) is None
    assert status_of(other, CertificateHash("MD5", "", "", "../ca"), NOW_S) is None
    assert not other.revoke("../../ca", NOW_S)


def test_certificates_that_are_due(tmp_path):
    authority, _ = signed(tmp_path)
    assert authority.due(NOW_S, 86400.0) == {}
    late_s = NOW_S + 390 * 86400.0
    assert list(authority.due(late_s, 30 * 86400.0)) == ["S"]
    authority.sign(csr("S"), frozenset({"S"}), late_s)
    assert authority.due(late_s, 30 * 86400.0) == {}


def chain(*, emaid="DE8AAA1", days=(-1, 1), trusted=True, forged=False):
    """A root, and the chain of a contract below it in PEM."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    names = [name("MO root"), name("MO sub"), name(emaid)]
    made = []
    for n, (key, subject) in enumerate(zip(keys, names, strict=True)):
        begin, end = (NOW + days[0] * DAY, NOW + days[1] * DAY) if n == 2 else (NOW - 9 * DAY, NOW + 9 * DAY)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(names[max(n - 1, 0)]).public_key(key.public_key())
        builder = builder.serial_number(n + 1).not_valid_before(begin).not_valid_after(end)
        builder = builder.add_extension(x509.BasicConstraints(ca=n < 2, path_length=None), critical=True)
        made.append(builder.sign(keys[2] if forged and n == 2 else keys[max(n - 1, 0)], hashes.SHA256()))
    pem = [one.public_bytes(serialization.Encoding.PEM).decode() for one in made]
    return pem[2] + pem[1], pem[0] if trusted else ""


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({}, "Accepted"),
        ({"days": (-3, -1)}, "CertificateExpired"),
        ({"trusted": False}, "CertChainError"),
        ({"forged": True}, "SignatureError"),
    ],
)
def test_contract_certificates(tmp_path, how, status):
    pem, root = chain(**how)
    (tmp_path / "root.pem").write_text(root or "no certificate")
    found = checked(pem, roots_in(tmp_path), NOW_S)
    assert (found.status, found.emaid) == (status, "DE8AAA1")


def test_a_chain_that_is_none(tmp_path):
    assert checked("PEM", roots_in(tmp_path / "none"), NOW_S).status == "CertChainError"
