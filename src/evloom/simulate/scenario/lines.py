"""Where in a TOML text each key stands, since the standard reader does not tell."""

import re
from bisect import bisect_right

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_STRING = {
    '"""': re.compile(r'"""(?:\\.|[^\\])*?"""(?!")', re.DOTALL),
    "'''": re.compile(r"'''.*?'''(?!')", re.DOTALL),
    '"': re.compile(r'"((?:\\.|[^"\\])*)"'),
    "'": re.compile(r"'([^']*)'"),
}


class LineIndex:
    """Line of every key and table of a TOML text that `tomllib` has accepted.

    A path joins keys with dots and counts items of arrays from 0: "pile[2].rating_kw". Keys written in inline
    tables, as dotted keys or inside multi-line arrays have a line too.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._breaks = [match.end() for match in re.finditer("\n", text)]
        self._items: dict[str, int] = {}
        self.lines: dict[str, int] = {}
        self._scan()

    def line_of(self, path: str) -> int | None:
        """1-based line of `path`, or of the nearest table above it that is written in the file; None without any."""
        while path not in self.lines:
            shorter = re.sub(r"(\.[^.\[]+|\[\d+\])$", "", path)
            if shorter == path:
                return None
            path = shorter
        return self.lines[path]

    def _mark(self, path: str, position: int) -> None:
        self.lines.setdefault(path, bisect_right(self._breaks, position) + 1)

    def _skip(self, position: int) -> int:
        match = _BLANK.match(self._text, position)
        return match.end() if match else position

    def _scan(self) -> None:
        table = ""
        position = self._skip(0)
        while position < len(self._text):
            if self._text.startswith("[[", position):
                keys, end = self._keys(position + 2)
                table = self._resolve(keys[:-1], position)
                array = _join(table, keys[-1])
                self._mark(array, position)
                self._items[array] = self._items.get(array, -1) + 1
                table = f"{array}[{self._items[array]}]"
                self._mark(table, position)
                position = end + 2
            elif self._text[position] == "[":
                keys, end = self._keys(position + 1)
                table = self._resolve(keys, position)
                position = end + 1
            else:
                position = self._pair(position, table)
            position = self._skip(position)

    def _resolve(self, keys: list[str], position: int) -> str:
        """Path of nested tables; a name that is an array of tables means its newest item."""
        base = ""
        for key in keys:
            base = _join(base, key)
            if base in self._items:
                base = f"{base}[{self._items[base]}]"
            self._mark(base, position)
        return base

    def _keys(self, position: int) -> tuple[list[str], int]:
        """The parts of a dotted key and the position of the sign after it."""
        keys: list[str] = []
        while True:
            position = _end(_SPACE, self._text, position)
            quote = self._text[position]
            match = (_STRING[quote] if quote in "\"'" else _BARE).match(self._text, position)
            if match is None:
                return keys, position + 1
            keys.append(match.group(1) if quote in "\"'" else match.group())
            position = _end(_SPACE, self._text, match.end())
            if self._text[position : position + 1] != ".":
                return keys, position
            position += 1

    def _pair(self, position: int, table: str) -> int:
        keys, equals = self._keys(position)
        path = table
        for key in keys:
            path = _join(path, key)
            self._mark(path, position)
        return self._value(self._skip(equals + 1), path)

    def _value(self, position: int, path: str) -> int:
        """Walk over one value, marking the keys inside it; returns the position after it."""
        for quote, pattern in _STRING.items():
            if self._text.startswith(quote, position):
                return _end(pattern, self._text, position)
        if self._text[position] == "[":
            return self._array(position + 1, path)
        if self._text[position] == "{":
            return self._inline(position + 1, path)
        return _end(_SCALAR, self._text, position)

    def _array(self, position: int, path: str) -> int:
        item = 0
        position = self._skip(position)
        while self._text[position] != "]":
            self._mark(f"{path}[{item}]", position)
            position = self._skip(self._value(position, f"{path}[{item}]"))
            item += 1
            if self._text[position] == ",":
                position = self._skip(position + 1)
        return position + 1

    def _inline(self, position: int, path: str) -> int:
        position = self._skip(position)
        while self._text[position] != "}":
            position = self._skip(self._pair(position, path))
            if self._text[position] == ",":
                position = self._skip(position + 1)
        return position + 1


def _join(table: str, key: str) -> str:
    return f"{table}.{key}" if table else key


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position
