"""How the first administrator comes to be: with a token that `evloom serve` prints, from this machine; or by the environment."""

import hmac
import ipaddress
import secrets
from collections.abc import Mapping

from evloom.store import people
from evloom.store.connection import Connection, Row
from evloom.store.database import Database
from evloom.store.scope import EVERYTHING

FIRST_ORG = "main"
ADMIN_LOGIN = "admin"
PASSWORD_VARIABLE = "EVLOOM_ADMIN_PASSWORD"


class FirstRun:
    """Whether the platform still waits for its first administrator, and the token that proves who may be that."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self._done = False

    async def is_open(self, db: Database) -> bool:
        """Whether nobody is administrator yet."""
        if not self._done:
            self._done = await db.read(people.administrators) > 0
        return not self._done

    def fits(self, token: str, remote: str) -> bool:
        """Whether the token is the printed one and comes from this machine."""
        return is_loopback(remote) and hmac.compare_digest(token.encode(), self.token.encode())


def is_loopback(remote: str) -> bool:
    """Whether an address is this machine."""
    try:
        return ipaddress.ip_address(remote).is_loopback
    except ValueError:
        return False


def first_admin(conn: Connection, row: Mapping[str, object], org_name: str) -> Row:
    """Make the administrator of `row`, and the first organisation where there is none yet."""
    if people.organisation_of(conn, EVERYTHING, FIRST_ORG) is None:
        people.put_organisation(conn, FIRST_ORG, org_name)
    people.add_user(conn, row)
    user = people.user_of(conn, EVERYTHING, str(row["user_id"]))
    assert user is not None
    return user


async def admin_by_password(db: Database, password_hash: str, now_s: float) -> bool:
    """Make the administrator "admin" where there is no administrator; whether one was made."""

    def make(conn: Connection) -> bool:
        if people.administrators(conn):
            return False
        user = first_admin(conn, admin_row(ADMIN_LOGIN, "Administrator", password_hash, now_s), "My organisation")
        people.note(conn, people.Note(now_s, FIRST_ORG, "environment", "set-up", user["user_id"], None, {"login": ADMIN_LOGIN}))
        return True

    return await db.write(make)


def admin_row(login: str, name: str, password_hash: str, now_s: float) -> dict[str, object]:
    """Row of an administrator."""
    return {
        "user_id": f"usr_{secrets.token_hex(8)}",
        "org_id": FIRST_ORG,
        "login": login,
        "name": name,
        "role": "admin",
        "password_hash": password_hash,
        "site_ids": "[]",
        "driver_id": "",
        "disabled": False,
        "created_at_s": now_s,
    }
