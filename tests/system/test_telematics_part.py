"""The part as the platform starts it: TLS, settings that are off, a certificate that is not there."""

import asyncio
import ssl

import pytest

from evloom.kernel.errors import InputError
from evloom.serve.telematics.part import Telemetry
from evloom.serve.telematics.settings import Telematics
from evloom.vehicle.telemetry import Frames
from evloom.wire.gbt32960.stream import Stream
from tests.system.certificates import Authority
from tests.unit.serve.telematics.test_link import NOW_S, login, report


class Kept:
    def __init__(self) -> None:
        self.raw: list[bytes] = []

    async def __call__(self, frames: Frames, raw: list[bytes]) -> None:
        self.raw += raw


@pytest.mark.usefixtures("socket_enabled")
def test_a_vehicle_over_tls(tmp_path):
    authority = Authority(tmp_path)
    pair = authority.signed("localhost", "localhost")
    kept = Kept()

    async def test() -> None:
        part = Telemetry(Telematics(enabled=True, port=0, tls_certificate=str(pair.file)), "127.0.0.1", kept, lambda: NOW_S)
        await part.start()
        try:
            context = ssl.create_default_context(cafile=authority.file)
            reader, writer = await asyncio.open_connection("127.0.0.1", part.gateway.port, ssl=context, server_hostname="localhost")
            writer.write(report() + login() + report())
            said = Stream().feed(await asyncio.wait_for(reader.readexactly(62), 10.0))
            assert [event.raw[2:4] for event in said if hasattr(event, "raw")] == [b"\x02\x02", b"\x01\x01"]
            writer.close()
            await writer.wait_closed()
        finally:
            await part.stop()
        assert part.counts()["vehicles.frame.refused"] == 1

    asyncio.run(test())
    assert kept.raw == [login(), report()]


def test_nothing_listens_where_nothing_is_set():
    async def test() -> None:
        part = Telemetry(Telematics(), "127.0.0.1", Kept(), lambda: NOW_S)
        await part.start()
        assert part.gateway.port == 0
        assert not part.boxes.connected
        await part.stop()

    asyncio.run(test())


def test_a_certificate_that_is_not_there_is_said_at_once(tmp_path):
    with pytest.raises(InputError) as refused:
        Telemetry(Telematics(tls_certificate=str(tmp_path / "none.pem")), "127.0.0.1", Kept(), lambda: NOW_S)
    assert refused.value.findings[0].field == "telematics.tls_certificate"
