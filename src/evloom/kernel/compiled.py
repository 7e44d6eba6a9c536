"""One place where numba is named: the decorator of the compiled kernels.

Machine code is kept on disk. numba asks only whether the file of a function itself has changed, not whether the functions and
constants have that it takes from other files, and would run old code after such an edit. So the code is kept in a folder of its
own for every state of all the files that hold kernels, or constants that kernels use.
"""

import functools
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])
_CONFIG: Any = numba.config
_PACKAGE = Path(__file__).parents[1]
_IMPORTED = re.compile(rb"^from evloom\.([\w.]+) import", re.MULTILINE)


def compiled(function: _Function) -> _Function:
    """Compile `function` to machine code at its first call and keep the result on disk.

    No fast-math: the same input gives the same bits on every run, which the digest tests need.
    """
    before = _CONFIG.CACHE_DIR
    _CONFIG.CACHE_DIR = str(_folder())
    try:
        # The dispatcher is called like the function it stands for.
        return cast(_Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
    finally:
        _CONFIG.CACHE_DIR = before


@functools.cache
def _folder() -> Path:
    """Where machine code of the present state of the kernels is kept: in $NUMBA_CACHE_DIR if that is set, else in the package.

    Where it cannot be written numba falls back to the user's own cache folder.
    """
    base = Path(os.environ.get("NUMBA_CACHE_DIR") or _PACKAGE / "__pycache__")
    return base / f"kernels-{sources_stamp(_PACKAGE):08x}"


def has_machine_code() -> bool:
    """Whether kernels of the present state were compiled by an earlier run."""
    return any(_folder().rglob("*.nbi"))


def sources_stamp(package: Path) -> int:
    """A number that changes with any file of `package` that holds kernels, or that such a file imports."""
    holds = {path: path.read_bytes() for path in package.rglob("*.py")}
    kernels = {path for path, text in holds.items() if b"evloom.kernel.compiled import" in text}
    used = {package / (name.decode().replace(".", "/") + ".py") for path in kernels for name in _IMPORTED.findall(holds[path])}
    stamp = 0
    for path in sorted(kernels | (used & holds.keys())):
        stamp = zlib.crc32(holds[path], zlib.crc32(path.relative_to(package).as_posix().encode(), stamp))
    return stamp
