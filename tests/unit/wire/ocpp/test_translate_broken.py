"""Whatever the check lets through, repaired or not, is understood: valid payloads broken in one place, every message of a station."""

from importlib import import_module
from itertools import islice

import msgspec
import pytest

from evloom.wire.ocpp.check import catalog, read_request
from evloom.wire.ocpp.spoken import Heard
from evloom.wire.ocpp.version import Version
from tests.unit.wire.ocpp.samples import broken, originals, payload

FOLDERS = {Version.V16: "v16", Version.V201: "v201", Version.V21: "v21"}
EVERY = 4
"""One in so many: all of them take six seconds."""


@pytest.mark.parametrize("version", FOLDERS)
def test_what_is_read_is_understood(version):
    folder = FOLDERS[version]
    said = import_module(f"evloom.wire.ocpp.{folder}.translate").said
    n_read = 0
    for action, entry in catalog(version).items():
        if entry.direction == "csms" or action == "GetCertificateChainStatus":
            continue
        schema = originals(folder).get(f"{action}Request") or originals(folder)[action]
        for _, value in islice(broken(payload(schema, schema, "most"), schema, schema), 0, None, EVERY):
            raw = msgspec.json.encode(value)
            reading = read_request(version, action, raw)
            if reading.message is not None:
                said(action, Heard(reading.message, raw, 1.9e9, frozenset({"timestamp", "seqNo"})))
                n_read += 1
    assert n_read > 50
