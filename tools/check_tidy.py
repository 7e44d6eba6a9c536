"""What no tracked file may hold: a rag-bag module, unfinished notes, paths of one machine, package hosts, more than 2 MiB."""

import re
import sys
from pathlib import PurePosixPath

from tools.fault import ROOT, Fault, listed_files, report

SIZE_MAX_BYTES = 2 * 1024 * 1024
# One letter of each pattern stands in brackets, so that this file does not break its own rules.
_LINE_RULES = (
    (r"\b(T[O]DO|F[I]XME|X[X]X)\b", "a note of something unfinished: finish it, or open an issue and take the note out"),
    (r"(?<![\w.~-])/(w[o]rk|r[o]ot|h[o]me|U[s]ers)/\w", "a path of one machine: make it relative to the repository"),
    (r"\b(p[y]pi\.org|python[h]osted\.org|np[m]js\.(org|com)|deb\.[d]ebian\.org)\b", "a package host: name the package only"),
    (r"^(<{7}|>{7}) ", "a merge conflict: settle it"),
)
RULES = tuple((re.compile(pattern), advice) for pattern, advice in _LINE_RULES)
RAG_BAGS = {"util", "utils", "helper", "helpers", "misc", "common"}


def check_name(path: str) -> list[Fault]:
    """A module or folder whose name says nothing of its subject."""
    parts = PurePosixPath(path).with_suffix("").parts
    bad = [part for part in parts if part.lower() in RAG_BAGS] if path.endswith(".py") else []
    return [Fault(path, 1, f"a module named {part!r} has no subject: name it after what it holds") for part in bad]


def check_content(path: str, content: bytes) -> list[Fault]:
    """Faults in the bytes of one file; only its size is judged when it is not text."""
    faults = []
    if len(content) > SIZE_MAX_BYTES:
        faults.append(Fault(path, 1, f"{len(content) / 1024**2:.1f} MiB, at most 2 MiB: fetch or generate it instead"))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return faults
    if "\0" in text:
        return faults
    for number, line in enumerate(text.splitlines(), 1):
        faults += [Fault(path, number, f"{found.group()!r} is {advice}") for rule, advice in RULES if (found := rule.search(line))]
    return faults


def main() -> int:
    """Check the repository; exit code 1 on any fault."""
    faults = []
    for path in listed_files():
        faults += check_name(path) + check_content(path, (ROOT / path).read_bytes())
    return report(faults)


if __name__ == "__main__":
    sys.exit(main())
