"""Users, API keys, and the audit log."""

from typing import Any

from starlette.responses import Response

from evloom.serve.api import drivers, organisations, users
from evloom.serve.api.problem import Problem
from evloom.serve.console.forms import Form, body_of, of_struct, refused
from evloom.serve.console.page import Page, go, page
from evloom.serve.console.visit import Visit
from evloom.serve.people.roles import MAY_GIVE, OFFICE, OPERATE, Role


async def _choices(visit: Visit) -> dict[str, Any]:
    """What forms for users and keys choose from."""
    found = await visit.do(drivers.list_drivers, query={"limit": "500"})
    orgs = await visit.do(organisations.list_organisations, query={})
    return {
        "roles": [role for role in Role if role in MAY_GIVE[visit.caller.role]],
        "people": {driver.driver_id: driver.name for driver in found.items},
        "sites": await visit.sites(),
        "orgs": {org.org_id: org.name for org in orgs.items},
        "may_edit": visit.may(users.create_user),
    }


async def listed(visit: Visit) -> Response:
    """All users."""
    return await _users(visit, Form({"role": "reader"}), 200)


async def _users(visit: Visit, form: Form, status: int) -> Response:
    query = {"cursor": visit.query["cursor"]} if visit.query.get("cursor") else {}
    found = await visit.do(users.list_users, query=query)
    return await page(visit, "users.html", visit.t("Users"), status=status, found=found, form=form, **await _choices(visit))


async def create(visit: Visit) -> Response:
    """Make a user."""
    try:
        await visit.do(users.create_user, body=body_of(users.NewUser, visit.form))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _users(visit, refused(visit.form, problem, "password"), problem.status)
    return go("/users", "made")


async def one(visit: Visit) -> Response:
    """One user."""
    return await _user(visit, None, 200)


async def _user(visit: Visit, form: Form | None, status: int) -> Response:
    user = await visit.do(users.read_user, path={"user_id": visit.path("user_id")})
    return await page(visit, "user.html", user.name, status=status, user=user, form=form or of_struct(user), **await _choices(visit))


async def change(visit: Visit) -> Response:
    """Change a user."""
    try:
        await visit.do(users.change_user, path={"user_id": visit.path("user_id")}, body=body_of(users.UserChange, visit.form))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _user(visit, refused(visit.form, problem, "password"), problem.status)
    return go(f"/users/{visit.path('user_id')}", "saved")


async def remove(visit: Visit) -> Response:
    """Remove a user."""
    try:
        await visit.do(users.remove_user, path={"user_id": visit.path("user_id")})
    except Problem as problem:
        if problem.status != 409:
            raise
        return await _user(visit, refused(visit.form, problem), 409)
    return go("/users", "removed")


async def log_out(visit: Visit) -> Response:
    """Log a user out everywhere."""
    await visit.do(users.end_user_sessions, path={"user_id": visit.path("user_id")})
    return go(f"/users/{visit.path('user_id')}", "done")


async def keys(visit: Visit) -> Response:
    """All API keys."""
    return await _keys(visit, Form({"role": "reader"}), "", 200)


async def _keys(visit: Visit, form: Form, key: str, status: int) -> Response:
    query = {"cursor": visit.query["cursor"]} if visit.query.get("cursor") else {}
    found = await visit.do(users.list_keys, query=query)
    return await page(visit, "keys.html", visit.t("API keys"), status=status, found=found, form=form, key=key, **await _choices(visit))


async def create_key(visit: Visit) -> Response:
    """Make a key, shown this once."""
    try:
        made = await visit.do(users.create_key, body=body_of(users.NewKey, visit.form, await visit.zone()))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _keys(visit, refused(visit.form, problem), "", problem.status)
    return await _keys(visit, Form({"role": "reader"}), made.key, 200)


async def revoke(visit: Visit) -> Response:
    """Revoke a key."""
    await visit.do(users.revoke_key, path={"key_id": visit.path("key_id")})
    return go("/api-keys", "removed")


async def audit(visit: Visit) -> Response:
    """The audit log."""
    wanted = {name: value for name in ("actor", "action", "subject") if (value := visit.query.get(name, "").strip())}
    query = wanted | ({"cursor": visit.query["cursor"]} if visit.query.get("cursor") else {})
    form, status, found = Form(dict(wanted)), 200, None
    try:
        found = await visit.do(organisations.read_audit_log, query=query)
    except Problem as problem:
        if problem.status != 422:
            raise
        form, status = Form(dict(wanted), list(problem.findings), problem.detail), 422
    return await page(visit, "audit.html", visit.t("Audit log"), status=status, found=found, form=form, wanted=wanted)


PAGES = (
    Page("GET", "/users", listed, OFFICE),
    Page("POST", "/users", create, OPERATE),
    Page("GET", "/users/{user_id}", one, OFFICE),
    Page("POST", "/users/{user_id}", change, OPERATE),
    Page("POST", "/users/{user_id}/remove", remove, OPERATE),
    Page("POST", "/users/{user_id}/log-out", log_out, OPERATE),
    Page("GET", "/api-keys", keys, OFFICE),
    Page("POST", "/api-keys", create_key, OPERATE),
    Page("POST", "/api-keys/{key_id}/revoke", revoke, OPERATE),
    Page("GET", "/audit", audit, OFFICE),
)
