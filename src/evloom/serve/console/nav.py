"""The menu: what each role can go to."""

from dataclasses import dataclass

from evloom.serve.api import attention, batteries, drivers, money, organisations, sessions, sites, stations, terms, users, vehicles
from evloom.serve.api.endpoint import Handler
from evloom.serve.console.visit import Visit
from evloom.serve.people.roles import Role


@dataclass(frozen=True, slots=True)
class Item:
    """An entry: where it leads, its words, and the handler that one must be allowed to call."""

    path: str
    words: str
    handler: Handler

    def is_here(self, path: str) -> bool:
        """Whether a page lies under this entry."""
        return path == self.path or path.startswith(f"{self.path}/") or (self.path == "/" and path.startswith("/boards"))


_MAIN = (
    Item("/", "Live", sites.list_sites),
    Item("/stations", "Stations", stations.list_stations),
    Item("/sessions", "Sessions", sessions.list_sessions),
    Item("/alarms", "Alarms", attention.list_warnings),
    Item("/batteries", "Batteries", batteries.list_batteries),
    Item("/drivers", "Drivers", drivers.list_drivers),
    Item("/tokens", "Tokens", drivers.list_tokens),
)
_MORE = (
    Item("/sites", "Sites", sites.list_sites),
    Item("/vehicles", "Vehicles", vehicles.list_vehicles),
    Item("/tariffs", "Tariffs", terms.list_tariffs),
    Item("/contracts", "Contracts", terms.list_contracts),
    Item("/bills", "Bills", money.list_bills),
    Item("/users", "Users", users.list_users),
    Item("/api-keys", "API keys", users.list_keys),
    Item("/audit", "Audit log", organisations.read_audit_log),
)
_OWN = (
    Item("/me", "My car", sessions.read_session),
    Item("/me/sessions", "My charging", sessions.list_sessions),
    Item("/me/receipts", "My receipts", drivers.list_drivers),
)


def groups_for(visit: Visit) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """The entries that a visitor may use: those always in sight, and those behind "More"."""
    if visit.caller.role is Role.DRIVER:
        return _OWN, ()
    return tuple(item for item in _MAIN if visit.may(item.handler)), tuple(item for item in _MORE if visit.may(item.handler))
