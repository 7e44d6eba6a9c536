"""The options of `evloom dispatch` and what their help says. Light to import: every other command reads this file too."""

import argparse
from pathlib import Path

ABOUT = """\
Plan when every vehicle of a fleet charges: least cost under a tree of limits, with a proof of how near the plan is to the best.

  evloom dispatch --generate 1000                          a thousand vehicles made up, but realistic
  evloom dispatch --generate 1000 --write my-city          the same as files, to look at and to change
  evloom dispatch my-city --check                          say what is wrong or doubtful in files, and stop
  evloom dispatch my-city --json out.json --schedule out.parquet
"""
MORE = """\
PROBLEM is a folder with network.json (horizon, nodes, limits, base load), vehicles.csv or .parquet, and signals.csv (prices),
or one JSON document with all of it. docs/dispatch.md lists every column.

methods: exact gives the optimum itself; sweeps gives a schedule and a bound that proves how near it is, in seconds for a million
vehicles; auto takes the one that suits the size.

objectives: cost, peak, demand, valley, carbon, earliest, export, wear; "cost+0.05*carbon" adds with weights, "peak>cost" puts one
before the other. Nobody goes short for any of them. evloom simulate --help says what each means.

trees (--tree): one (a single cap); 25/100 (100 vehicles at a transformer, 25 transformers at a feeder, the substation above all);
5/25/100 has a level more; 4,25 is 4 feeders of 25 transformers, however many vehicles there are.

Ctrl-C stops after the sweep that is running: the best schedule so far is kept, with its gap, and everything is written.
exit codes: 0 done, 1 a file could not be written or a limit is broken, 2 wrong input (every fault is listed), 130 interrupted
"""


def dispatch_parser(jobs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """The parser of `evloom dispatch`, added to the jobs of the command."""
    raw = argparse.RawDescriptionHelpFormatter
    text = "plan the charging of a fleet under a tree of limits, from a garage to a city"
    parser = jobs.add_parser("dispatch", help=text, description=ABOUT, epilog=MORE, formatter_class=raw)
    parser.add_argument("problem", type=Path, nargs="?", metavar="PROBLEM", help="folder or JSON document")
    _generate_options(parser.add_argument_group("instead of PROBLEM, a fleet that is made up"))
    solve = parser.add_argument_group("how to plan")
    solve.add_argument("--objective", metavar="TERMS", help='what to make least; "cost", with V2G "cost+wear", where left out')
    solve.add_argument("--method", choices=("auto", "exact", "sweeps"), default="auto", help="see below (default: auto)")
    solve.add_argument(
        "--gap", type=float, default=1e-3, metavar="SHARE", help="stop when proved to be this near (default: 0.001 = 0.1 %%)"
    )
    solve.add_argument("--sweeps", type=int, default=200, metavar="N", help="and in any case after so many sweeps (default: 200)")
    solve.add_argument("--shards", type=int, metavar="N", help="sweep the fleet in so many parts (default: as one, in this process)")
    solve.add_argument("--runner", choices=("local", "ray"), default="local", help="who sweeps the shards: processes here, or Ray")
    solve.add_argument("--workers", type=int, metavar="N", help="how many processes or actors do (default: one for each processor here)")
    solve.add_argument(
        "--settable",
        type=_amps,
        nargs="?",
        const=6.0,
        metavar="AMPS",
        help="a plan that chargers can be set to: AMPS (6 where left out) and up in whole amperes, hardly anything below, at no cost",
    )
    write = parser.add_argument_group("what to write, beside the table")
    write.add_argument("--json", type=Path, metavar="FILE", help="all figures, with units in the keys")
    write.add_argument("--schedule", type=Path, metavar="FILE", help=".parquet or .csv: vehicle_id, time, power_kw where it is not 0")
    write.add_argument("--report", type=Path, metavar="FILE.html", help="one page with pictures that opens offline")
    write.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the report")
    other = parser.add_argument_group("instead of planning")
    other.add_argument("--check", action="store_true", help="say what the problem holds and what is doubtful, and stop")
    other.add_argument(
        "--write", type=Path, metavar="FOLDER", help="write the problem as files (one document where it ends in .json), and stop"
    )
    return parser


def _amps(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of amperes; a PROBLEM stands before --settable, or after --settable 6"
        ) from None


def _generate_options(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--generate", type=int, metavar="N", help="number of vehicles")
    group.add_argument("--seed", type=int, default=0, metavar="S", help="the same seed makes the same fleet (default: 0)")
    group.add_argument("--tree", default="25/100", metavar="TREE", help="nodes and limits, see below (default: 25/100)")
    group.add_argument(
        "--headroom",
        type=float,
        default=0.85,
        metavar="SHARE",
        help="limit of each node as a share of its peak without control (default: 0.85; at 0.6 many are short)",
    )
    group.add_argument("--v2g", type=float, default=0.0, metavar="SHARE", help="share of vehicles that may discharge (default: 0)")
    group.add_argument("--steps", type=int, default=96, metavar="N", help="steps of the horizon (default: 96)")
    group.add_argument("--step-minutes", type=int, default=15, metavar="MIN", help="length of a step (default: 15)")
