"""Passwords of stations: HTTP Basic as OCPP has it, kept as Argon2id.

Passwords of stations are long and made by machines (OCPP 2.0.1: 16 to 40 characters), so the hash is a light one: 8 MiB and one pass
(about 4 ms). What was verified once is remembered under a key that dies with the process, so a crowd that reconnects costs next to nothing.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from concurrent.futures import Executor
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)
PASSWORD_MIN, PASSWORD_MAX = 16, 40
"""Lengths that OCPP 2.0.1 gives to BasicAuthPassword."""
HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,20}")
"""An AuthorizationKey of 1.6: 16 to 20 bytes in hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Basic:
    """User and password of an Authorization header; the password as bytes, because 1.6 stations may send any."""

    user: str
    password: bytes


def hashed(password: str) -> str:
    """What to keep of a station's password."""
    return _HASHER.hash(password.encode("utf-8"))


def new_password() -> str:
    """A fresh password for a station: 40 hexadecimal digits, which is a valid AuthorizationKey of 1.6 and password of 2.x."""
    return secrets.token_hex(20)


def basic_of(header: str) -> Basic | None:
    """What an Authorization header says; None when it is not Basic or unreadable."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(rest.strip(), validate=True).partition(b":")
        return Basic(user.decode("utf-8"), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def matches(password_hash: str, password: bytes) -> bool:
    """Whether the password is the one that was kept. Slow on purpose: call it in a thread.

    A 1.6 station is given its AuthorizationKey as hexadecimal digits and sends the bytes they stand for (security white paper, ed. 2), so
    bytes are also tried as such digits; and digits in upper and lower case, as firmware writes them either way.
    """
    tried = [password]
    if not (password.isascii() and password.decode("ascii").isprintable()):
        tried += [password.hex().encode(), password.hex().upper().encode()]
    elif HEX.fullmatch(password):
        tried += [other for other in (password.lower(), password.upper()) if other != password]
    for candidate in tried:
        try:
            return _HASHER.verify(password_hash, candidate)
        except VerificationError:
            continue
        except InvalidHashError:
            return False
    return False


class Credentials:
    """Verifies passwords in threads, and remembers those that were right."""

    def __init__(self, executor: Executor, n_kept: int = 50_000) -> None:
        self._executor = executor
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[str, bytes] = OrderedDict()
        self._n_kept = n_kept

    def known(self, station_id: str, password_hash: str, password: bytes) -> bool:
        """Whether just this password was verified against just this hash before."""
        seen = self._right.get(station_id)
        return seen is not None and hmac.compare_digest(seen, self._mark(password_hash, password))

    async def right(self, station_id: str, password_hash: str, password: bytes) -> bool:
        """Whether the password is right; at once when it is known."""
        if self.known(station_id, password_hash, password):
            return True
        if len(password) > 256:
            return False
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._executor, matches, password_hash, password):
            return False
        self._right[station_id] = self._mark(password_hash, password)
        self._right.move_to_end(station_id)
        if len(self._right) > self._n_kept:
            self._right.popitem(last=False)
        return True

    def _mark(self, password_hash: str, password: bytes) -> bytes:
        return hmac.digest(self._key, password_hash.encode() + b"\0" + password, hashlib.sha256)
