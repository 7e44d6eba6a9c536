"""The network returns and every station with it: `evloom serve` as a process, 300 stations that charge (the bench has 2,000)."""

import asyncio

import pytest

from tools.bench.serve_server import Server
from tools.bench.serve_storm import storms

pytestmark = pytest.mark.usefixtures("socket_enabled")


def test_all_boot_no_session_twice_and_commands_arrive_once_or_end_visibly(tmp_path):
    with Server(tmp_path / "data", LOG__LEVEL="warning") as server:
        seen = asyncio.run(storms(server, n=300, times=3, n_command=20))
    assert (seen.n_connected, seen.n_session) == (300, 300)
    assert (seen.told_twice, seen.told_wrongly) == (0, 0)
    assert sum(seen.states.values()) == 60
    assert seen.sound, seen
