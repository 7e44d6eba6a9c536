"""Roles, and what a caller is allowed to see."""

from dataclasses import dataclass
from enum import StrEnum

from evloom.store.scope import Scope


class Role(StrEnum):
    """What somebody is. admin: everything in every organisation; operator: everything of one organisation; owner: some sites of one
    organisation; driver: own sessions, tokens and needs; reader: sees what an operator sees and changes nothing."""

    ADMIN = "admin"
    OPERATOR = "operator"
    OWNER = "owner"
    DRIVER = "driver"
    READER = "reader"


Roles = frozenset[Role]
ADMIN: Roles = frozenset({Role.ADMIN})
OPERATE: Roles = frozenset({Role.ADMIN, Role.OPERATOR})
SITE: Roles = OPERATE | {Role.OWNER}
LOOK: Roles = SITE | {Role.READER}
OFFICE: Roles = OPERATE | {Role.READER}
ALL: Roles = frozenset(Role)
OWN: Roles = OPERATE | {Role.DRIVER}

MAY_GIVE: dict[Role, Roles] = {
    Role.ADMIN: ALL,
    Role.OPERATOR: ALL - {Role.ADMIN},
    Role.OWNER: frozenset(),
    Role.DRIVER: frozenset(),
    Role.READER: frozenset(),
}
"""Which roles each role may give to users and keys."""


_NOBODY = "-"
"""No id begins with a hyphen."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    actor     "user:ID", "key:ID" or "setup", as the audit log names it
    org_id    organisation; an administrator's own, although one sees them all
    site_ids  of an owner: the sites; driver_id of a driver: whose sessions
    csrf      token that a write must bear, "" where no cookie was used
    session   hash of the session that the cookie named, "" for a key
    """

    actor: str
    name: str
    role: Role
    org_id: str
    site_ids: tuple[str, ...] = ()
    driver_id: str = ""
    user_id: str = ""
    csrf: str = ""
    session: str = ""
    remote: str = ""

    @property
    def scope(self) -> Scope:
        """What the caller's queries are filtered by."""
        return Scope(
            org_id=None if self.role is Role.ADMIN else self.org_id,
            site_ids=self.site_ids if self.role is Role.OWNER else None,
            driver_id=(self.driver_id or _NOBODY) if self.role is Role.DRIVER else None,
        )
