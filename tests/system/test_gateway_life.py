"""Chargers come, speak, are spoken to and go: a real gateway on a real port."""

import asyncio
import base64
import json

import pytest

from evloom.store import registry
from evloom.store.log import read
from tests.system.gateway_room import refused, room, until
from tests.system.ocpp_client import OcppClient, frame

pytestmark = pytest.mark.usefixtures("socket_enabled")


def test_a_station_comes_speaks_and_goes(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            client = await OcppClient.connect(here.port, "/ocpp/Halle%207", ("ocpp1.6", "ocpp2.0.1"))
            assert client.subprotocol == "ocpp2.0.1"
            assert await client.call("BootNotification", {"x": 1}) == {"heard": "BootNotification"}
            with pytest.raises(RuntimeError, match="NotImplemented"):
                await client.call("Unknown", {})
            with pytest.raises(RuntimeError, match="InternalError"):
                await client.call("Fail", {})
            assert here.gateway.is_here("Halle 7")
            outcome = await here.gateway.call("Halle 7", "Reset", b'{"type":"Immediate"}', 5.0)
            assert json.loads(outcome.payload or b"") == {"status": "Accepted"}
            assert client.asked == [("Reset", {"type": "Immediate"})]
            await client.close()
            await until(lambda: here.events("Halle 7") == ["StationConnected", "StationDisconnected"])
            assert not here.gateway.is_here("Halle 7")
            gone = await here.gateway.call("Halle 7", "Reset", b"{}", 5.0)
            assert (gone.code, gone.is_doubtful) == ("NotConnected", False)
            kept = await here.db.read(lambda conn: read(conn, "Halle 7"))
            assert [entry.kind for entry in kept] == ["StationConnected", "StationDisconnected"]

    asyncio.run(story())


def test_a_station_is_sent_offline_while_the_database_stays_away(tmp_path):
    """A word that is refused a few times is given up by the station; without a link it is kept."""

    async def story():
        async with room(tmp_path) as here:
            client = await OcppClient.connect(here.port, "/CP1")
            for action in ("Gone", "Gone", "Say", "Gone", "Gone"):  # an answer between them: it is there again
                if action == "Say":
                    assert await client.call(action, {}) == {"heard": "Say"}
                else:
                    with pytest.raises(RuntimeError, match="InternalError"):
                        await client.call(action, {})
            unanswered = asyncio.create_task(client.call("Gone", {}))
            await until(client.closed.done)
            assert (client.close_code, "keep what you have to say" in client.close_reason) == (1013, True)
            assert not unanswered.done() or unanswered.exception() is not None
            unanswered.cancel()
            await asyncio.gather(unanswered, return_exceptions=True)
            again = await OcppClient.connect(here.port, "/CP1")
            assert await again.call("Say", {}) == {"heard": "Say"}
            await again.close()

    asyncio.run(story())


def test_one_at_a_time_for_each_station_and_stations_at_the_same_time(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            here.desk.hold = asyncio.Event()
            clients = [await OcppClient.connect(here.port, f"/CP{n}") for n in range(5)]
            calls = [asyncio.create_task(client.call(f"Say{turn}", {})) for client in clients for turn in range(20)]
            await until(lambda: len(here.desk.busy) == 5)
            here.desk.hold.set()
            await asyncio.gather(*calls)
            assert here.desk.n_together == 5
            for n in range(5):
                assert [action for station, action in here.desk.asked if station == f"CP{n}"] == [f"Say{turn}" for turn in range(20)]
            for client in clients:
                await client.close()

    asyncio.run(story())


def test_wrong_sub_protocol_is_closed_after_the_handshake_as_ocpp_asks(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            for offered in (("ocpp1.5",), ()):
                client = await OcppClient.connect(here.port, "/ocpp/CP1", offered)
                await client.closed
                assert client.subprotocol == ""
                assert client.close_code == 1002
                assert "ocpp1.6" in client.close_reason
            assert here.events("CP1") == []
            assert [refusal.code for refusal in here.gateway.refusals.kept] == ["subprotocol"] * 2

    asyncio.run(story())


def test_the_newer_connection_closes_the_older_and_flapping_is_noticed(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            older = await OcppClient.connect(here.port, "/CP1")
            newer = await OcppClient.connect(here.port, "/CP1")
            await older.closed
            assert (older.close_code, older.close_reason) == (1008, "this station has connected anew")
            assert await newer.call("Heartbeat", {}) == {"heard": "Heartbeat"}
            for _ in range(3):
                newer = await OcppClient.connect(here.port, "/CP1")
            await until(lambda: here.events("CP1").count("StationConnected") == 5)
            await until(lambda: "Noted" in here.events("CP1"))
            assert "StationDisconnected" not in here.events("CP1")  # the station never was away
            assert len(here.gateway.connected()) == 1
            assert await newer.call("Heartbeat", {}) == {"heard": "Heartbeat"}
            await newer.close()
            await until(lambda: here.events("CP1")[-1:] == ["StationDisconnected"])

    asyncio.run(story())


def test_a_wrong_password_a_thousand_times_and_then_the_right_one(tmp_path):
    from evloom.serve.gateway.credential import hashed

    async def story():
        async with room(tmp_path, messages_per_s=1000.0) as here:
            values = {"password_hash": hashed("the-right-password"), "security_profile": 1, "accepted": "accepted"}
            await here.db.write(lambda conn: registry.put_station(conn, "CP1", values))
            statuses = [(await refused(here.port, "/CP1", auth=("CP1", f"wrong-{n}"))).status for n in range(1000)]
            assert set(statuses) == {401, 429}
            assert statuses[:10] == [401] * 10
            assert statuses.count(401) < 100
            other = await OcppClient.connect(here.port, "/CP1", auth=("CP1", "the-right-password"), source="127.0.0.2")
            assert await other.call("Heartbeat", {}) == {"heard": "Heartbeat"}
            other.drop()
            same = await OcppClient.connect(here.port, "/CP1", auth=("CP1", "the-right-password"))  # known by now: no wait
            same.drop()
            said = await refused(here.port, "/CP1")
            assert (said.status, "WWW-Authenticate: Basic" in said.head) == (401, True)

    asyncio.run(story())


def test_what_is_refused_says_why(tmp_path):
    async def story():
        async with room(tmp_path, unknown_stations="refuse") as here:
            said = await refused(here.port, "/ocpp/CP1")
            assert (said.status, "not registered" in said.body) == (404, True)
            assert (await refused(here.port, "/")).status == 404
            assert (await refused(here.port, "/%zz")).status == 400
            assert (await refused(here.port, "/CP1", headers="X: " + "a" * 20_000 + "\r\n")).status == 431
            assert (await refused(here.port, "/CP1", headers="Sec-WebSocket-Key: twice\r\n")).status == 400
            kept = here.gateway.refusals.of_station("CP1")
            assert kept[0].text.startswith("this station is not registered")
            values = {"accepted": "refused"}
            await here.db.write(lambda conn: registry.put_station(conn, "CP2", values))
            assert (await refused(here.port, "/CP2")).status == 403

    asyncio.run(story())


def test_no_more_connections_than_allowed(tmp_path):
    async def story():
        async with room(tmp_path, connections_max=3) as here:
            clients = [await OcppClient.connect(here.port, f"/CP{n}") for n in range(3)]
            said = await refused(here.port, "/CP9")
            assert (said.status, "Retry-After" in said.head) == (503, True)
            clients[0].drop()
            await until(lambda: len(here.gateway.connected()) == 2)
            clients.append(await OcppClient.connect(here.port, "/CP9"))
            for client in clients:
                client.drop()

    asyncio.run(story())


def test_a_call_that_is_not_answered_and_one_whose_link_is_lost(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            client = await OcppClient.connect(here.port, "/CP1", answers=lambda action, payload: None)
            silent = await here.gateway.call("CP1", "Reset", b"{}", 0.1)
            assert (silent.payload, silent.code, silent.is_doubtful) == (None, "Timeout", True)
            calls = [asyncio.create_task(here.gateway.call("CP1", f"Call{n}", b"{}", 5.0)) for n in range(3)]
            await until(lambda: [action for action, _ in client.asked] == ["Reset", "Call0"])
            client.drop()
            first, *rest = await asyncio.gather(*calls)
            assert (first.code, first.is_doubtful) == ("Closed", True)
            assert {(one.code, one.is_doubtful) for one in rest} == {("NotConnected", False)}

    asyncio.run(story())


def test_a_station_that_comes_back_is_known_by_its_last_link_only(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            for _ in range(3):
                client = await OcppClient.connect(here.port, "/CP1")
                client.drop()
            await until(lambda: here.events("CP1").count("StationConnected") == 3 and not here.gateway.is_here("CP1"))
            await until(lambda: here.events("CP1")[-1:] == ["StationDisconnected"])

    asyncio.run(story())


def test_a_stop_says_goodbye(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            clients = [await OcppClient.connect(here.port, f"/CP{n}") for n in range(10)]
        await asyncio.gather(*(client.closed for client in clients))
        assert {(client.close_code, client.close_reason) for client in clients} == {(1001, "the platform is going down")}
        assert {here.events(f"CP{n}")[-1] for n in range(10)} == {"StationDisconnected"}

    asyncio.run(story())


def test_messages_in_parts_pings_and_compression(tmp_path):
    async def story():
        async with room(tmp_path, compression=True) as here:
            offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
            client = await OcppClient.connect(here.port, "/CP1", headers=offer)
            assert "server_no_context_takeover" in client.head
            plain = await OcppClient.connect(here.port, "/CP2")
            assert "Extensions" not in plain.head
            text = b'[2,"in-parts","Heartbeat",{}]'
            future = plain.calls["in-parts"] = asyncio.get_running_loop().create_future()
            plain.transport.write(frame(text[:5], 1, False) + frame(b"ping", 9) + frame(text[5:9], 0, False) + frame(text[9:], 0))
            assert (await future)[2] == {"heard": "Heartbeat"}
            assert plain.pongs == 1
            client.drop()
            plain.drop()

    asyncio.run(story())


def test_what_is_no_handshake_is_told_so(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            answers = []
            for request in (
                b"GET /CP1 HTTP/1.1\r\nHost: x\r\n\r\n",
                b"POST /CP1 HTTP/1.1\r\nHost: x\r\n\r\n",
                b"\x16\x03\x01 hello\r\n\r\n",
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
                writer.write(request)
                answers.append((await asyncio.wait_for(reader.read(), 5.0)).partition(b"\r\n")[0])
                writer.close()
            assert answers == [b"HTTP/1.1 426 Upgrade Required", b"HTTP/1.1 405 Method Not Allowed", b"HTTP/1.1 400 Bad Request"]

    asyncio.run(story())


def test_basic_auth_of_bytes(tmp_path):
    """A 1.6 station with an AuthorizationKey sends the bytes that its digits stand for."""
    from evloom.serve.gateway.credential import hashed

    async def story():
        async with room(tmp_path) as here:
            values = {"password_hash": hashed("00ff" * 10), "security_profile": 1}
            await here.db.write(lambda conn: registry.put_station(conn, "CP1", values))
            header = base64.b64encode(b"CP1:" + bytes.fromhex("00ff" * 10)).decode()
            client = await OcppClient.connect(here.port, "/CP1", headers=f"Authorization: Basic {header}\r\n")
            (link,) = here.gateway.connected()
            assert link.caller.security_profile == 1
            client.drop()

    asyncio.run(story())
