"""Reading and writing of messages that are right; test_dirty.py has those that are not."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from evloom.wire.ocpp.base import CustomData
from evloom.wire.ocpp.check import Reading, catalog, read_answer, read_request, write
from evloom.wire.ocpp.v16 import messages as v16
from evloom.wire.ocpp.v201 import messages as v201
from evloom.wire.ocpp.version import Version

LAZY = """
import sys
from evloom.wire.ocpp.check import read_request
from evloom.wire.ocpp.version import Version
assert read_request(Version.V16, "Heartbeat", b"{}").message is not None
print(*sorted(name for name in sys.modules if "ocpp.v1" in name or "ocpp.v2" in name or name == "jsonschema_rs"))
"""


def test_a_request_and_an_answer():
    assert read_request(Version.V16, "Heartbeat", b"{}") == Reading(v16.HeartbeatRequest())
    answer = read_answer(Version.V16, "Heartbeat", b'{"currentTime":"2026-03-01T12:00:00Z"}')
    assert answer == Reading(v16.HeartbeatResponse(current_time=datetime(2026, 3, 1, 12, tzinfo=UTC)))


def test_what_was_not_set_is_not_written():
    assert write(v16.AuthorizeRequest(id_tag="A")) == b'{"idTag":"A"}'
    told = v16.IdTagInfo(status="Accepted", expiry_date=datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert write(told) == b'{"status":"Accepted","expiryDate":"2026-03-01T12:00:00Z"}'


def test_custom_data_keeps_what_it_bears():
    text = b'{"customData":{"vendorId":"v","more":[1,{"x":null}]}}'
    message: Any = read_request(Version.V201, "Heartbeat", text).message
    assert isinstance(message, v201.HeartbeatRequest)
    assert message.custom_data == CustomData(vendorId="v", more=[1, {"x": None}])
    assert write(message) == text


def test_names_that_are_no_camel_case():
    message: Any = read_request(
        Version.V201,
        "GetCertificateStatus",
        b'{"ocspRequestData":{"hashAlgorithm":"SHA256","issuerNameHash":"a","issuerKeyHash":"b","serialNumber":"c","responderURL":"d"}}',
    ).message
    assert message.ocsp_request_data.responder_url == "d"
    assert b'"responderURL":"d"' in write(message)


def test_send_of_21_has_no_answer():
    entry = catalog(Version.V21)["NotifyPeriodicEventStream"]
    assert (entry.response, entry.direction) == (None, "cs")


def test_a_site_of_one_version_loads_no_other():
    found = subprocess.run([sys.executable, "-c", LAZY], check=True, capture_output=True, text=True).stdout.split()
    assert found == ["evloom.wire.ocpp.v16", "evloom.wire.ocpp.v16.catalog", "evloom.wire.ocpp.v16.messages"]
