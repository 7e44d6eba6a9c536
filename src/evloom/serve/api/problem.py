"""What a caller is told when something is wrong: problem+json (RFC 9457), with findings where the input was wrong."""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from evloom.kernel.finding import Finding

MEDIA = "application/problem+json"


class Fault(msgspec.Struct, frozen=True, omit_defaults=False):
    """One thing that is wrong with the input: where, what was sent, what is allowed, what to do."""

    code: str
    field: str
    value: str
    allowed: str
    advice: str


class Document(msgspec.Struct, frozen=True):
    """A problem as it is sent. `type` ends in its stable code."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str = ""
    findings: list[Fault] = msgspec.field(default_factory=list)


TITLES: dict[int, str] = {
    400: "The request cannot be read",
    401: "Who are you?",
    403: "Not allowed for you",
    404: "There is no such thing",
    405: "This cannot be done here",
    406: "None of the wanted forms is available",
    409: "It is in a state that does not allow it",
    412: "It was changed meanwhile",
    413: "The body is too large",
    415: "The body must be JSON",
    422: "Something in the input is wrong",
    429: "Too many attempts",
    503: "Not available now",
}


class Problem(Exception):  # noqa: N818  RFC 9457 calls it so
    """Raised anywhere in answering a request; `headers` are added to the answer."""

    def __init__(self, status: int, code: str, detail: str, findings: Sequence[Fault] = (), headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.findings = tuple(findings)
        self.headers = headers or {}

    def document(self, instance: str = "") -> Document:
        """The answer's body."""
        title = TITLES.get(self.status) or HTTPStatus(self.status).phrase
        return Document(f"urn:evloom:problem:{self.code}", title, self.status, self.detail, self.code, instance, list(self.findings))

    def body(self, instance: str = "") -> bytes:
        """The answer's body as JSON."""
        return msgspec.json.encode(self.document(instance))


def missing(what: str, name: str) -> Problem:
    """404: also the answer for what belongs to another organisation, so that nobody learns that it is there."""
    return Problem(404, "not-found", f"there is no {what} {name!r} that you may see")


def wrong(*faults: Fault) -> Problem:
    """422 with what is wrong."""
    detail = "; ".join(f"{fault.field}: {fault.advice}" for fault in faults[:3])
    return Problem(422, "wrong-input", detail, faults)


def conflict(code: str, detail: str, *faults: Fault) -> Problem:
    """409: right in itself, but not in the present state."""
    return Problem(409, code, detail, faults)


def of_findings(findings: Sequence[Finding]) -> Problem:
    """422 made of findings of the core, such as those of a tariff or a plan of a site."""
    faults = [fault_of(finding) for finding in findings]
    return wrong(*faults)


def fault_of(finding: Finding) -> Fault:
    """A finding of the core as the interface tells it."""
    return Fault(finding.code, finding.field or finding.source, finding.value[:200], finding.allowed, finding.advice)
