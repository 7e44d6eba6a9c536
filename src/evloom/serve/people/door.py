"""The door: who is asking, by API key or by session cookie; logging in and out."""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

import msgspec

from evloom.serve.logs import told
from evloom.serve.people import passwords
from evloom.serve.people.roles import Caller, Role
from evloom.serve.people.throttle import LoginThrottle
from evloom.store import people
from evloom.store.connection import Connection, Row
from evloom.store.database import Database

COOKIE = "evloom_session"
CSRF_HEADER = "X-CSRF-Token"
IDLE_S = 12 * 3600.0
"""A session ends when nobody used it for so long, or"""
ABSOLUTE_S = 7 * 86400.0
"""so long after it began."""
TOUCH_S = 60.0
"""How often at most it is written down that a session or key is used."""
_KEY = "evk_"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody came in: what the cookie holds, and who it is."""

    cookie: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class Turned:
    """Nobody came in: wrong name or password (wait_s 0), or not to be tried for so long."""

    wait_s: float = 0.0


def new_key() -> tuple[str, str, str]:
    """An API key: the key itself, shown once; its prefix, shown always; its hash, kept."""
    prefix = secrets.token_hex(6)
    key = f"{_KEY}{prefix}_{secrets.token_urlsafe(32)}"
    return key, prefix, digest(key)


def digest(secret: str) -> str:
    """What is kept of a secret of 256 random bits, which needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Door:
    """Lets people and programs in. `secure`: cookies only over https."""

    def __init__(self, db: Database, now_s: Callable[[], float], *, secure: bool) -> None:
        self.secure = secure
        self.throttle = LoginThrottle()
        self._db, self._now_s = db, now_s
        self._touched: dict[str, float] = {}
        self._at_once = asyncio.Semaphore(2)

    async def caller(self, headers: Mapping[str, str], remote: str) -> Caller | None:
        """Who asks; None for nobody whom we know. A key, where one is sent, is what counts."""
        if "authorization" in headers:
            scheme, _, key = headers["authorization"].partition(" ")
            return await self._by_key(key.strip(), remote) if scheme.lower() == "bearer" else None
        cookie = session_cookie(headers.get("cookie", ""))
        return await self._by_cookie(cookie, remote) if cookie else None

    async def login(self, name: str, password: str, remote: str, agent: str = "") -> Entry | Turned:
        """Let a user in who knows the password. Wrong ones are counted, logged, and after a few slowed down."""
        now_s = self._now_s()
        if wait_s := self.throttle.wait_s(name, remote, now_s):
            told(_LOG, logging.WARNING, "login.throttled", login=name[:100], remote=remote, wait_s=round(wait_s, 1))
            return Turned(wait_s)
        if slow_s := self.throttle.slow_s(name, now_s):
            await asyncio.sleep(slow_s)
        user = await self._db.read(lambda conn: people.user_by_login(conn, name))
        usable = user is not None and not user["disabled"]
        if not await self._fits(password, user["password_hash"] if user is not None and usable else ""):
            count = self.throttle.failed(name, remote, now_s)
            told(_LOG, logging.WARNING, "login.failed", login=name[:100], remote=remote, count=count)
            return Turned()
        assert user is not None
        self.throttle.succeeded(name, remote)
        return await self.enter(user, remote, agent)

    async def enter(self, user: Row, remote: str, agent: str = "") -> Entry:
        """Begin a session of a user whose identity is beyond doubt."""
        now_s, cookie, csrf = self._now_s(), secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        row = {
            "session_hash": digest(cookie),
            "user_id": user["user_id"],
            "csrf": csrf,
            "created_at_s": now_s,
            "seen_at_s": now_s,
            "remote": remote,
            "agent": agent[:200],
        }

        def begin(conn: Connection) -> None:
            people.drop_old_sessions(conn, now_s - ABSOLUTE_S, now_s - IDLE_S)
            people.add_session(conn, row)
            people.note(conn, people.Note(now_s, user["org_id"], f"user:{user['user_id']}", "login", user["user_id"], remote=remote))

        await self._db.write(begin)
        told(_LOG, logging.INFO, "login.done", user=user["user_id"], remote=remote)
        return Entry(cookie, _of_user(user, csrf, row["session_hash"], remote))

    async def logout(self, caller: Caller) -> None:
        """End the caller's session."""
        if caller.session:
            await self._db.write(lambda conn: people.end_session(conn, caller.session))

    def set_cookie(self, cookie: str) -> str:
        """Value of the header Set-Cookie that begins a session; "" ends it."""
        age_s = int(ABSOLUTE_S) if cookie else 0
        return f"{COOKIE}={cookie}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{'; Secure' if self.secure else ''}"

    async def knows(self, login: str, password: str, kept: str, remote: str) -> bool:
        """Whether somebody who is in already knows the password; wrong ones count as at the door."""
        now_s = self._now_s()
        if self.throttle.wait_s(login, remote, now_s):
            return False
        right = await self._fits(password, kept)
        if not right:
            self.throttle.failed(login, remote, now_s)
        return right

    async def hashed(self, password: str) -> str:
        """What is kept of a new password."""
        async with self._at_once:
            return await asyncio.to_thread(passwords.hashed, password)

    async def _fits(self, password: str, kept: str) -> bool:
        async with self._at_once:
            if kept:
                return await asyncio.to_thread(passwords.fits, password, kept)
            await asyncio.to_thread(passwords.wasted, password)
            return False

    async def _by_key(self, key: str, remote: str) -> Caller | None:
        parts = key.split("_", 2)
        if len(parts) != 3 or parts[0] != _KEY[:-1] or not parts[1].isalnum():
            return None
        row = await self._db.read(lambda conn: people.key_by_prefix(conn, parts[1]))
        now_s = self._now_s()
        if row is None or not hmac.compare_digest(row["key_hash"], digest(key)) or row["revoked_at_s"] is not None:
            return None
        if row["expires_at_s"] is not None and row["expires_at_s"] <= now_s:
            return None
        if self._is_due(row["key_id"], now_s):
            await self._db.write(lambda conn: people.change_key(conn, row["key_id"], {"last_used_s": now_s}))
        sites = tuple(msgspec.json.decode(row["site_ids"], type=list[str]))
        return Caller(f"key:{row['key_id']}", row["name"], Role(row["role"]), row["org_id"], sites, row["driver_id"], remote=remote)

    async def _by_cookie(self, cookie: str, remote: str) -> Caller | None:
        found = await self._db.read(lambda conn: people.session_of(conn, digest(cookie)))
        if found is None:
            return None
        session, user = found
        now_s = self._now_s()
        if now_s - session["created_at_s"] > ABSOLUTE_S or now_s - session["seen_at_s"] > IDLE_S:
            return None
        if self._is_due(session["session_hash"], now_s):
            await self._db.write(lambda conn: people.touch_session(conn, session["session_hash"], now_s))
        return _of_user(user, session["csrf"], session["session_hash"], remote)

    def _is_due(self, name: str, now_s: float) -> bool:
        if now_s - self._touched.get(name, 0.0) < TOUCH_S:
            return False
        if len(self._touched) > 10_000:
            self._touched.clear()
        self._touched[name] = now_s
        return True


def session_cookie(header: str) -> str:
    """What our cookie holds, "" without one."""
    try:
        cookies = SimpleCookie(header)
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def csrf_fits(caller: Caller, token: str) -> bool:
    """Whether a write that came with a cookie bears the session's token. A key needs none: no browser sends it by itself."""
    return not caller.session or hmac.compare_digest(caller.csrf.encode(), token.encode())


def _of_user(user: Row, csrf: str, session: str, remote: str) -> Caller:
    sites = tuple(msgspec.json.decode(user["site_ids"], type=list[str]))
    role, user_id = Role(user["role"]), user["user_id"]
    return Caller(f"user:{user_id}", user["name"], role, user["org_id"], sites, user["driver_id"], user_id, csrf, session, remote)
