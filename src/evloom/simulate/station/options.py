"""The options of `evloom stations` and what their help says. Light to import: every other command reads this file too."""

import argparse
from pathlib import Path

ABOUT = """\
Virtual charging stations that connect to a central system and speak real OCPP 1.6J, 2.0.1 and 2.1 over websockets. Cars of a scenario
come, charge along their curves and leave; the stations follow charging profiles, or do not, as you ask.

  evloom stations ws://127.0.0.1:9000/ocpp
  evloom stations ws://127.0.0.1:9000/ocpp --count 30 --versions 1.6,2.0.1,2.1 --scenario examples/community/scenario.toml --speed 60
  evloom stations ws://127.0.0.1:9000/ocpp --count 40 --ignore-profiles 5 --go-offline 5
"""
MORE = """\
The time of the stations is what the central system answers to the first boot, and then runs --speed times as fast. The scenario is
played at the same hour of the same weekday, or from --start on. A driver's token is --token-prefix and the driver of the session.
docs/virtual-stations.md says what they can do. exit codes: 0 stopped, 1 no station could connect, 2 wrong input
"""
VERSIONS = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1", "2.1": "ocpp2.1"}


def stations_parser(jobs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """The parser of `evloom stations`, added to the jobs of the command."""
    raw = argparse.RawDescriptionHelpFormatter
    text = "virtual charging stations that speak real OCPP, for trying a central system"
    parser = jobs.add_parser("stations", help=text, description=ABOUT, epilog=MORE, formatter_class=raw)
    parser.add_argument("url", metavar="URL", help="central system, e.g. ws://127.0.0.1:9000/ocpp; the id of the station is added")
    parser.add_argument("--scenario", type=Path, metavar="FILE", help="whose piles and cars (default: three stations that nobody visits)")
    parser.add_argument("--count", type=_count, default=0, metavar="N", help="number of stations (default: one for each pile)")
    parser.add_argument(
        "--versions", type=_versions, default=tuple(VERSIONS), metavar="LIST", help="taken in turn (default: 1.6,2.0.1,2.1)"
    )
    parser.add_argument("--speed", type=_above_zero, default=1.0, metavar="X", help="virtual seconds per second (default: 1)")
    parser.add_argument("--start", metavar="WHEN", help='instant of the scenario that is now, e.g. "2025-06-02T17:00"')
    parser.add_argument("--id-prefix", default="", metavar="TEXT", help="before the name of the pile, for the id of the station")
    parser.add_argument("--token-prefix", default="", metavar="TEXT", help="before the name of the driver, for his token")
    parser.add_argument("--password", default="", metavar="TEXT", help="of every station, for basic authentication")
    parser.add_argument("--meter", type=_above_zero, default=60.0, metavar="S", help="virtual seconds between meter values (default: 60)")
    parser.add_argument("--for", dest="for_s", type=_above_zero, metavar="S", help="stop after so many real seconds (default: Ctrl-C)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of what is random (default: 1)")
    _add_manners(parser)
    return parser


def _add_manners(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("misbehaviour: so many stations of each kind, one after the other from the first station on")
    group.add_argument("--ignore-profiles", type=_count, default=0, metavar="N", help="accept charging profiles and ignore them")
    group.add_argument("--reject-profiles", type=_count, default=0, metavar="N", help="refuse charging profiles")
    group.add_argument("--go-offline", type=_count, default=0, metavar="N", help="lose their link every hour for ten minutes (virtual)")
    group.add_argument("--register-backwards", type=_count, default=0, metavar="N", help="energy register falls back now and then")
    group.add_argument("--wrong-clock", type=_count, default=0, metavar="N", help="clock is a year behind")
    group.add_argument("--duplicate", type=_count, default=0, metavar="N", help="send words of transactions twice now and then")


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} must be a number above 0")
    return value


def _versions(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [name for name in names if name not in VERSIONS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown) or 'nothing'} is none of {', '.join(VERSIONS)}")
    return names
