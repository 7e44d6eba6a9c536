"""Coming in: set-up, login, logout, language, my account."""

from starlette.responses import Response

from evloom.serve.api import access
from evloom.serve.api.problem import Problem
from evloom.serve.console.forms import Form, body_of, refused
from evloom.serve.console.language import Lang, cookie
from evloom.serve.console.page import Page, go, inside, page
from evloom.serve.console.visit import Visit
from evloom.serve.people.roles import ALL, Role


async def login_page(visit: Visit) -> Response:
    """Name and password; where there is no administrator yet, how to make one."""
    if visit.known:
        return go(inside(visit.query.get("next", "/")))
    return await _login(visit, Form({"next": visit.query.get("next", "")}), 200)


async def login(visit: Visit) -> Response:
    """Let somebody in."""
    try:
        me = await visit.do(access.login, body=body_of(access.Credentials, visit.form))
    except Problem as problem:
        code = "input" if problem.status == 422 else problem.code
        said = {
            "input": "name or password is wrong",
            "wrong-password": "name or password is wrong",
            "slow-down": "too many wrong passwords: wait {s} s",
        }.get(code, problem.detail)
        form = refused(visit.form, Problem(problem.status, code, ""), "password")
        form.faults, form.said = [], visit.t(said, s=problem.headers.get("Retry-After", ""))
        answer = await _login(visit, form, 401 if problem.status == 422 else problem.status)
        answer.headers.update({name: value for name, value in problem.headers.items() if name == "Retry-After"})
        return answer
    return go("/me" if me.role == Role.DRIVER else inside(str(visit.form.get("next", "")), "/"))


async def _login(visit: Visit, form: Form, status: int) -> Response:
    waiting = await visit.platform.first.is_open(visit.platform.db)
    return await page(visit, "login.html", visit.t("Log in"), status=status, form=form, waiting=waiting)


async def logout(visit: Visit) -> Response:
    """Out."""
    await visit.do(access.logout)
    return go("/login", "logged-out")


async def set_up_page(visit: Visit) -> Response:
    """The first administrator."""
    if not await visit.platform.first.is_open(visit.platform.db):
        return go("/login")
    form = Form({"token": visit.query.get("token", ""), "login": "admin", "organisation": visit.t("My organisation")})
    return await page(visit, "set_up.html", visit.t("Set-up"), form=form)


async def set_up(visit: Visit) -> Response:
    """Make the first administrator."""
    body = body_of(access.SetUp, visit.form)
    body["name"] = body.get("name") or body.get("login") or "Administrator"
    try:
        await visit.do(access.set_up, body=body)
    except Problem as problem:
        form = refused(visit.form, problem, "password")
        return await page(visit, "set_up.html", visit.t("Set-up"), status=problem.status, form=form)
    return go("/")


async def language(visit: Visit) -> Response:
    """Another language, kept in a cookie."""
    chosen: Lang = "zh" if visit.form.get("language") == "zh" else "en"
    visit.cookies.append(cookie(chosen, secure=visit.platform.secure))
    return go(inside(str(visit.form.get("back", "/"))))


async def account(visit: Visit) -> Response:
    """My account: password, where I am logged in."""
    return await _account(visit, Form(), 200)


async def _account(visit: Visit, form: Form, status: int) -> Response:
    entries = await visit.do(access.my_sessions)
    return await page(visit, "account.html", visit.t("My account"), status=status, form=form, entries=entries)


async def change_password(visit: Visit) -> Response:
    """Another password."""
    try:
        await visit.do(access.change_password, body=body_of(access.PasswordChange, visit.form))
    except Problem as problem:
        return await _account(visit, refused(visit.form, problem, "old", "new"), problem.status)
    return go("/login", "password")


async def log_out_everywhere(visit: Visit) -> Response:
    """End every session of mine."""
    await visit.do(access.end_my_sessions)
    return go("/login", "logged-out")


PAGES = (
    Page("GET", "/login", login_page, None),
    Page("POST", "/login", login, None),
    Page("POST", "/logout", logout, ALL),
    Page("GET", "/set-up", set_up_page, None),
    Page("POST", "/set-up", set_up, None),
    Page("POST", "/language", language, None),
    Page("GET", "/account", account, ALL),
    Page("POST", "/account/password", change_password, ALL),
    Page("POST", "/account/log-out-everywhere", log_out_everywhere, ALL),
)
