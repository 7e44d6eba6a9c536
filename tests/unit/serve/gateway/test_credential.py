import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor

import pytest

from evloom.serve.gateway import credential
from evloom.serve.gateway.credential import Basic, Credentials, basic_of, hashed, matches, new_password


def _header(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (_header(b"CP1:secret"), Basic("CP1", b"secret")),
        (_header(b"CP1:with:colons"), Basic("CP1", b"with:colons")),
        (_header(b"CP1:"), Basic("CP1", b"")),
        (_header(b"CP1:\xff\x00"), Basic("CP1", b"\xff\x00")),
        (_header(b"no colon"), None),
        (_header(b"\xff:x"), None),
        ("Basic !!!", None),
        ("Bearer abc", None),
        ("", None),
    ],
)
def test_what_an_authorization_header_says(header, said):
    assert basic_of(header) == said


def test_a_key_of_1_6_is_known_by_its_bytes_and_by_its_digits():
    key = "0001ff3a" * 5
    kept = hashed(key)
    assert matches(kept, key.encode())
    assert matches(kept, bytes.fromhex(key))
    assert matches(hashed(key.upper()), bytes.fromhex(key))
    assert not matches(kept, b"0001ff3b" * 5)
    assert not matches("no hash", b"x")


def test_digits_of_a_key_may_be_in_either_case():
    key = "9acf69f27c4b0191588961779e6030d209c33e90"
    assert matches(hashed(key), key.upper().encode())
    assert matches(hashed(key.upper()), key.encode())
    assert not matches(hashed("Secret-password-1"), b"secret-password-1")


def test_new_passwords_are_of_the_length_that_ocpp_allows():
    password = new_password()
    assert credential.PASSWORD_MIN <= len(password) <= credential.PASSWORD_MAX
    assert password != new_password()


def test_a_password_is_verified_once_and_then_known_until_it_is_changed():
    kept = hashed("a-long-password-1")
    with ThreadPoolExecutor(1) as threads:
        credentials = Credentials(threads, n_kept=2)

        async def tried() -> list[bool]:
            assert not credentials.known("CP1", kept, b"a-long-password-1")
            first = await credentials.right("CP1", kept, b"a-long-password-1")
            wrong = await credentials.right("CP1", kept, b"a-long-password-2")
            endless = await credentials.right("CP1", kept, b"a" * 10_000)
            return [first, wrong, endless, credentials.known("CP1", kept, b"a-long-password-1")]

        assert asyncio.run(tried()) == [True, False, False, True]
        assert not credentials.known("CP2", kept, b"a-long-password-1")
        assert not credentials.known("CP1", hashed("a-long-password-1"), b"a-long-password-1")
