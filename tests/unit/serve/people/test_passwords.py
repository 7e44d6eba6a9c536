"""What is a password, and that it is kept as nothing that leads back to it."""

import pytest

from evloom.serve.people import passwords


@pytest.mark.parametrize(
    ("password", "login"),
    [("short", "ada"), ("aaaaaaaaaaaa", "ada"), ("Password123", "ada"), ("my name is ada", "ada"), ("x" * 150 + "abcdefgh" * 10, "")],
)
def test_weak_passwords_are_told_why(password, login):
    assert passwords.faults_of(password, login)


def test_a_password_is_kept_as_argon2id_and_fits_itself_alone():
    kept = passwords.hashed("correct horse 42")
    assert kept.startswith("$argon2id$")
    assert "horse" not in kept
    assert passwords.fits("correct horse 42", kept)
    assert not passwords.fits("correct horse 43", kept)
    assert not passwords.fits("correct horse 42", "no hash at all")
