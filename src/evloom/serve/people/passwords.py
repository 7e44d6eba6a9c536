"""Passwords: kept as Argon2id, with a few rules about what is one."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 200
# OWASP Password Storage Cheat Sheet (2024): Argon2id with 19 MiB, 2 iterations, 1 lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
_COMMON = frozenset(
    "1234567890 0123456789 12345678910 password12 password123 passwordpassword qwertyuiop qwerty12345 administrator adminadmin "
    "changeme123 letmein1234 welcome1234 iloveyou12 evloomevloom".split()
)


def faults_of(password: str, name: str) -> list[str]:
    """What is wrong with a new password, in words; empty where nothing is."""
    found = []
    if len(password) < PASSWORD_LENGTH_MIN:
        found.append(f"at least {PASSWORD_LENGTH_MIN} characters")
    if len(password) > PASSWORD_LENGTH_MAX:
        found.append(f"at most {PASSWORD_LENGTH_MAX} characters")
    if password.lower() in _COMMON or len(set(password)) < 5:
        found.append("not one of the passwords that are tried first, and at least 5 different characters")
    if name and name.lower() in password.lower():
        found.append("the user's name is not in it")
    return found


def hashed(password: str) -> str:
    """What is kept of a password; takes some 20 ms and 19 MiB."""
    return _HASHER.hash(password)


def fits(password: str, kept: str) -> bool:
    """Whether `password` is the one that `kept` was made of. False also for what is no hash."""
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def wasted(password: str) -> None:
    """Take the time of `fits`, for a user who is not there: how long an answer takes does not say who is."""
    fits(password, _NOBODY)


_NOBODY = _HASHER.hash(secrets.token_hex(16))
