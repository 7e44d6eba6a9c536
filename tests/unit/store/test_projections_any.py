"""Whatever comes in whatever batches, with restarts and owners that change: the sessions are the fold of the log."""

import asyncio
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from evloom.pile.station import TransactionSaid
from evloom.pile.transaction import Session, fold, session_id
from evloom.store import cluster, log, session_rows
from evloom.store.database import Database, opened
from evloom.store.log import LogEntry
from evloom.store.tables.projections import session, station_state
from tests.unit.store.postgres import postgres_server
from tests.unit.store.words import START_S, charging, nine_samples

WORDS = st.builds(
    lambda station, transaction, phase, seq, after_s, kwh: LogEntry(
        station,
        TransactionSaid(transaction, phase, seq, 1, 1, token="CARD", samples=nine_samples(START_S + after_s, kwh)),
        START_S + after_s,
        START_S + after_s + 1,
        key=f"{transaction}:{seq}" if seq >= 0 else None,
    ),
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from(["T1", "T2"]),
    st.sampled_from(["started", "updated", "ended"]),
    st.integers(-1, 12),
    st.integers(0, 7200),
    st.floats(0.0, 200.0),
)


def folded(database: Database) -> dict[str, Session]:
    """The sessions, worked out here from the log."""
    found: dict[str, Session] = {}
    for kept in database.read_now(lambda conn: list(log.every(conn))):
        assert isinstance(kept.event, TransactionSaid)
        name = session_id(kept.station_id, kept.event.transaction)
        before = found.get(name, Session(station_id=kept.station_id))
        found[name] = fold(before, kept.event, kept.happened_at_s, kept.known_at_s)
    return found


def projected(database: Database) -> dict[str, Session]:
    database.caught_up_now()
    names = database.read_now(lambda conn: list(conn.execute(select(session.c.session_id)).scalars()))
    return database.read_now(lambda conn: session_rows.load(conn, names))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.lists(WORDS, max_size=8), st.booleans()), max_size=6))
def test_any_words_in_any_batches_with_restarts(tmp_path_factory, batches):
    folder: Path = tmp_path_factory.mktemp("any")
    database = opened(f"sqlite:///{folder / 'a.db'}")
    for words, restart in batches:
        database.append_now(words)
        if restart:
            database.close_now()
            database = opened(f"sqlite:///{folder / 'a.db'}")
    assert projected(database) == folded(database)
    database.close_now()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stations_that_go_from_gateway_to_gateway(seed):
    url = postgres_server().fresh()
    gateways = [opened(url, gateway=name) for name in ("one", "two")]
    random = np.random.default_rng(seed)

    async def station(name: str, changes: list[bool]) -> int:
        here, epoch, n_fenced = 0, 0, 0
        for word, change in zip(charging(name, "T1", 20), changes, strict=True):
            if change or not epoch:
                old, here = here, 1 - here
                claimed = await gateways[here].write(partial(cluster.claim, station_id=name, gateway=str(here), now_s=START_S))
                if epoch:
                    late = LogEntry(name, word.event, START_S, START_S, key="late", epoch=epoch)
                    n_fenced += (await gateways[old].append([late]))[0].fenced
                epoch = claimed.epoch
            entry = LogEntry(name, word.event, word.happened_at_s, word.known_at_s, epoch=epoch)
            (done,) = await gateways[here].append([entry])
            assert not done.fenced
        return n_fenced

    async def run() -> list[int]:
        moves = [[bool(flag) for flag in random.random(22) < 0.3] for _ in range(8)]
        fenced = await asyncio.gather(*(station(f"S{number}", changes) for number, changes in enumerate(moves)))
        assert fenced == [sum(changes[1:]) for changes in moves]
        for gateway in gateways:
            await gateway.caught_up()
        return fenced

    assert sum(asyncio.run(run())) > 10
    assert projected(gateways[0]) == folded(gateways[0])
    assert {session.missing_seq for session in folded(gateways[1]).values()} == {()}
    ends = gateways[1].read_now(lambda conn: dict(conn.execute(select(station_state.c.station_id, station_state.c.cursor)).all()))
    last = {kept.station_id: kept.number for kept in gateways[1].read_now(lambda conn: list(log.every(conn)))}
    assert ends == last
    for gateway in gateways:
        gateway.close_now()
