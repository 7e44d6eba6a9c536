"""Structured logs: one line of JSON for each event, with its name and its fields; secrets never get in."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

_SECRET = ("password", "secret", "authorization", "cookie", "csrf", "api_key", "private_key", "token_hash")
_HIDDEN = "(hidden)"
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_LENGTH_MAX = 2000


def told(log: logging.Logger, level: int, event: str, **fields: Any) -> None:
    """Log an event ("login.failed") with its fields."""
    if log.isEnabledFor(level):
        log.log(level, event, extra={"fields": fields})


class JsonLines(logging.Formatter):
    """{"at":"2026-07-01T12:00:00.000Z","level":"INFO","event":"login.done","log":"evloom.serve...","user":"..."}"""

    def format(self, record: logging.LogRecord) -> str:
        """One line; an exception comes as text in the field `error`."""
        fields = getattr(record, "fields", {})
        line: dict[str, Any] = {
            "at": _written(record.created),
            "level": record.levelname,
            "event": record.getMessage(),
            "log": record.name,
            **{name: shown(name, value) for name, value in fields.items()},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line).decode(errors="replace")


class PlainLines(logging.Formatter):
    """12:00:00 INFO login.done user=..."""

    def format(self, record: logging.LogRecord) -> str:
        """One line for people; an exception follows it."""
        fields = getattr(record, "fields", {})
        words = [f"{name}={_line(shown(name, value))}" for name, value in fields.items()]
        text = " ".join([_written(record.created)[11:19], record.levelname, record.getMessage(), *words])
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def shown(name: str, value: Any) -> Any:
    """A field's value as it may be logged: nothing secret, nothing endless."""
    if any(word in name.lower() for word in _SECRET):
        return _HIDDEN
    if isinstance(value, dict):
        return {key: shown(str(key), inner) for key, inner in value.items()}
    return value[:_LENGTH_MAX] if isinstance(value, str) else value


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream` (standard error), as "json" or "plain" lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else PlainLines())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # What these say of every request or connection is in our own lines already, or is of no use to an operator.
    for noisy in ("uvicorn.access", "websockets.server", "websockets.protocol", "alembic", "sqlalchemy", "evloom.store.engine"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _written(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(value: Any) -> str:
    return str(value).replace("\n", "\\n").replace("\r", "\\r")
