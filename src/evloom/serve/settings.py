"""Reading the settings: from a TOML file and the environment, with every mistake said at once."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from zoneinfo import available_timezones

import msgspec

from evloom.dispatch.objective import parse_objective
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.serve.config import Config

PREFIX = "EVLOOM_"
NOT_SETTINGS = ("EVLOOM_DATA", "EVLOOM_ADMIN_PASSWORD")
"""Variables of the same prefix that mean something else."""


def read_config(path: Path | None, environment: Mapping[str, str]) -> Config:
    """The settings of the file, those of the environment over them. Raises InputError with all that is wrong."""
    findings: list[Finding] = []
    said = _file(path) if path is not None else {}
    source = path.name if path is not None else "settings"
    sections: dict[str, Any] = {}
    hints = get_type_hints(Config)
    findings += [_unknown(source, name, hints) for name in said if name not in hints]
    over = dict(_from_environment(environment, findings))
    for name, kind in hints.items():
        if name == "meters":
            sections[name] = _meters(said.get(name, []), source, findings)
        else:
            sections[name] = _section(kind, name, said.get(name, {}), over.get(name, {}), source, findings)
    if not findings:
        config = Config(**sections)
        findings = list(_together(config, source))
        if not findings:
            return config
    raise InputError(findings)


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        advice = "mend the file; docs/serve.md shows one"
        raise InputError([Finding("config.unreadable", "refused", path.name, None, None, str(error), "TOML in UTF-8", advice)]) from None


def _from_environment(environment: Mapping[str, str], findings: list[Finding]) -> Iterator[tuple[str, dict[str, str]]]:
    hints = get_type_hints(Config)
    over: dict[str, dict[str, str]] = {}
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        section, _, key = name.removeprefix(PREFIX).lower().partition("__")
        if section == "meters" or section not in hints or key not in get_type_hints(hints[section]):
            allowed = "EVLOOM_SECTION__KEY, e.g. EVLOOM_SERVER__PORT"
            advice = "meters are set in a file" if section == "meters" else "docs/serve.md lists sections and keys"
            findings.append(Finding("config.unknown", "refused", "environment", None, name, text[:80], allowed, advice))
        else:
            over.setdefault(section, {})[key] = text
    yield from over.items()


def _section(kind: Any, name: str, said: Any, over: dict[str, str], source: str, findings: list[Finding]) -> Any:
    """One section: its keys from the file, and over them those of the environment."""
    hints = get_type_hints(kind, include_extras=True)
    if not isinstance(said, dict):
        findings.append(
            Finding("config.section", "refused", source, None, name, repr(said)[:80], f"a table [{name}]", "write its keys below it")
        )
        return kind()
    findings += [_unknown(source, f"{name}.{key}", hints) for key in said if key not in hints]
    values: dict[str, Any] = {}
    for key, hint in hints.items():
        if key in over:
            text: Any = [part.strip() for part in over[key].split(",")] if _is_tuple(hint) else over[key]
            _take(values, key, text, hint, ("environment", f"{PREFIX}{name}__{key}".upper(), False, findings))
        elif key in said:
            _take(values, key, said[key], hint, (source, f"{name}.{key}", True, findings))
    return kind(**values)


def _meters(said: Any, source: str, findings: list[Finding]) -> tuple[Any, ...]:
    kind = get_args(get_type_hints(Config)["meters"])[0]
    if not isinstance(said, list):
        findings.append(
            Finding(
                "config.section",
                "refused",
                source,
                None,
                "meters",
                repr(said)[:80],
                "[[meters]] once for each meter",
                "use double brackets",
            )
        )
        return ()
    return tuple(_section(kind, f"meters[{number}]", one, {}, source, findings) for number, one in enumerate(said, 1))


def _is_tuple(hint: Any) -> bool:
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return get_origin(plain) is tuple


def _take(values: dict[str, Any], key: str, value: Any, hint: Any, place: tuple[str, str, bool, list[Finding]]) -> None:
    source, name, strict, findings = place
    try:
        values[key] = msgspec.convert(value, hint, strict=strict)
    except msgspec.ValidationError:
        advice = meaning(hint) or "docs/serve.md has all settings"
        findings.append(Finding("config.value", "refused", source, None, name, repr(value)[:80], allowed(hint), advice))


def _notes(hint: Any) -> list[msgspec.Meta]:
    return [note for note in get_args(hint)[1:] if isinstance(note, msgspec.Meta)] if get_origin(hint) is Annotated else []


def meaning(hint: Any) -> str:
    """What a setting is, as its declaration says; "" where the name says it all."""
    return next((note.description for note in _notes(hint) if note.description), "")


def allowed(hint: Any) -> str:
    """What a setting may be, in words."""
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(plain) is tuple:
        return "list of " + allowed(get_args(plain)[0])
    if get_args(plain):
        return ", ".join(str(each) or "empty" for each in get_args(plain))
    bounds = [
        f"{sign} {getattr(note, key):g}"
        for note in _notes(hint)
        for key, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))
        if getattr(note, key) is not None
    ]
    patterns = [f"like {note.pattern}" for note in _notes(hint) if note.pattern]
    words = {bool: "true, false", int: "whole number", float: "number", str: "text"}
    return " ".join([words[plain], ", ".join(bounds + patterns)]).strip()


def _unknown(source: str, name: str, known: Mapping[str, Any]) -> Finding:
    return Finding("config.unknown", "refused", source, None, name, "is no setting", ", ".join(known), "correct the name or take it out")


def _together(config: Config, source: str) -> Iterator[Finding]:
    """What single values cannot show."""

    def wrong(name: str, value: str, allowed: str, advice: str) -> Finding:
        return Finding("config.value", "refused", source, None, name, value, allowed, advice)

    ocpp, server = config.ocpp, config.server
    if bool(ocpp.tls_certificate) != bool(ocpp.tls_key):
        yield wrong(
            "ocpp.tls_certificate", ocpp.tls_certificate or "(empty)", "both tls_certificate and tls_key, or neither", "name both files"
        )
    for key in ("tls_certificate", "tls_key", "client_ca"):
        name = getattr(ocpp, key)
        if name and not Path(name).is_file():
            yield wrong(f"ocpp.{key}", name, "a file that exists", "check the path; it is read from where evloom was started")
    if not ocpp.enabled and not ocpp.tls_certificate:
        yield wrong("ocpp.enabled", "false", "a port without TLS, or a certificate for one with TLS", "no charger could connect")
    ports = [
        ("server.port", server.port),
        ("ocpp.port", ocpp.port if ocpp.enabled else 0),
        ("ocpp.tls_port", ocpp.tls_port if ocpp.tls_certificate else 0),
    ]
    for index, (name, port) in enumerate(ports):
        if port and any(port == other for _, other in ports[:index]):
            yield wrong(name, str(port), "a port of its own", "choose another one")
    if config.site.zone not in available_timezones():
        yield wrong("site.zone", config.site.zone, "an IANA time zone such as Asia/Shanghai", "correct the name")
    if config.site.n_phase == 2:
        yield wrong("site.n_phase", "2", "1 or 3", "choose one of them")
    try:
        parse_objective(config.control.objective)
    except InputError as error:
        yield from (replace(finding, source=source, field="control.objective") for finding in error.findings)
    if config.cluster.nats_url and not config.database.url.startswith("postgresql:"):
        yield wrong(
            "cluster.nats_url", config.cluster.nats_url, "with database.url = postgresql://...", "several gateways share one PostgreSQL"
        )
    for number, meter in enumerate(config.meters, 1):
        if meter.kind == "mqtt" and not meter.topic:
            yield wrong(f"meters[{number}].topic", "(empty)", "the topic of the meter", "say which topic bears its power")
