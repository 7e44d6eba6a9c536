"""What `evloom serve` does once its arguments are read."""

import argparse
import os
import re
from collections.abc import Callable

import msgspec

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.serve.config import Config
from evloom.serve.options import of_options
from evloom.serve.settings import read_config
from evloom.serve.system_clock import pace

Say = Callable[[str], None]


def serve(options: argparse.Namespace, say: Say, warn: Say) -> int:
    """Run the platform until it is stopped. Raises InputError for wrong settings."""
    config = read_config(options.config, {**os.environ, **of_options(options)})
    if options.check:
        say(as_text(config))
        return 0
    try:
        if options.backup is not None:
            from evloom.serve.backup import back_up

            return back_up(config, options.backup, say, warn)
        from evloom.serve.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("evloom"):
            raise
        allowed = "the packages of the extra `serve`"
        advice = "install them: pip install 'evloom[serve]'"
        raise InputError(
            [Finding("serve.not-installed", "refused", "evloom serve", None, None, f"no {error.name}", allowed, advice)]
        ) from None
    if options.speed != 1.0 or options.clock is not None:
        pace(options.speed, options.clock)
    return run(config, say, warn)


def as_text(config: Config) -> str:
    """The settings in force, as TOML; what is secret is not shown."""
    shown = msgspec.to_builtins(config)
    shown["database"]["url"] = _without_password(shown["database"]["url"])
    for meter in shown["meters"]:
        meter["password"] = "(set)" if meter["password"] else ""
    shown["telematics"]["platforms"] = [one.partition(":")[0] + ":(set)" for one in shown["telematics"]["platforms"]]
    shown["telematics"]["mqtt_url"] = _without_password(shown["telematics"]["mqtt_url"])
    tables = [f"[{name}]\n{_lines(table)}" for name, table in shown.items() if name != "meters"]
    return "\n\n".join([*tables, *(f"[[meters]]\n{_lines(meter)}" for meter in shown["meters"])])


def _without_password(url: str) -> str:
    return re.sub(r"//([^:/@]*):[^@]*@", r"//\1:(set)@", url)


def _lines(table: dict[str, object]) -> str:
    return "\n".join(f"{key} = {_value(value)}" for key, value in table.items())


def _value(value: object) -> str:
    # JSON's text, numbers, booleans and lists are TOML's.
    return msgspec.json.encode(value).decode()
