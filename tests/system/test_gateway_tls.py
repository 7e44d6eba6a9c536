"""Security profiles 2 and 3 on a real TLS port."""

import asyncio
import ssl

import pytest

from evloom.kernel.errors import InputError
from evloom.serve.config import Ocpp
from evloom.serve.gateway import gateway
from evloom.serve.gateway.credential import hashed
from evloom.serve.gateway.tls import server_context
from evloom.store import registry
from tests.system.certificates import Authority
from tests.system.gateway_room import refused, room, until
from tests.system.ocpp_client import OcppClient

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


def _context(authority: Authority, **more) -> ssl.SSLContext:
    server = authority.signed("localhost", dns="localhost")
    context = server_context(Ocpp(tls_certificate=str(server.file), client_ca=authority.file, **more))
    assert context is not None
    return context


async def _register(here, station_id: str, **values) -> None:
    await here.db.write(lambda conn: registry.put_station(conn, station_id, values))


def test_profiles_2_and_3(tmp_path, authority):
    async def story():
        async with room(tmp_path, tls=_context(authority)) as here:
            port = here.gateway.tls_port
            assert port not in (0, here.gateway.port)
            await _register(here, "BASIC", password_hash=hashed("a-password-of-16"), security_profile=2)
            await _register(here, "CERT", security_profile=3)
            await _register(here, "SERIAL", security_profile=3, serial="SN-5")
            basic = await OcppClient.connect(port, "/BASIC", auth=("BASIC", "a-password-of-16"), tls=authority.client())
            own = await OcppClient.connect(port, "/CERT", tls=authority.client(authority.signed("CERT")))
            by_serial = await OcppClient.connect(port, "/SERIAL", tls=authority.client(authority.signed("SN-5")))
            profiles = {link.station_id: link.caller.security_profile for link in here.gateway.connected()}
            assert profiles == {"BASIC": 2, "CERT": 3, "SERIAL": 3}
            for client in (basic, own, by_serial):
                assert await client.call("Heartbeat", {}) == {"heard": "Heartbeat"}
                await client.close()
            await until(lambda: not here.gateway.connected())

    asyncio.run(story())


def test_a_certificate_of_another_station_is_refused_and_said(tmp_path, authority):
    async def story():
        async with room(tmp_path, tls=_context(authority)) as here:
            await _register(here, "CERT", security_profile=3)
            said = await refused(here.gateway.tls_port, "/CERT", tls=authority.client(authority.signed("OTHER")))
            assert (said.status, "of OTHER, not of this station" in said.body) == (403, True)
            bare = await refused(here.gateway.tls_port, "/CERT", tls=authority.client())
            assert (bare.status, "with a certificate of the station" in bare.body) == (403, True)
            plain = await refused(here.gateway.port, "/CERT")
            assert plain.status == 403
            assert {refusal.code for refusal in here.gateway.refusals.of_station("CERT")} == {"certificate", "profile"}

    asyncio.run(story())


def test_a_certificate_of_another_authority_does_not_even_get_to_speak(tmp_path, authority):
    async def story():
        async with room(tmp_path, tls=_context(authority)) as here:
            foreign = authority.client(Authority(tmp_path, "Foreign CA").signed("CERT"))
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await OcppClient.connect(here.gateway.tls_port, "/CERT", tls=foreign)
            assert here.gateway.connected() == []

    asyncio.run(story())


def test_plain_text_on_the_tls_port_is_closed(tmp_path, authority):
    async def story():
        async with room(tmp_path, tls=_context(authority), enabled=False) as here:
            assert here.gateway.port == 0
            with pytest.raises(ConnectionError):
                await OcppClient.connect(here.gateway.tls_port, "/CERT")

    asyncio.run(story())


def test_a_huge_message_over_tls_is_refused_and_said(tmp_path, authority):
    async def story():
        async with room(tmp_path, tls=_context(authority)) as here:
            client = await OcppClient.connect(here.gateway.tls_port, "/CP1", tls=authority.client())
            client.transport.write(b"\x81\xff" + (20_000_000).to_bytes(8, "big") + b"mask" + bytes(2_000_000))
            await client.closed
            assert client.close_code == 1009

    asyncio.run(story())


def test_a_renewed_certificate_is_taken_without_a_restart(tmp_path, authority, monkeypatch):
    monkeypatch.setattr(gateway, "TICK_S", 0.02)
    monkeypatch.setattr(gateway, "RENEWAL_TICKS", 1)

    def serial(client: OcppClient) -> str:
        return str(client.transport.get_extra_info("peercert")["serialNumber"])

    async def story():
        context = _context(authority)
        settings = Ocpp(tls_certificate=str(tmp_path / "Test-CA-localhost.pem"))
        async with room(tmp_path, tls=context, tls_certificate=settings.tls_certificate) as here:
            before = await OcppClient.connect(here.gateway.tls_port, "/CP1", tls=authority.client())
            (tmp_path / "Test-CA-localhost.pem").write_text("half a certifi")
            await asyncio.sleep(0.1)
            authority.signed("localhost", dns="localhost")
            after = before
            while serial(after) == serial(before):
                after = await OcppClient.connect(here.gateway.tls_port, "/CP2", tls=authority.client())
            assert await before.call("Heartbeat", {}) == {"heard": "Heartbeat"}
            for client in (before, after):
                client.drop()

    asyncio.run(story())


def test_files_that_cannot_be_read_are_said(tmp_path):
    with pytest.raises(InputError, match=r"\[serve\.tls\]"):
        server_context(Ocpp(tls_certificate=str(tmp_path / "missing.pem")))
    assert server_context(Ocpp()) is None
