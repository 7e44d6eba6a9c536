"""Scripts, styles and pictures of the console, out of the package; nothing comes from elsewhere."""

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

_MEDIA = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/manifest+json",
}
_KEEP = "public, max-age=86400"


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Every file with its digest, by name."""
    found = {}
    for file in (files("evloom.serve.console") / "assets").iterdir():
        if file.name.rpartition(".")[2] in _MEDIA:
            content = file.read_bytes()
            found[file.name] = (content, hashlib.sha256(content).hexdigest()[:16])
    return found


def address(name: str) -> str:
    """The address of a file; it changes with its content, so that browsers may keep it."""
    return f"/assets/{name}?v={_files()[name][1]}"


async def asset(request: Request) -> Response:
    """One file."""
    found = _files().get(str(request.path_params["name"]))
    if found is None:
        return Response(status_code=404)
    content, digest = found
    headers = {"etag": f'"{digest}"', "cache-control": _KEEP, "x-content-type-options": "nosniff"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=_MEDIA[request.path_params["name"].rpartition(".")[2]], headers=headers)
