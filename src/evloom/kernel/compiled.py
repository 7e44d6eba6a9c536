"""One place where numba is named: the decorator of the compiled kernels.

Machine code is kept on disk. numba asks only whether the file of a function itself has changed, not whether the functions and
constants have that it takes from other files, and would run old code after such an edit. So the code is kept in a folder of its
own for every state of all the files that hold kernels, or constants that kernels use.
"""

import contextlib
import functools
import importlib
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])
_CONFIG: Any = numba.config
_JIT: Any = numba.njit  # its stubs do not know _nrt
_PACKAGE = Path(__file__).parents[1]
_IMPORTED = re.compile(rb"^from evloom\.([\w.]+) import", re.MULTILINE)


def _without_blas() -> None:
    """Have numba go without scipy's linear algebra, which no kernel uses (decision 9) and which is a fifth of a second of every start
    where scipy happens to be installed."""
    modules: Any = sys.modules
    if "scipy.linalg" in modules:
        return
    modules["scipy.linalg"] = None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del modules["scipy.linalg"]


_without_blas()


def compiled(function: _Function) -> _Function:
    """Compile `function` to machine code at its first call and keep the result on disk where a folder can be written.

    No fast-math: the same input gives the same bits on every run, which the digest tests need.
    """
    return _compiled(function, counts=True)


def lean(function: _Function) -> _Function:
    """The same without counting references to arrays, which for a few numbers a call costs more than to compute with them.

    For functions that neither make an array nor take one from a function that they call; views of what they were given are none.
    """
    return _compiled(function, counts=False)


def _compiled(function: _Function, counts: bool) -> _Function:
    folder = _folder()
    before = _CONFIG.CACHE_DIR
    _CONFIG.CACHE_DIR = str(folder or before)
    try:
        # The dispatcher is called like the function it stands for.
        return cast(_Function, _JIT(cache=folder is not None, nogil=True, error_model="numpy", _nrt=counts)(function))
    finally:
        _CONFIG.CACHE_DIR = before


@functools.cache
def _folder() -> Path | None:
    """Where machine code of the present state of the kernels is kept, or None where no folder can be written.

    The first of $NUMBA_CACHE_DIR, the package itself and the user's cache that can be written. numba would find such a folder
    too, but not one for each state of the kernels, and it gives up with an error where there is none.
    """
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~")) / ".cache") / "evloom"
    named = os.environ.get("NUMBA_CACHE_DIR")
    for base in ([Path(named)] if named else []) + [_PACKAGE / "__pycache__", user]:
        folder = base / f"kernels-{sources_stamp(_PACKAGE):08x}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


def has_machine_code() -> bool:
    """Whether kernels of the present state were compiled by an earlier run."""
    folder = _folder()
    return folder is not None and any(folder.rglob("*.nbi"))


def note_compiled(name: str) -> None:
    """Remember that all kernels that `name` stands for have been compiled in their present state."""
    folder = _folder()
    if folder is not None:
        with contextlib.suppress(OSError):
            (folder / f"{name}.all").touch()


def was_compiled(name: str) -> bool:
    """Whether `note_compiled` was said of this name and the present state; True also where nothing is kept, as asking again is no use."""
    folder = _folder()
    return folder is None or (folder / f"{name}.all").exists()


def sources_stamp(package: Path) -> int:
    """A number that changes with any file of `package` that holds kernels, or that such a file imports."""
    holds = {path: path.read_bytes() for path in package.rglob("*.py")}
    kernels = {path for path, text in holds.items() if b"evloom.kernel.compiled import" in text}
    used = {package / (name.decode().replace(".", "/") + ".py") for path in kernels for name in _IMPORTED.findall(holds[path])}
    stamp = 0
    for path in sorted(kernels | (used & holds.keys())):
        stamp = zlib.crc32(holds[path], zlib.crc32(path.relative_to(package).as_posix().encode(), stamp))
    return stamp
