"""The port of vehicles over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from evloom.serve.telematics.gateway import TelematicsGateway
from evloom.serve.telematics.settings import Telematics
from evloom.vehicle.telemetry import Frames
from evloom.wire.gbt32960 import messages as m
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.parameters import period_of
from evloom.wire.gbt32960.stream import Stream
from evloom.wire.gbt32960.translate import answer
from evloom.wire.gbt32960.words import Command, Result
from tests.unit.serve.telematics.test_link import NOW_S, login, platform, report
from tests.unit.wire.gbt32960 import samples

pytestmark = pytest.mark.usefixtures("socket_enabled")
HOST, FORWARDED = "127.0.0.1", "LEVLM000000000009"


class Kept:
    """A sink that remembers, and breaks when it is told to."""

    def __init__(self) -> None:
        self.rows = 0
        self.raw: list[bytes] = []
        self.broken = False
        self.slow: asyncio.Event | None = None

    async def __call__(self, frames: Frames, raw: list[bytes]) -> None:
        if self.slow is not None:
            await self.slow.wait()
        if self.broken:
            raise OSError("the disk is full")
        self.rows += frames.n
        self.raw += raw


class Vehicle:
    """A vehicle's terminal."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self._stream = reader, writer, Stream()
        self._came: list[Frame] = []

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> Frame | None:
        """The next answer; None when the connection is closed."""
        while not self._came:
            data = await asyncio.wait_for(self.reader.read(65536), 20.0)
            if not data:
                return None
            self._came += [event for event in self._stream.feed(data) if isinstance(event, Frame)]
        return self._came.pop(0)

    async def asked(self, data: bytes) -> tuple[int, int] | None:
        await self.say(data)
        frame = await self.hear()
        return None if frame is None else (frame.command, frame.answer)

    async def close(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


class Room:
    """A gateway that runs, and vehicles that connect to it."""

    gateway: TelematicsGateway

    def __init__(self, kept: Kept) -> None:
        self.kept, self.now_s = kept, float(NOW_S)
        self.vehicles: list[Vehicle] = []

    async def vehicle(self, vin: str = "") -> Vehicle:
        vehicle = Vehicle(*await asyncio.open_connection(HOST, self.gateway.port))
        self.vehicles.append(vehicle)
        if vin:
            assert await vehicle.asked(login(vin)) == (Command.LOGIN, Result.SUCCESS)
        return vehicle


@asynccontextmanager
async def room(**rules: object) -> AsyncIterator[Room]:
    kept = Kept()
    settings = Telematics(enabled=True, port=0, platforms=("east:pass word",), **rules)  # type: ignore[arg-type]
    made = Room(kept)
    gateway = made.gateway = TelematicsGateway(settings, HOST, kept, lambda: made.now_s)
    await gateway.start()
    try:
        yield made
    finally:
        for vehicle in made.vehicles:
            await vehicle.close()
        await gateway.stop()


def run(test: Callable[[Room], Awaitable[None]], **rules: object) -> None:
    async def inside() -> None:
        async with room(**rules) as made:
            await test(made)

    asyncio.run(asyncio.wait_for(inside(), 60.0))


BEAT = samples.framed(m.Heartbeat(), Command.HEARTBEAT).encoded()


def test_a_vehicle_from_login_to_logout_byte_by_byte():
    async def test(made: Room) -> None:
        vehicle = await made.vehicle()
        for byte in login() + report() + BEAT:
            await vehicle.say(bytes((byte,)))
        assert [(frame.command, frame.answer) for frame in (await vehicle.hear(), await vehicle.hear()) if frame] == [(1, 1), (7, 1)]
        assert made.kept.raw == [login(), report()]
        assert made.kept.rows == 1
        assert made.gateway.counts["rows"] == 1

    run(test)


def test_rubbish_between_frames_and_a_length_that_lies():
    liar = bytearray(report(NOW_S + 1))
    liar[22:24] = b"\xf0\x00"

    async def test(made: Room) -> None:
        vehicle = await made.vehicle(samples.VIN)
        await vehicle.say(b"rubbish ##" + report() + bytes(liar) + report(NOW_S + 2) + BEAT)
        beat = await vehicle.hear()
        assert beat is not None  # after half_frame_s the liar is given up
        assert beat.command == Command.HEARTBEAT
        assert made.kept.raw == [login(), report(), report(NOW_S + 2)]
        assert made.gateway.counts["frame.bad"] >= 1

    run(test, half_frame_s=0.3)


def test_what_is_not_kept_is_answered_as_an_error():
    async def test(made: Room) -> None:
        vehicle = await made.vehicle(samples.VIN)
        made.kept.broken = True
        assert await vehicle.asked(report()) == (Command.REPORT, Result.ERROR)
        made.kept.broken = False
        await vehicle.say(report())
        assert await vehicle.asked(BEAT) == (Command.HEARTBEAT, Result.SUCCESS)
        assert made.kept.raw == [login(), report()]

    run(test)


def test_no_answer_before_it_is_kept():
    async def test(made: Room) -> None:
        east = await made.vehicle()
        assert await east.asked(platform()) == (Command.PLATFORM_LOGIN, Result.SUCCESS)
        made.kept.slow = asyncio.Event()
        await east.say(report())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.create_task(east.hear())), 0.3)
        made.kept.slow.set()
        await asyncio.sleep(0.2)
        assert made.kept.raw == [report()]

    run(test)


def test_a_vehicle_that_connects_anew_ends_its_old_connection():
    async def test(made: Room) -> None:
        old = await made.vehicle(samples.VIN)
        new = await made.vehicle()
        assert await new.asked(login(serial=2)) == (Command.LOGIN, Result.SUCCESS)
        assert await old.hear() is None
        assert await new.asked(BEAT) == (Command.HEARTBEAT, Result.SUCCESS)

    run(test)


def test_who_does_not_log_in_says_nothing_or_never_ends_is_closed():
    async def test(made: Room) -> None:
        mute, slow, idle = await made.vehicle(), await made.vehicle(), await made.vehicle(samples.VIN)
        await slow.say(login()[:30])
        for vehicle in (mute, slow, idle):
            assert await vehicle.hear() is None

    run(test, login_s=0.5, idle_s=0.6, half_frame_s=0.2)


def test_who_does_not_read_our_answers_is_closed():
    async def test(made: Room) -> None:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, (HOST, made.gateway.port))
            with suppress(OSError, TimeoutError):
                await loop.sock_sendall(deaf, login())
                async with asyncio.timeout(20.0):
                    while True:
                        await loop.sock_sendall(deaf, BEAT * 200)
        async with asyncio.timeout(20.0):
            while made.gateway.n_connection:  # noqa: ASYNC110  nothing tells that it is closed but its number
                await asyncio.sleep(0.05)

    run(test, write_s=0.3, frames_per_s=1e9)


def test_no_more_connections_than_allowed_and_fast_senders_are_slowed():
    async def test(made: Room) -> None:
        first = await made.vehicle(samples.VIN)
        second = await made.vehicle()
        assert await second.hear() is None
        await first.say(b"".join(report(NOW_S + k) for k in range(40)))
        assert await first.asked(BEAT) == (Command.HEARTBEAT, Result.SUCCESS)
        assert made.kept.rows == 40
        assert made.gateway.counts["slowed"] > 0
        assert made.gateway.counts["connection.refused"] == 1

    run(test, connections_max=1, frames_per_s=15.0)


def test_many_vehicles_at_once():
    async def test(made: Room) -> None:
        async def drive(number: int) -> None:
            vehicle = await made.vehicle(f"VIN{number:014d}")
            for k in range(20):
                await vehicle.say(report(NOW_S + k, vin=f"VIN{number:014d}"))
            beat = samples.framed(m.Heartbeat(), Command.HEARTBEAT, vin=f"VIN{number:014d}").encoded()
            assert await vehicle.asked(beat) == (Command.HEARTBEAT, Result.SUCCESS)

        await asyncio.gather(*(drive(number) for number in range(40)))
        assert made.kept.rows == 800
        assert len(made.gateway.vehicles) == 40
        assert sum(vehicle.online for vehicle in made.gateway.vehicles) == 40

    run(test)


def test_a_stop_keeps_what_came():
    async def test(made: Room) -> None:
        vehicle = await made.vehicle(samples.VIN)
        await vehicle.say(report())
        assert await vehicle.asked(BEAT) == (Command.HEARTBEAT, Result.SUCCESS)
        await made.gateway.stop()
        assert await vehicle.hear() is None
        assert made.kept.rows == 1
        assert made.gateway.n_connection == 0

    run(test)


def test_recorded_frames_of_many_makers_through_one_platform(data_dir):
    frames = samples.recorded(data_dir("gbt32960_frames"))
    reports = {number for number, raw in frames.items() if raw[2] in (2, 3) and number != 1}

    async def test(made: Room) -> None:
        east = await made.vehicle()
        assert await east.asked(platform()) == (Command.PLATFORM_LOGIN, Result.SUCCESS)
        said: dict[int, tuple[int, int] | None] = {}
        for number, raw in frames.items():
            if number in (1, 29, 31, 32, 34):  # half a frame; another platform's login and logout; an answer
                continue
            said[number] = await east.asked(raw)
        assert {number for number, answer in said.items() if answer == (Command.REPORT, Result.SUCCESS)} == reports
        assert {number for number, answer in said.items() if answer is not None and answer[1] != Result.SUCCESS} == {28, 35, 44}
        assert made.kept.rows == 7  # whole rows, of 0, 4, 6, 10, 11, 40, 41
        await east.close()
        async with asyncio.timeout(20.0):
            while made.gateway.n_connection:  # noqa: ASYNC110  nothing tells that it is closed but its number
                await asyncio.sleep(0.05)
        assert made.kept.rows == 11  # 2 has 184 of 384 cells, 22 cells alone, 23 probes alone of two batteries

    run(test)


async def told_to_set(vehicle: Vehicle) -> tuple[int | None, Frame]:
    """The period that a terminal is told, and the command."""
    frame = await vehicle.hear()
    assert frame is not None
    assert (frame.command, frame.answer) == (Command.SET, Result.COMMAND)
    return period_of(samples.read(frame)), frame


def test_a_linked_terminal_is_told_its_period_and_a_forwarded_vehicle_is_not():
    async def test(made: Room) -> None:
        terminals = made.gateway.terminals
        near, far = await made.vehicle(samples.VIN), await made.vehicle()
        assert await far.asked(platform()) == (Command.PLATFORM_LOGIN, Result.SUCCESS)
        assert await far.asked(report(vin=FORWARDED)) == (Command.REPORT, Result.SUCCESS)
        for vin in (samples.VIN, FORWARDED):
            terminals.order(vin, 4.4, NOW_S + 3600.0)
        period_s, frame = await told_to_set(near)
        assert period_s == 4
        await near.say(answer(frame, Result.SUCCESS, NOW_S))
        assert await near.asked(BEAT) == (Command.HEARTBEAT, Result.SUCCESS)
        boxes = {box.vehicle_id: box for box in terminals.boxes()}
        assert (boxes[samples.VIN].interval_s, boxes[samples.VIN].online) == (4.0, True)
        order = boxes[samples.VIN].order
        assert order is not None
        assert order.status == "acknowledged"
        other = boxes[FORWARDED].order
        assert other is not None
        assert other.status == "waiting"
        assert (made.gateway.counts["terminal.told"], made.gateway.counts["frame.refused"]) == (1, 0)

    run(test)


def test_a_terminal_that_never_answers_is_told_again_and_then_shown_as_silent():
    async def test(made: Room) -> None:
        vehicle = await made.vehicle(samples.VIN)
        made.gateway.terminals.order(samples.VIN, 1.0, NOW_S + 3600.0)
        for _ in range(2):
            assert (await told_to_set(vehicle))[0] == 1
            made.now_s += 10.0
        async with asyncio.timeout(20.0):
            while not made.gateway.counts["terminal.silent"]:  # noqa: ASYNC110  what the gateway counts
                await asyncio.sleep(0.02)
        assert made.gateway.terminals.boxes()[0].silent_since_s == NOW_S
        assert made.gateway.n_connection == 1

    run(test, box_tries=2)
