import asyncio

import pytest
from cryptography import x509

from evloom.pile.command import GiveCertificate
from evloom.serve.certificates.authority import Authority
from evloom.serve.desk.certificates import AFTER_ANSWER_S, ROOTS
from evloom.serve.desk.ports import Ports
from tests.unit.serve.certificates.test_authority import chain, csr, hash_of
from tests.unit.serve.desk.counter import NOON_S, V16, V21, V201, run


class Orders(list):
    async def __call__(self, station_id, command):
        self.append((station_id, command))


@pytest.mark.parametrize("version", [V16, V201, V21])
def test_a_station_asks_for_a_certificate_and_is_sent_it(tmp_path, version):
    orders = Orders()
    more = {"requestId": 7} if version is V21 else {}

    async def story(here):
        await here.boot(version)
        assert await here.ask(version, "SignCertificate", csr=csr("S"), **more) == {"status": "Accepted"}
        assert orders == []  # the answer goes first
        assert (await here.ask(version, "SignCertificate", csr=csr("another")))["status"] == "Rejected"
        await asyncio.sleep(AFTER_ANSWER_S + 0.1)

    run(tmp_path, story, ports=Ports(order=orders), certificates=tmp_path / "ca")
    ((station_id, command),) = orders
    assert (station_id, type(command), command.kind) == ("S", GiveCertificate, "ChargingStation")
    assert command.request == (7 if version is V21 else None)
    assert len(x509.load_pem_x509_certificates(command.chain.encode())) == 2


def test_certificates_of_a_kind_that_we_do_not_issue_are_refused(tmp_path):
    async def story(here):
        await here.boot(V201)
        answer = await here.ask(V201, "SignCertificate", csr=csr("S"), certificateType="V2GCertificate")
        assert (answer["status"], answer["statusInfo"]["reasonCode"]) == ("Rejected", "NoAuthority")

    run(tmp_path, story, certificates=tmp_path / "ca")


def hash_data(asked, **more):
    return {
        "hashAlgorithm": asked.algorithm,
        "issuerNameHash": asked.issuer_name,
        "issuerKeyHash": asked.issuer_key,
        "serialNumber": asked.serial,
        **more,
    }


def test_status_is_told_of_what_we_signed_and_of_nothing_else(tmp_path):
    authority = Authority(tmp_path / "ca")
    given = authority.sign(csr("S"), frozenset({"S"}), NOON_S)
    data = hash_data(hash_of(authority, given.serial))
    other = {**data, "issuerKeyHash": "00"}

    async def story(here):
        await here.boot(V21)
        good = await here.ask(V21, "GetCertificateStatus", ocspRequestData={**data, "responderURL": "http://x"})
        assert (good["status"], bool(good["ocspResult"])) == ("Accepted", True)
        assert (await here.ask(V21, "GetCertificateStatus", ocspRequestData={**other, "responderURL": ""}))["status"] == "Failed"
        asked = [{"certificateHashData": one, "source": "OCSP", "urls": ["http://x"]} for one in (data, other)]
        answer = await here.ask(V21, "GetCertificateChainStatus", certificateStatusRequests=asked)
        assert [one["status"] for one in answer["certificateStatus"]] == ["Good", "Unknown"]

    run(tmp_path, story, certificates=tmp_path / "ca")


@pytest.mark.parametrize(
    ("how", "token", "verdict", "certificate"),
    [
        ({}, "DE-8AA-A1", "Accepted", "Accepted"),
        ({"trusted": False}, "DE8AAA1", "Invalid", "CertChainError"),
        ({"days": (-3, -1)}, "DE8AAA1", "Invalid", "CertificateExpired"),
        ({"emaid": "ANOTHER"}, "DE8AAA1", "Invalid", "CertChainError"),
        ({}, "blocked", "Invalid", "CertChainError"),
    ],
)
def test_plug_and_charge(tmp_path, how, token, verdict, certificate):
    pem, root = chain(**how)
    roots = tmp_path / "ca" / ROOTS
    roots.mkdir(parents=True)
    (roots / "mo.pem").write_text(root)

    async def story(here):
        here.now_s = NOON_S
        await here.add_token(token, "eMAID")
        await here.boot(V201)
        answer = await here.ask(V201, "Authorize", idToken={"idToken": token, "type": "eMAID"}, certificate=pem)
        assert (answer["idTokenInfo"]["status"], answer["certificateStatus"]) == (verdict, certificate)

    run(tmp_path, story, certificates=tmp_path / "ca")


def test_a_contract_that_was_cancelled(tmp_path):
    pem, root = chain()
    roots = tmp_path / "ca" / ROOTS
    roots.mkdir(parents=True)
    (roots / "mo.pem").write_text(root)

    async def story(here):
        await here.add_token("DE8AAA1", "eMAID", status="Blocked")
        await here.boot(V201)
        answer = await here.ask(V201, "Authorize", idToken={"idToken": "DE8AAA1", "type": "eMAID"}, certificate=pem)
        assert (answer["idTokenInfo"]["status"], answer["certificateStatus"]) == ("Blocked", "ContractCancelled")

    run(tmp_path, story, certificates=tmp_path / "ca")


@pytest.mark.parametrize(
    ("status", "told"), [("Good", "Accepted"), ("Revoked", "CertificateRevoked"), ("Unknown", "NoCertificateAvailable")]
)
def test_a_contract_by_its_hashes(tmp_path, status, told):
    data = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1", "responderURL": "http://x"}

    async def known(_hash):
        return status

    async def story(here):
        await here.add_token("DE8AAA1", "eMAID")
        await here.boot(V21)
        answer = await here.ask(V21, "Authorize", idToken={"idToken": "DE8AAA1", "type": "eMAID"}, iso15118CertificateHashData=[data])
        assert answer["certificateStatus"] == told
        assert answer["idTokenInfo"]["status"] == ("Accepted" if told == "Accepted" else "Invalid")

    run(tmp_path, story, ports=Ports(certificate=known))


def test_a_contract_for_a_car_is_honestly_refused(tmp_path):
    async def story(here):
        await here.boot(V201)
        answer = await here.ask(V201, "Get15118EVCertificate", iso15118SchemaVersion="x", action="Install", exiRequest="AA==")
        assert (answer["status"], answer["exiResponse"], answer["statusInfo"]["reasonCode"]) == ("Failed", "", "NoProvisioning")

    run(tmp_path, story)
