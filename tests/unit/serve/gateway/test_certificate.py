from evloom.serve.gateway.certificate import Shown, is_of, plain_serial, shown

PEER = {
    "subject": ((("organizationName", "Operator"),), (("commonName", "CP1"),)),
    "subjectAltName": (("DNS", "cp1.example"), ("IP Address", "10.0.0.1"), ("URI", "urn:cp:1")),
    "serialNumber": "0A3F",
}


def test_what_a_certificate_says():
    assert shown(PEER) == Shown(("CP1", "cp1.example", "urn:cp:1"), "A3F")
    assert shown(None) is None
    assert shown({}) is None
    assert shown({"subject": (), "serialNumber": "1"}) == Shown((), "1")


def test_whose_it_is():
    certificate = Shown(("CP1", "cp1.example"), "A3F")
    assert is_of(certificate, "CP1", "", "")
    assert is_of(certificate, "cp1", "", "")
    assert is_of(certificate, "cp1.example", "", "")
    assert is_of(certificate, "station-7", "CP1", "")  # its serial number, as OCPP asks
    assert not is_of(certificate, "CP2", "", "")
    assert not is_of(Shown((), "A3F"), "CP2", "", "")


def test_a_serial_number_that_an_operator_tied_decides_alone():
    certificate = Shown(("CP1",), "A3F")
    assert is_of(certificate, "CP9", "", "0a:3f")
    assert not is_of(certificate, "CP1", "", "B4")
    assert plain_serial("0x00ab cd") == "ABCD"
