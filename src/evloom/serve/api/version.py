"""Versions of documents in headers: ETag says which one was read, If-Match refuses to write over another."""

from typing import Annotated

from msgspec import Meta, UnsetType

from evloom.serve.api.problem import Problem
from evloom.serve.api.shape import UNSET, Input

Tag = Annotated[str, Meta(max_length=100, pattern=r"^[\u0021-\u007e]([ -~]*[\u0021-\u007e])?$(?!\n)", description='An ETag, e.g. "3"')]


class IfMatch(Input, rename={"if_match": "If-Match"}):
    """The ETag of the version that is to be changed; without it the newest is."""

    if_match: Tag | UnsetType = UNSET


def tag(version: int) -> str:
    """A version as an ETag."""
    return f'"{version}"'


def check(headers: IfMatch, version: int) -> None:
    """Raises Problem 412 where If-Match names another version than the newest."""
    if isinstance(headers.if_match, UnsetType) or headers.if_match.strip() == "*":
        return
    named = [part.strip().removeprefix("W/") for part in headers.if_match.split(",")]
    if tag(version) not in named:
        raise Problem(412, "changed-meanwhile", f"the newest version is {version}; read it and try again", headers={"ETag": tag(version)})
