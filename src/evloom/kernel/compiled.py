"""One place where numba is named: the decorator of the compiled kernels."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile `function` to machine code at its first call and keep the result on disk.

    No fast-math: the same input gives the same bits on every run, which the digest tests need.
    """
    # The dispatcher is called like the function it stands for.
    return cast(_Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
