"""The generated structs are what the schemas of the standard say: they accept and refuse the same."""

import json
from typing import Any

import msgspec
import pytest

from evloom.wire.ocpp.base import Message, custom_data
from evloom.wire.ocpp.check import catalog, write
from evloom.wire.ocpp.reason import shape_of
from evloom.wire.ocpp.version import Version
from tests.unit.wire.ocpp.samples import FOLDERS, broken, judge, originals, payload
from tools.fault import ROOT
from tools.ocpp_messages import texts
from tools.ocpp_schemas import ACTIONS

VERSIONS = {"v16": Version.V16, "v201": Version.V201, "v21": Version.V21}
MESSAGES = [(folder, name) for folder in FOLDERS for name in originals(folder)]
FINER = {"limit", "minChargingRate"}
"""1.6 wants these in tenths. Checked by floating point that refuses right values (3.3 is no multiple of 0.1), so finer ones are let in."""


def kind_of(folder: str, name: str) -> type[Message]:
    action = name.removesuffix("Request").removesuffix("Response")
    entry = catalog(VERSIONS[folder])[action]
    kind = entry.response if name.endswith("Response") else entry.request
    assert kind is not None
    return kind


def decodes(kind: type[Message], value: Any) -> bool:
    """Whether the struct alone reads it. 1.0 for a whole number it leaves to the derived schema."""
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=kind, dec_hook=custom_data)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize("path", sorted(texts()))
def test_the_files_are_what_the_generator_writes(path):
    assert (ROOT / path).read_text(encoding="utf-8") == texts()[path], "run: python -m tools.ocpp_messages"


def test_counts():
    assert {folder: len(originals(folder)) for folder in FOLDERS} == {"v16": 78, "v201": 128, "v21": 181}
    assert {folder: len(catalog(VERSIONS[folder])) for folder in FOLDERS} == {"v16": 39, "v201": 64, "v21": 91}
    for folder in FOLDERS:
        for action, entry in catalog(VERSIONS[folder]).items():
            assert (entry.direction, entry.block) == ACTIONS[folder][action]


@pytest.mark.parametrize("how", ["least", "most", "edge"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_message_goes_through_and_comes_back(folder, how):
    for name, schema in originals(folder).items():
        value, kind = payload(schema, schema, how), kind_of(folder, name)
        assert judge(folder, name).is_valid(value), (name, value)
        assert not shape_of(kind).faults(value), name
        message = msgspec.json.decode(json.dumps(value), type=kind, dec_hook=custom_data)
        back = json.loads(write(message))
        assert back == value, name
        assert judge(folder, name).is_valid(back), name
        assert msgspec.json.decode(write(message), type=kind, dec_hook=custom_data) == message


@pytest.mark.parametrize("folder", FOLDERS)
def test_original_schema_struct_and_derived_schema_agree_on_what_is_wrong(folder):
    n_refused = n_tried = 0
    for name, schema in originals(folder).items():
        kind, original = kind_of(folder, name), judge(folder, name)
        shape = shape_of(kind)
        for what, value in broken(payload(schema, schema, "most"), schema, schema):
            n_tried += 1
            right = original.is_valid(value) or (
                folder == "v16" and what.startswith("7.25") and what.rpartition("'")[0].rpartition("'")[2] in FINER
            )
            n_refused += not right
            derived = not shape.faults(value)
            assert derived == right, (name, what)
            assert decodes(kind, value) == right, (name, what)
    assert n_refused > 0.3 * n_tried > 300
