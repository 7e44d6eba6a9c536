"""Whatever stands in a problem file, it is read as a problem that can be planned, or refused with findings: never anything else."""

import copy
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.dispatch.check import check_problem
from evloom.kernel.errors import InputError
from evloom.plan.fleet.read import read_case
from tests.unit.plan.fleet.files import DOCUMENT, START

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**12),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["garage", "site", "a", START, "2025-06-04T14:00:00Z", "2025-06-04", "0", "1e400", "nan", [], {}, [1], {"a": 1}, [[1.0]]]
    ),
    st.lists(st.floats(), max_size=9),
)
VALUES = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6
)


def places(entry, way=()):
    """Every place in a document."""
    if way:
        yield way
    inner = entry.items() if isinstance(entry, dict) else enumerate(entry) if isinstance(entry, list) else ()
    for key, value in inner:
        yield from places(value, (*way, key))


def put(document, way, value):
    """Set a place, where there still is such a place."""
    for key in way[:-1]:
        inside = document if isinstance(document, dict) else dict(enumerate(document)) if isinstance(document, list) else {}
        document = inside.get(key)
    if isinstance(document, dict) or (isinstance(document, list) and isinstance(way[-1], int) and way[-1] < len(document)):
        document[way[-1]] = value


def read_or_refuse(path):
    try:
        case = read_case(path)
    except InputError as error:
        refusal = error.findings
    else:
        check_problem(case.problem)
        assert not any(finding.severity == "refused" for finding in case.findings)
        assert len(case.vehicle_id) == case.problem.stays.n
        return
    assert any(finding.severity == "refused" for finding in refusal)
    assert all(finding.value and finding.allowed and finding.advice for finding in refusal)


@given(st.lists(st.tuples(st.sampled_from(list(places(DOCUMENT))), VALUES), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_a_document_with_anything_in_any_place(changes):
    document = copy.deepcopy(DOCUMENT)
    for way, value in changes:
        put(document, way, value)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        read_or_refuse(path)


HEAD = "vehicle_id,node_id,arrival,departure,need_kwh,charge_max_kw,discharge_max_kw,battery_kwh,soc_arrival,phase"
ROW = "a,garage,2025-06-04T12:10+08:00,2025-06-04T14:00+08:00,6,11,0,50,0.5,"


@given(
    st.lists(
        st.tuples(st.integers(0, len(ROW) - 1), st.integers(0, 3), st.text('0129.,;"\n-+eT:aé \x00', max_size=4)), min_size=1, max_size=5
    )
)
@settings(max_examples=200, deadline=None)
def test_a_csv_file_with_anything_in_any_place(changes):
    text = ROW
    for at, length, value in changes:
        text = text[:at] + value + text[at + length :]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = {key: value for key, value in DOCUMENT.items() if key != "vehicles"}
        (folder / "network.json").write_text(json.dumps(document), encoding="utf-8")
        (folder / "vehicles.csv").write_text(f"{HEAD}\n{text}\n{ROW.replace('a', 'b', 1)}\n", encoding="utf-8")
        read_or_refuse(folder)
