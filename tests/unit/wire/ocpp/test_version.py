from evloom.wire.ocpp.version import Version, negotiate

ALL = tuple(Version)


def test_the_newest_common_version_is_taken():
    assert negotiate(["ocpp1.6", "ocpp2.0.1", "ocpp2.1"], ALL) is Version.V21
    assert negotiate(["ocpp1.6", "ocpp2.0.1"], ALL) is Version.V201
    assert negotiate(["ocpp1.6"], ALL) is Version.V16
    assert negotiate(["ocpp2.1", "ocpp1.6"], [Version.V16]) is Version.V16


def test_no_common_version():
    assert negotiate([], ALL) is None
    assert negotiate(["ocpp1.5", "ocpp2.0", "OCPP1.6", "wamp"], ALL) is None
    assert negotiate(["ocpp1.6"], []) is None
