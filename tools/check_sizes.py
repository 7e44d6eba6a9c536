"""Files up to 400 lines, function bodies up to 40, six parameters; exceptions only as `size_ratchet.toml` lists them.

A file that a tool wrote says so in its first line and is not looked at.

The list holds the present size of each exception. A number larger than the truth is a fault too, so an exception that
shrinks takes its entry along and can never grow back unseen.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping

from tools.fault import ROOT, Fault, by_hand, python_files, report

RATCHET = "tools/size_ratchet.toml"
LIMITS = {"file_lines": 400, "body_lines": 40, "parameters": 6}
WORDS = {"file_lines": "lines in the file", "body_lines": "lines in the body", "parameters": "parameters"}
ADVICE = {
    "file_lines": "split it by subject",
    "body_lines": "move a part that has a name of its own into a function",
    "parameters": "pass those that belong together as one object",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Size = tuple[str, str, int, int]
"""kind of limit, key in the ratchet list, line, size"""


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Every function under `tree` with its dotted name, methods and inner functions included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield prefix + node.name, node
        if isinstance(node, Function | ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        else:
            yield from functions(node, prefix)


def body_lines(function: Function) -> int:
    """Lines of the body, the docstring apart."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    if not body:
        return 0
    return (function.end_lineno or function.lineno) - body[0].lineno + 1


def n_parameter(function: Function) -> int:
    """How many parameters a caller sees: `self` and `cls` apart, `*args` and `**kwargs` one each."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    own = 1 if named and named[0].arg in ("self", "cls") else 0
    return len(named) - own + (given.vararg is not None) + (given.kwarg is not None)


def sizes(path: str, text: str) -> Iterator[Size]:
    """The size of the file and of each function in it."""
    yield "file_lines", path, 1, len(text.splitlines())
    for name, function in functions(ast.parse(text, path)):
        yield "body_lines", f"{path}::{name}", function.lineno, body_lines(function)
        yield "parameters", f"{path}::{name}", function.lineno, n_parameter(function)


def check(files: Mapping[str, str], ratchet: Mapping[str, Mapping[str, int]]) -> list[Fault]:
    """Faults of `files` (path to text) against the limits and the exceptions in `ratchet` (kind to key to size)."""
    faults = [Fault(RATCHET, 1, f"[{kind}] is no limit; there are {', '.join(LIMITS)}") for kind in ratchet if kind not in LIMITS]
    seen = set()
    for path, text in files.items():
        for kind, key, line, size in sizes(path, text):
            allowed = ratchet.get(kind, {}).get(key)
            seen.add((kind, key))
            limit = LIMITS[kind] if allowed is None else allowed
            what = f"{key.partition('::')[2] or 'this file'}: {size} {WORDS[kind]}"
            if size > limit:
                faults.append(Fault(path, line, f"{what}, at most {limit}: {ADVICE[kind]}"))
            elif allowed is not None and size <= LIMITS[kind]:
                faults.append(Fault(path, line, f"{what}, within the limit now: take {key!r} out of [{kind}] in {RATCHET}"))
            elif allowed is not None and size < allowed:
                faults.append(Fault(path, line, f"{what}, smaller than its exception of {allowed}: write {size} in [{kind}] in {RATCHET}"))
    for kind in LIMITS:
        gone = [key for key in ratchet.get(kind, {}) if (kind, key) not in seen]
        faults += [Fault(RATCHET, 1, f"[{kind}] {key!r} is not in the code: take the entry out") for key in gone]
    return faults


def main() -> int:
    """Check the repository; exit code 1 on any fault."""
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in python_files("src", "tools", "tests")}
    return report(check(by_hand(texts), tomllib.loads((ROOT / RATCHET).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    sys.exit(main())
