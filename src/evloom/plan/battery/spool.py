"""The figures of many packs, kept on disk until all are there: a city's fleet does not have to fit into memory."""

import json
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any, Self


class Spool:
    """Texts by key, appended in any order and read back in any other."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="evloom-diagnose-")  # noqa: SIM115 closed by __exit__
        self._places: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def put(self, key: str, text: str) -> None:
        """Keep a text."""
        content = text.encode("utf-8", "surrogateescape")
        self._places[key] = (self._file.seek(0, 2), len(content))
        self._file.write(content)

    def write(self, stream: IO[bytes], head: dict[str, Any], name: str, keys: Sequence[str]) -> None:
        """Write a JSON object: what `head` says, and under `name` the list of the texts in the order of their keys."""
        opened = json.dumps(head, ensure_ascii=False, allow_nan=False, indent=1).removesuffix("\n}")
        stream.write(f'{opened},\n "{name}": ['.encode("utf-8", "surrogateescape"))
        for count, key in enumerate(keys):
            place, length = self._places[key]
            self._file.seek(place)
            stream.write(b"\n  " if count == 0 else b",\n  ")
            stream.write(self._file.read(length))
        stream.write(b"\n ]\n}\n")
