"""Vehicles that report to a running platform: what was taken is in the store of frames, and the raw frame beside it."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from evloom.serve.app import started
from evloom.serve.config import Config, Ocpp, Server
from evloom.serve.data_folder import DataFolder
from evloom.serve.system_clock import now_s
from evloom.serve.telematics.settings import Telematics
from evloom.store.battery.parquet_store import FrameReader
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.stream import Stream
from tests.system.test_live_meters import free_port
from tests.unit.serve.telematics.test_link import login, report

pytestmark = pytest.mark.usefixtures("socket_enabled")


def test_a_report_reaches_the_store(tmp_path):
    port = free_port()
    telematics = Telematics(enabled=True, port=port, answer_reports="always")
    config = Config(server=Server(data=str(tmp_path / "data")), ocpp=Ocpp(port=0), telematics=telematics)
    sent = []

    async def scene():
        with DataFolder(config) as folder:
            async with AsyncExitStack() as stack:
                await started(config, folder, stack)
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                answers: list[Frame] = []
                stream = Stream()
                at_s = now_s()  # a report that is years old is taken for a clock that is wrong
                writer.write(login(at_s=at_s) + report(at_s))
                sent.append(report(at_s))
                while len(answers) < 2:
                    data = await asyncio.wait_for(reader.read(65536), 20.0)
                    answers += [event for event in stream.feed(data) if isinstance(event, Frame)]
                writer.close()
                await writer.wait_closed()

    asyncio.run(scene())
    folder = tmp_path / "data" / "battery"
    store = FrameReader(folder)
    [pack] = store.packs()
    rows = sum(frames.n for frames in store.read(pack))
    assert rows == 1
    assert sent[0].hex() in "".join(path.read_text() for path in (folder / "raw").iterdir())
