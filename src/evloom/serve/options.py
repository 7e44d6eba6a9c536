"""The options of `evloom serve` and what their help says. Light to import: every other command reads this file too."""

import argparse
from datetime import datetime
from pathlib import Path

ABOUT = """\
The live platform: chargers connect to it over OCPP 1.6J, 2.0.1 and 2.1, the loop keeps them under the site's limits, people see and
steer it in a browser. One process, an embedded database, no other service.

  evloom serve                              console on http://127.0.0.1:8080, chargers on ws://127.0.0.1:9000/ocpp/STATION_ID
  evloom serve --data /srv/evloom           keep everything in that folder
  evloom serve --config evloom.toml         with settings of your own; docs/serve.md lists all of them
  evloom serve --config evloom.toml --check say what is set and what is wrong, and stop
  evloom serve --backup copy-2026-11-30     copy the platform, which may be running, into a new folder, and stop
"""
MORE = """\
Every setting can also come from the environment: EVLOOM_SERVER__PORT=8081, EVLOOM_OCPP__UNKNOWN_STATIONS=pending. It is stronger
than the file, and the options above are stronger than both. The first start prints a link by which you make yourself administrator.
Ctrl-C or SIGTERM stops it in good order; after a kill or a power cut it goes on with everything that was answered.
exit codes: 0 stopped, or done what was asked for; 1 it could not begin or go on (port taken, database that does not open, no room for a
copy); 2 wrong settings (every fault is listed)
"""


def serve_parser(jobs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """The parser of `evloom serve`, added to the jobs of the command."""
    raw = argparse.RawDescriptionHelpFormatter
    text = "the live platform: chargers over OCPP, console, API, bills"
    parser = jobs.add_parser("serve", help=text, description=ABOUT, epilog=MORE, formatter_class=raw)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (TOML)")
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", metavar="PORT", help="port of console and API (default: 8080; 0 takes a free one)")
    parser.add_argument("--ocpp-port", metavar="PORT", help="port for chargers (default: 9000; 0 takes a free one)")
    parser.add_argument("--data", metavar="FOLDER", help="folder for database, journals and certificates (default: evloom-data)")
    show = parser.add_argument_group("for a demonstration")
    show.add_argument("--speed", type=_above_zero, default=1.0, metavar="X", help="the platform's clock runs so many times as fast")
    show.add_argument("--clock", type=_instant, metavar="WHEN", help="and begins at this instant, e.g. 2025-06-02T16:00+08:00")
    other = parser.add_argument_group("instead of running")
    other.add_argument("--check", action="store_true", help="say what is set and what is wrong, and stop")
    text = "copy the platform of these settings, which may be running, into a new folder that can be its --data"
    other.add_argument("--backup", type=Path, metavar="FOLDER", help=text)
    return parser


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0.0 < value <= 3600.0:
        raise argparse.ArgumentTypeError(f"{text} must be above 0 and at most 3600")
    return value


def _instant(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no instant such as 2025-06-02T16:00+08:00") from None
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} needs its offset from UTC, e.g. {text}+08:00")
    return at.timestamp()


def of_options(options: argparse.Namespace) -> dict[str, str]:
    """The options as the environment would say them."""
    said = {
        "EVLOOM_SERVER__HOST": options.host,
        "EVLOOM_SERVER__PORT": options.port,
        "EVLOOM_OCPP__PORT": options.ocpp_port,
        "EVLOOM_SERVER__DATA": options.data,
    }
    return {name: value for name, value in said.items() if value is not None}
