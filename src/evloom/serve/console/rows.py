"""Rows of a form: fields named NAME[k].FIELD, k any numbers that rise."""

from collections.abc import Mapping
from typing import Any


def rows_of(form: Mapping[str, Any], name: str) -> list[int]:
    """Numbers of the rows NAME[k]. that a form has, in order."""
    start = f"{name}["
    found = {key[len(start) :].partition("]")[0] for key in form if key.startswith(start)}
    return sorted(int(number) for number in found if number.isdecimal() and len(number) < 6)
