"""The rules by which batteries are graded and valued: files of the package (`diagnose/rules/*.toml`), with a file of the user's over them.

A user's file has the same tables. An `[[assumption]]` takes the place of that with its key and chemistry, a `[[fault]]` that of its key, a
`[[route]]` that of its name; `[[grade]]` takes the place of all grades; `[pack."ID"]` tells what its owner knows of a pack.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, date, datetime, time
from importlib.resources import files
from pathlib import Path
from typing import Any

from evloom.diagnose.card_inputs import ASSUMED
from evloom.diagnose.card_rules import ROUTES, Assumption, Facts, FaultRule, GradeRule, RouteRule, Rules
from evloom.diagnose.warning import LEVELS
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding

PACKAGED = ("ageing.toml", "prices.toml", "routes.toml")
_CHEMISTRIES = ("NMC", "LFP", "Na", "")
_TABLES = {"assumption": Assumption, "grade": GradeRule, "fault": FaultRule, "route": RouteRule}
_PLAIN_KEYS = ("currency", "points")
_OPTIONAL: Mapping[str, Mapping[str, Any]] = {
    "assumption": {"chemistry": ""},
    "fault": {"repair": "", "knee": False},
    "route": {"needs": ""},
}
_BOUNDS = {
    "soh_from": (0.0, 1.2), "soh_end": (0.0, 1.2), "chance_from": (0.0, 1.0), "capacity_share_from": (0.0, 2.0),
    "resistance_share_to": (0.0, math.inf),
}  # fmt: skip
_WORDS = {
    "level_to": ("", *LEVELS), "level_from": LEVELS, "chemistry": _CHEMISTRIES, "chemistries": _CHEMISTRIES, "rules_out": ROUTES,
    "needs": ("", "swappable"),
}  # fmt: skip
_POINTS = (64, 65536)
_FACT_MOST = 1e5


def load_rules(path: Path | None = None) -> Rules:
    """The packaged rules, with those of a TOML file over them. Raises InputError with everything that is wrong with the file."""
    own: dict[str, Any] = {"currency": "CNY"}
    for name in PACKAGED:
        text = files("evloom.diagnose").joinpath("rules", name).read_text(encoding="utf-8")
        _over(own, _checked(tomllib.loads(text), name))
    if path is not None:
        given = _checked(_parsed(path), path.name)
        _same_currency(own, given, path.name)
        _over(own, given)
    return _made(own)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError([_finding(path.name, "rules.not-found", None, "no such file", "a TOML file", "check the path")]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        what = _finding(path.name, "rules.syntax", None, str(error), "TOML 1.0 in UTF-8 (toml.io)", "mend the file")
        raise InputError([what]) from None


def _checked(values: dict[str, Any], source: str) -> dict[str, Any]:
    """The tables of a file as dataclasses. Raises InputError with all findings."""
    findings: list[Finding] = []
    made: dict[str, Any] = {}
    for key in sorted(set(values) - set(_TABLES) - set(_PLAIN_KEYS) - {"pack"}):
        allowed = ", ".join((*_PLAIN_KEYS, "pack", *_TABLES))
        findings.append(_finding(source, "rules.unknown-key", key, key, allowed, "write one of these, or leave it out"))
    for table in _TABLES:
        rows = values.get(table, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            findings.append(_finding(source, "rules.wrong-type", table, repr(rows)[:60], f"tables [[{table}]]", "write double brackets"))
            continue
        made[table] = [item for place, row in enumerate(rows) if (item := _row(row, (source, table, place), findings)) is not None]
    made["pack"] = _packs(values.get("pack", {}), source, findings)
    made |= _plain(values, source, findings)
    if findings:
        raise InputError(findings)
    return made


def _plain(values: Mapping[str, Any], source: str, findings: list[Finding]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if "currency" in values:
        made["currency"] = values["currency"]
        if not (isinstance(made["currency"], str) and len(made["currency"]) == 3):
            said = repr(made["currency"])
            findings.append(_finding(source, "rules.currency", "currency", said, "three letters (ISO 4217)", 'write e.g. currency = "EUR"'))
    if "points" in values:
        made["points"] = values["points"]
        if not _is_number(made["points"]) or not _POINTS[0] <= made["points"] <= _POINTS[1]:
            said, allowed = repr(made["points"]), f"{_POINTS[0]} .. {_POINTS[1]}"
            findings.append(_finding(source, "rules.out-of-range", "points", said, allowed, "choose a number of cases"))
    return made


def _row(row: Mapping[str, Any], place: tuple[str, str, int], findings: list[Finding]) -> Any:
    """One row of a table as its dataclass, None where it is wrong."""
    source, table, number = place
    kind = _TABLES[table]
    names = {field.name: getattr(field.type, "__name__", str(field.type)) for field in fields(kind)}
    values = {**_OPTIONAL.get(table, {}), **row}
    before = len(findings)
    findings.extend(
        _finding(source, "rules.unknown-key", f"{table}[{number}].{key}", key, ", ".join(names), "leave it out")
        for key in sorted(set(values) - set(names))
    )
    for key, kind_text in names.items():
        where = f"{table}[{number}].{key}"
        if key not in values:
            findings.append(_finding(source, "rules.missing-key", where, "nothing", kind_text, f"add {key} to this [[{table}]]"))
        elif (wrong := _wrong(key, values[key], kind_text)) is not None:
            findings.append(_finding(source, wrong[0], where, repr(values[key])[:60], wrong[1], "mend the value"))
    if len(findings) > before:
        return None
    if table == "assumption" and not values["p10"] <= values["p50"] <= values["p90"]:
        said = f"{values['p10']}, {values['p50']}, {values['p90']}"
        findings.append(_finding(source, "rules.quantiles", f"{table}[{number}]", said, "p10 <= p50 <= p90", "put them in order"))
        return None
    if table == "assumption" and values["key"] not in _keys():
        allowed = ", ".join(sorted(_keys()))
        findings.append(
            _finding(source, "rules.unknown-assumption", f"{table}[{number}].key", values["key"], allowed, "write one of these")
        )
        return None
    return kind(**{key: _typed(value, names[key]) for key, value in values.items()})


def _wrong(key: str, value: Any, kind_text: str) -> tuple[str, str] | None:
    """Code and what is allowed where a value is not of its type or out of range."""
    if kind_text.startswith("tuple"):
        words = _WORDS[key]
        if not isinstance(value, list) or any(word not in words for word in value):
            return "rules.wrong-word", "a list of " + ", ".join(word or '""' for word in words)
    elif kind_text == "float":
        if not _is_number(value):
            return "rules.wrong-type", "a finite number"
        low, high = _BOUNDS.get(key, (-math.inf, math.inf))
        if not low <= value <= high:
            return "rules.out-of-range", f"{low} .. {high}"
    elif kind_text == "bool":
        if not isinstance(value, bool):
            return "rules.wrong-type", "true or false"
    elif not isinstance(value, str):
        return "rules.wrong-type", "text"
    elif key in _WORDS and value not in _WORDS[key]:
        return "rules.wrong-word", ", ".join(word or '""' for word in _WORDS[key])
    return None


def _packs(values: Any, source: str, findings: list[Finding]) -> dict[str, Facts]:
    if not isinstance(values, dict) or not all(isinstance(row, dict) for row in values.values()):
        findings.append(_finding(source, "rules.wrong-type", "pack", repr(values)[:60], '[pack."ID"]', "write a table for each pack"))
        return {}
    wrong = [
        _finding(source, code, f'pack."{pack_id}".{key}', repr(value)[:60], allowed, "mend the value")
        for pack_id, row in values.items()
        for key, value in row.items()
        for code, allowed in _wrong_fact(key, value)
    ]
    findings.extend(wrong)
    return {} if wrong else {pack_id: _facts(row) for pack_id, row in values.items()}


def _wrong_fact(key: str, value: Any) -> list[tuple[str, str]]:
    """Code and what is allowed where a fact about a pack is wrong; one or none."""
    if key in ("energy_kwh", "capacity_ah"):
        return [] if _is_number(value) and 0.0 < value < _FACT_MOST else [("rules.out-of-range", f"above 0 and below {_FACT_MOST:g}")]
    if key == "made":
        return [] if isinstance(value, date) else [("rules.wrong-type", "a date, 2021-03-01")]
    if key == "swappable":
        return [] if isinstance(value, bool) else [("rules.wrong-type", "true or false")]
    return [("rules.unknown-key", "made, energy_kwh, capacity_ah, swappable")]


def _facts(row: Mapping[str, Any]) -> Facts:
    made = row.get("made")
    if made is not None and not isinstance(made, datetime):
        made = datetime.combine(made, time(), UTC)
    made_s = None if made is None else (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()
    return Facts(made_s=made_s, energy_kwh=row.get("energy_kwh"), capacity_ah=row.get("capacity_ah"), swappable=row.get("swappable"))


def _same_currency(own: Mapping[str, Any], given: Mapping[str, Any], source: str) -> None:
    """Another currency is taken only with every price given in it. Raises InputError with the prices that are left in the old one."""
    if given.get("currency", own["currency"]) == own["currency"]:
        return
    told = {(each.key, each.chemistry) for each in given["assumption"]}
    left = sorted({each.key for each in own["assumption"] if own["currency"] in each.unit and (each.key, each.chemistry) not in told})
    if left:
        allowed = f"every price in {given['currency']}: {', '.join(left)}"
        advice = f"add these [[assumption]] for each chemistry, or leave the currency {own['currency']}"
        raise InputError([_finding(source, "rules.currency", "currency", str(given["currency"]), allowed, advice)])


def _over(own: dict[str, Any], given: Mapping[str, Any]) -> None:
    """What is given takes the place of what is there."""
    for key in _PLAIN_KEYS:
        if key in given:
            own[key] = given[key]
    if given["grade"]:
        own["grade"] = given["grade"]
    for table, name_of in (("assumption", _assumption_name), ("fault", lambda each: each.key), ("route", lambda each: each.name)):
        merged = {name_of(each): each for each in own.get(table, [])}
        merged.update({name_of(each): each for each in given[table]})
        own[table] = list(merged.values())
    own["pack"] = {**own.get("pack", {}), **given["pack"]}


def _assumption_name(each: Assumption) -> tuple[str, str]:
    return each.key, each.chemistry


def _made(own: Mapping[str, Any]) -> Rules:
    rules = Rules(
        currency=own["currency"],
        assumptions=tuple(own["assumption"]),
        grades=tuple(own["grade"]),
        faults=tuple(own["fault"]),
        routes=tuple(own["route"]),
        facts=own["pack"],
    )
    return replace(rules, points=int(own["points"])) if "points" in own else rules


def _keys() -> frozenset[str]:
    return frozenset(set(ASSUMED) - {"car_years"} | {"car_years_left", "car_life_years"})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _typed(value: Any, kind_text: str) -> Any:
    return tuple(value) if isinstance(value, list) else float(value) if kind_text == "float" else value


def _finding(source: str, code: str, where: str | None, value: str, allowed: str, advice: str) -> Finding:
    return Finding(code, "refused", source, None, where, value, allowed, advice)
