"""Which packages from outside, and which effects, each part of Evloom may use (docs/map.md has the same table in words).

import-linter holds the direction between our own packages. This check holds the rest: a list of what is allowed, so that
whatever is not named here needs a decision first.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tools.fault import ROOT, Fault, python_files, report

_EFFECTS = frozenset(
    "asyncio concurrent ctypes ftplib getpass glob http importlib.resources logging multiprocessing os pathlib queue sched select "
    "selectors shutil signal smtplib socket socketserver sqlite3 ssl subprocess tempfile threading time urllib webbrowser".split()
)
_ASYNC = frozenset("asyncio socket socketserver ssl selectors".split())
_NUMBERS = frozenset({"numpy"})
_REPORTS = _NUMBERS | {"scipy", "polars", "msgspec", "jinja2"}


@dataclass(frozen=True)
class Room:
    """What the modules of one top-level package may import. `outside` None: anything that pyproject.toml declares."""

    outside: frozenset[str] | None
    never: frozenset[str] = frozenset()
    pure: bool = False


ROOMS: Mapping[str, Room] = {
    "kernel": Room(_NUMBERS | {"numba"}, _EFFECTS, pure=True),
    "vehicle": Room(_NUMBERS, _EFFECTS, pure=True),
    "pile": Room(_NUMBERS, _EFFECTS, pure=True),
    "network": Room(_NUMBERS | {"power_grid_model"}, _EFFECTS, pure=True),
    "market": Room(_NUMBERS, _EFFECTS, pure=True),
    "dispatch": Room(_NUMBERS | {"scipy", "highspy"}, _EFFECTS, pure=True),
    "diagnose": Room(_NUMBERS | {"scipy"}, _EFFECTS, pure=True),
    "loop": Room(frozenset({"numpy"}), _EFFECTS, pure=True),
    "wire": Room(_NUMBERS | {"msgspec", "jsonschema_rs"}, _EFFECTS, pure=True),
    "store": Room(frozenset({"numpy", "polars", "msgspec", "sqlalchemy", "alembic", "psycopg"})),
    "simulate": Room(_REPORTS | {"websockets"}, _ASYNC - {"asyncio", "selectors", "ssl"}),
    "plan": Room(_REPORTS | {"ray"}, _ASYNC),
    "serve": Room(None),
    "cli": Room(frozenset({"numpy", "polars", "msgspec", "tqdm"}), _ASYNC),
    "__main__": Room(frozenset(), _EFFECTS),
    "__init__": Room(frozenset(), _EFFECTS),
}
FILES: Mapping[str, frozenset[str]] = {
    # Where machine code is kept on disk can only be said where it is compiled.
    "kernel/compiled.py": frozenset({"os", "pathlib", "tempfile"}),
}
"""Effects that one single file may have although its room has none, each with its reason."""
ONE_FILE = {"numba": "kernel", "highspy": "dispatch", "power_grid_model": "network", "ray": "plan", "jsonschema_rs": "wire"}
"""Packages that one single file of the room may import."""
IMPORT_NAMES = {"argon2_cffi": "argon2", "nats_py": "nats", "python_multipart": "multipart"}
"""Where a package is imported under another name than it is installed."""


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module that is imported anywhere in the tree, also for types only, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def room_of(path: str) -> str:
    """The top-level package that src/evloom/<room>/... or src/evloom/<room>.py belongs to."""
    return path.removeprefix("src/evloom/").split("/")[0].removesuffix(".py")


def _ours(name: str, module: str) -> str | None:
    """What is wrong with a module of room `name` importing our own `module`, which the layers do not already forbid."""
    parts = module.split(".")
    if name == "serve" and parts[1:2] == ["simulate"]:
        return "serve never imports simulate: start both from cli, or as two processes"
    if parts[1:2] == ["wire"] and "messages" in parts and name != "wire":
        return "messages of the wire end in wire/*/translate.py: import what translate gives"
    if len(parts) == 2 and parts[1] not in ROOMS and name not in ("cli", "__main__"):
        return f"import {parts[1]} from the module that defines it; `evloom` itself is for users"
    return None


def _outside(name: str, room: Room, module: str, declared: frozenset[str]) -> str | None:
    """What is wrong with a module of `room` importing `module`, which is not ours."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "__future__":
        banned = next((word for word in room.never if f"{module}.".startswith(f"{word}.")), None)
        return f"{name} may not import {banned}: pass what it needs as an argument, and keep effects at the edge" if banned else None
    if top not in declared:
        return f"{top} is not among the dependencies in pyproject.toml: add it with a decision record, or do without"
    if room.outside is not None and top not in room.outside:
        may = ", ".join(sorted(room.outside)) or "nothing from outside"
        return f"{name} may not import {top}; it may import {may} (tools/check_imports.py)"
    return None


def check_file(path: str, text: str, declared: frozenset[str]) -> list[Fault]:
    """Faults of one module of src/evloom; `declared` are the import names of the dependencies."""
    name = room_of(path)
    room = ROOMS.get(name)
    if room is None:
        return [
            Fault(path, 1, f"evloom.{name} is not on the map: a new top-level package needs a decision record and a line in the tables")
        ]
    room = replace(room, never=room.never - FILES.get(path.removeprefix("src/evloom/"), frozenset()))
    tree = ast.parse(text, path)
    faults = []
    for module, line in imports(tree):
        ours = module.split(".")[0] == "evloom"
        wrong = _ours(name, module) if ours else _outside(name, room, module, declared)
        if wrong:
            faults.append(Fault(path, line, wrong))
    if room.pure:
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
        opened = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id in ("open", "input")]
        faults += [Fault(path, line, f"{name} may not open files: take the text or the bytes as an argument") for line in opened]
    return faults


def check_single(files: Mapping[str, str]) -> list[Fault]:
    """Packages that one file only may import, found in more than one."""
    faults = []
    for package, name in ONE_FILE.items():
        users = [
            path for path, text in files.items() if any(module.split(".")[0] == package for module, _ in imports(ast.parse(text, path)))
        ]
        faults += [Fault(path, 1, f"{package} is imported in {users[0]} already; one file of {name} holds it") for path in users[1:]]
    return faults


def declared_dependencies(pyproject: str) -> frozenset[str]:
    """Import names of the dependencies that the text of pyproject.toml declares, those of extras among them."""
    project = tomllib.loads(pyproject)["project"]
    lines = [*project["dependencies"], *(line for extra in project.get("optional-dependencies", {}).values() for line in extra)]
    names = (re.split(r"[^\w.-]", line, maxsplit=1)[0].lower().replace("-", "_") for line in lines)
    return frozenset(IMPORT_NAMES.get(name, name) for name in names)


def main() -> int:
    """Check the repository; exit code 1 on any fault."""
    declared = declared_dependencies((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    files = {path: (ROOT / path).read_text(encoding="utf-8") for path in python_files("src/evloom")}
    faults = [fault for path, text in files.items() for fault in check_file(path, text, declared)]
    return report(faults + check_single(files))


if __name__ == "__main__":
    sys.exit(main())
