"""One request of a page: who looks, in which language; and the way to the handlers of the API on that one's behalf."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request

from evloom.kernel.errors import InputError
from evloom.market.offer import HourPrice
from evloom.serve.api.attention import Notice
from evloom.serve.api.call import Call
from evloom.serve.api.endpoint import Endpoint, Handler
from evloom.serve.api.problem import Problem
from evloom.serve.api.reading import read_query, read_struct
from evloom.serve.api.routing import told_of
from evloom.serve.api.sites import Site, list_sites
from evloom.serve.api.table import TABLE
from evloom.serve.console.language import Lang, said
from evloom.serve.console.rows import rows_of
from evloom.serve.console.trace import Trace
from evloom.serve.people.roles import Caller
from evloom.serve.platform import Platform
from evloom.store.errors import Conflict

_ROWS: dict[Handler, Endpoint] = {row.handler: row for row in TABLE}
_ENCODER = msgspec.json.Encoder()
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
BODY_MAX = 1 << 20
FIELDS_MAX = 5000
SITES_MAX = 500


@dataclass(slots=True)
class Visit:
    """A request of a page. `cookies` are values of Set-Cookie for the answer; `trace` what was ordered of sessions."""

    platform: Platform
    request: Request
    caller: Caller
    lang: Lang
    request_id: str
    known: bool = True
    trace: Trace | None = None
    form: FormData = field(default_factory=FormData)
    cookies: list[str] = field(default_factory=list)
    etag: str = ""
    _sites: dict[str, Site] | None = None

    @property
    def remote(self) -> str:
        """The address from which the request came."""
        return self.request.client.host if self.request.client else ""

    @property
    def query(self) -> Mapping[str, str]:
        """Parameters of the address."""
        return self.request.query_params

    @property
    def by_htmx(self) -> bool:
        """Whether a part of a page is asked for, not a whole one."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def now_s(self) -> float:
        """The present, epoch seconds."""
        return self.platform.now_s()

    def back(self, default: str) -> str:
        """The page of ours from which a form came, `default` where it does not say."""
        path = str(self.form.get("back", ""))
        return path if path.startswith("/") and not path.startswith(("//", "/\\")) else default

    def path(self, name: str) -> str:
        """A parameter of the path."""
        return str(self.request.path_params.get(name, ""))

    def t(self, text: str, **values: object) -> str:
        """A sentence in the visitor's language."""
        return said(text, self.lang, **values)

    def may(self, handler: Handler) -> bool:
        """Whether the visitor's role may call a handler: what is not allowed is not offered."""
        roles = _ROWS[handler].roles
        return roles is None or (self.known and self.caller.role in roles)

    async def do(self, handler: Handler, **parts: object) -> Any:
        """Call a handler of the API for the visitor: the same permissions, checks, findings and audit as over HTTP. Raises Problem.

        parts: `path`, `query`, `headers`, `body` as structs, or as mappings that are read as the API reads them.
        """
        row = _ROWS[handler]
        if not self.may(handler):
            assert row.roles is not None
            raise Problem(403, "role", f"this needs one of the roles {', '.join(sorted(row.roles))}; yours is {self.caller.role}")
        call = Call(self.platform, self.caller, self.remote, self.request.headers.get("user-agent", ""), self.request_id)
        given = {name: _read(name, kind, parts.get(name, {})) for name, kind in row.arguments.items()}
        try:
            result = await handler(call, **given)
        except (InputError, Conflict) as error:
            raise told_of(error) from None
        if row.method in _WRITES and not call.audited and row.roles is not None:
            await call.note(row.name, self.request.url.path, after=_ENCODER.encode(given).decode())
        self.etag = call.out.get("ETag", "")
        if "Set-Cookie" in call.out:
            self.cookies.append(call.out["Set-Cookie"])
        return result

    async def maybe(self, handler: Handler, default: Any, **parts: object) -> Any:
        """What a handler gives, `default` where there is no such thing, no such part of the platform, or not for this visitor."""
        try:
            return await self.do(handler, **parts)
        except Problem as problem:
            if problem.status in (403, 404, 503) or problem.code == "no-zone":
                return default
            raise

    async def sites(self) -> dict[str, Site]:
        """Sites that the visitor sees, by id."""
        if self._sites is None:
            page = await self.maybe(list_sites, None, query={"limit": str(SITES_MAX)})
            self._sites = {} if page is None else {site.site_id: site for site in page.items}
        return self._sites

    def sites_seen(self) -> int:
        """How many sites the visitor is known to see."""
        return len(self._sites or ())

    def zone_of(self, site_id: str) -> str:
        """The clock of a site among those that were looked up; of another one that of the page."""
        site = (self._sites or {}).get(site_id)
        return site.zone if site is not None else ""

    def named(self, names: Sequence[str], before: str = "") -> list[tuple[str, str]]:
        """Values of a choice with their words."""
        return [(name, said(f"{before}{name}", self.lang)) for name in names]

    @staticmethod
    def spans(prices: Sequence[HourPrice]) -> list[tuple[HourPrice, float | None]]:
        """Hours with one price in a row as one, each with the instant at which another begins, None for the last."""
        found: list[tuple[HourPrice, float | None]] = []
        for price in prices:
            if found and replace(found[-1][0], start_s=price.start_s) == price:
                continue
            if found:
                found[-1] = (found[-1][0], price.start_s)
            found.append((price, None))
        return found

    @staticmethod
    def rows(values: Mapping[str, str], name: str) -> list[int]:
        """Numbers of the rows NAME[k]. among the fields of a form."""
        return rows_of(values, name)

    @staticmethod
    def json(text: str) -> object:
        """Content of JSON text, the text itself where it is none."""
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text

    def worded(self, notice: Notice) -> str:
        """What needs attention, in words."""
        return self.t(", ").join(said(part.strip(), self.lang) for part in notice.text.split(",") if part.strip())

    async def zone(self, site_id: str = "") -> str:
        """The clock on which times are shown: the site's, else that of the only site, else that of the settings."""
        sites = await self.sites()
        if site_id in sites:
            return sites[site_id].zone
        zones = {site.zone for site in sites.values()}
        return zones.pop() if len(zones) == 1 else self.platform.config.site.zone


def _read(name: str, kind: Any, content: object) -> Any:
    """One argument of a handler."""
    if isinstance(content, msgspec.Struct):
        return content
    assert isinstance(content, Mapping)
    if name in ("path", "query", "headers"):
        try:
            return read_query(kind, [(str(key), str(value)) for key, value in content.items()])
        except Problem as problem:
            if name == "path":
                raise Problem(404, "not-found", "nothing can have such a name", problem.findings) from None
            raise
    return read_struct(kind, content, strict=False)


async def read_form(request: Request) -> FormData:
    """The fields of a form. Raises Problem for what is none, or too large."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in ("application/x-www-form-urlencoded", ""):
        raise Problem(415, "not-a-form", "send the form as pages do")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_MAX:
            raise Problem(413, "too-large", f"at most {BODY_MAX} bytes", headers={"Connection": "close"})
        parts.append(part)
    try:
        pairs = parse_qsl(b"".join(parts).decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Problem(400, "not-a-form", "the form cannot be read") from None
    return FormData([(name, value.replace("\r\n", "\n")) for name, value in pairs])
