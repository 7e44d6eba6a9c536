"""What the doctor says is kept and told; limits stand where a memory is lost."""

from dataclasses import replace

from evloom.serve.doctor.part import _kept
from evloom.serve.doctor.rounds import News
from evloom.store import batteries, warnings
from evloom.store.batteries import BatterySeen
from evloom.store.database import opened
from evloom.store.scope import EVERYTHING
from tests.unit.serve.doctor.packs import change

SEEN = BatterySeen("P", "V", "NMC", 96, 24, 150.0, 900.0, 1000.0, 1001.0, 10, 3, 2, 1.5, 0.5, -1, "{}")


def test_a_doctor_without_memory_lifts_no_limit_until_he_has_looked_long_enough(tmp_path):
    db = opened(f"sqlite:///{tmp_path}/evloom.db")

    def story(conn) -> None:
        seen, org_id, fresh = _kept(conn, News(SEEN, [change()], None), 1001.0)
        assert (seen.level, org_id, [one.kind for one in fresh]) == (2, "", ["opened"])
        assert _kept(conn, News(SEEN, [change()], None), 1002.0)[2] == []  # the same frames after a crash
        forgetful = replace(SEEN, level=0, severity=0.0, days=1)
        assert _kept(conn, News(forgetful, [], None), 2001.0)[0].level == 2
        assert (batteries.battery_of(conn, EVERYTHING, "P") or {})["level"] == 2
        seen, _, fresh = _kept(conn, News(replace(forgetful, days=12), [], frozenset()), 3001.0)
        assert (seen.level, [(one.kind, one.warning_id) for one in fresh]) == (0, [("closed", "P:cell:3:1000")])
        assert warnings.worst_open(conn, "P") is None

    db.write_now(story)
    db.close_now()
