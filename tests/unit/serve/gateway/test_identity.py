import pytest

from evloom.serve.gateway.identity import station_of
from evloom.serve.gateway.refusal import Refused


@pytest.mark.parametrize(
    ("target", "station_id"),
    [
        ("/ocpp/CP1", "CP1"),
        ("/CP1", "CP1"),
        ("/ocpp/CP1/", "CP1"),
        ("/ocpp//CP1", "CP1"),
        ("//ocpp///CP1//", "CP1"),
        ("/ocpp/RDAM%7C123", "RDAM|123"),  # the example of OCPP-J 1.6, section 3.1.1
        ("/ocpp/DE*ABC*E1@site+2=x", "DE*ABC*E1@site+2=x"),
        ("/ocpp/Halle%207", "Halle 7"),
        ("/ocpp/%E5%85%85%E7%94%B5%E6%A1%A9", "充电桩"),
        ("/ocpp/CP1?token=1", "CP1"),
        ("/ocpp/" + "a" * 48, "a" * 48),
        ("/ocpp/<script>", "<script>"),
    ],
)
def test_paths_that_name_a_station(target, station_id):
    assert station_of(target) == station_id


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 404),
        ("", 404),
        ("/ocpp", 404),
        ("/ocpp/", 404),
        ("/a/b", 404),
        ("/ocpp/a/b", 404),
        ("/ocpp/a%2Fb", 400),
        ("/ocpp/a%3Ab", 400),  # a colon: HTTP Basic could not carry it
        ("/ocpp/%", 400),
        ("/ocpp/%zz", 400),
        ("/ocpp/%ff", 400),
        ("/ocpp/%00", 400),
        ("/ocpp/%0a", 400),
        ("/ocpp/%20a", 400),
        ("/ocpp/..", 400),
        ("/ocpp/" + "a" * 49, 400),
        ("ocpp/a", 404),
    ],
)
def test_paths_that_do_not(target, status):
    refused = station_of(target)
    assert isinstance(refused, Refused)
    assert refused.status == status
    assert refused.text
