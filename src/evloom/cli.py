"""The command `evloom`: parses arguments and prints, nothing else."""

import argparse
import gc
import io
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import evloom
from evloom.kernel.errors import is_interrupt
from evloom.plan.battery.options import diagnose_parser
from evloom.plan.fleet.options import dispatch_parser
from evloom.serve.options import serve_parser
from evloom.simulate.station.options import stations_parser

RARELY = (100_000, 50, 100)
"""How often rubbish is looked for: what is imported stays, and looking through it again and again takes a tenth of the start."""

EPILOG = """\
examples:
  evloom simulate examples/community/scenario.toml --report out.html
  evloom simulate examples/workplace-month/scenario.toml --policy uncontrolled,optimal,foresight --objective cost
  evloom simulate my-site.toml --sessions my-sessions.csv --from 2025-03-01 --to 2025-04-01 --json out.json
  evloom sessions my-sessions.csv --check
  evloom dispatch --generate 1000 --report city.html
  evloom diagnose --demo --report pages
  evloom serve
  evloom stations ws://127.0.0.1:9000/ocpp --count 3
  evloom selftest

docs/scenario.md lists everything that a scenario file may say, docs/sessions.md the formats of session files,
docs/dispatch.md those of a fleet and its network, docs/battery-frames.md those of battery frames,
docs/serve.md the settings of the platform.
exit codes: 0 done, 1 a check failed or a result could not be written, 2 wrong input (every fault is listed),
130 interrupted (what is printed is partial and says so)
"""

SIMULATE = """\
Replay the sessions of a scenario under one policy after the other and compare peak, bill, carbon and service.

  evloom simulate examples/community/scenario.toml
  evloom simulate my-site.toml --policy uncontrolled,optimal --objective "peak:1.25>cost" --report out.html
"""

TERMS = """\
policies (all but uncontrolled hold every limit of the site):
  uncontrolled        everybody at once at full power: disorderly charging
  equal-share         all alike, raised together
  queue               first come, first served
  earliest-deadline   who leaves first
  least-laxity        who can wait least
  price-queue         in the order of arrival each car books the cheapest steps that have room
  optimal             the exact optimum of what is known at the moment, planned anew at every event
  foresight           the same with perfect knowledge: the bound that the others are measured against

objectives of optimal and foresight, once every car that can be served is served; each makes one thing least:
  cost      the energy bill                 demand    the demand charge of the month
  peak      the highest power               valley    the unevenness of the load
  carbon    the emissions                   earliest  the time until cars are charged
  export    what flows out to the grid      wear      battery wear by discharging
  "cost+0.05*carbon" adds with weights, "peak>cost" puts one before the other, "peak:1.25>cost" lets the peak be 25 % above
  its least. Put them in quotes: the shell takes a bare > for a redirection.

docs/simulate.md explains the table that is printed. Exit codes: evloom --help.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (those of the process when None) and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show must not end the run
    options = _parser().parse_args(arguments)
    try:
        code = _run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except (KeyboardInterrupt, SystemError, ImportError) as error:
        if not is_interrupt(error):
            raise
        print("evloom: interrupted; nothing is complete but what was said to be", file=sys.stderr)
        return 130
    except OSError as error:
        if error.filename is not None:
            print(f"evloom: cannot use {error.filename}: {error.strerror}; check the name and the permissions", file=sys.stderr)
            return 2
        # Files have been written by now, see command.py; this is the terminal, a pipe that was closed (head) or a full disk.
        if not isinstance(error, BrokenPipeError):
            print(f"evloom: cannot print: {error.strerror or error}; make room or print elsewhere", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes nowhere, without a complaint at exit
        return 1


def _run(options: argparse.Namespace) -> int:
    """Do the job. Findings of wrong input go to standard error, all of them."""
    from evloom.kernel.errors import InputError

    if "run" not in options:
        _parser().print_help()
        return 0
    try:
        return int(options.run(options))
    except InputError as error:
        print(error, file=sys.stderr)
        n = sum(finding.severity == "refused" for finding in error.findings)
        print(f"evloom: {n} thing{'s' if n != 1 else ''} to put right; nothing was run", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="evloom", description=evloom.__doc__, epilog=EPILOG, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"evloom {evloom.__version__}")
    jobs = parser.add_subparsers(title="jobs", metavar="JOB")
    simulate = jobs.add_parser(
        "simulate", help="replay sessions on a site under any policy", description=SIMULATE, epilog=TERMS, formatter_class=raw
    )
    _simulate_options(simulate)
    dispatch_parser(jobs).set_defaults(run=_dispatch)
    diagnose_parser(jobs).set_defaults(run=_diagnose)
    serve_parser(jobs).set_defaults(run=_serve)
    stations_parser(jobs).set_defaults(run=_stations)
    sessions = jobs.add_parser("sessions", help="read a file of charging sessions and say what is wrong with it")
    sessions.add_argument("file", type=Path, help="CSV, CSV.gz or parquet; docs/sessions.md lists the formats")
    sessions.add_argument(
        "--format", metavar="NAME", help="evloom, acn, trondheim, dcfast-epfl, georgia, ticino; told from the header if left out"
    )
    sessions.add_argument("--check", action="store_true", help="print accepted, repaired and refused rows with reasons (also the default)")
    sessions.set_defaults(run=_sessions)
    selftest = jobs.add_parser("selftest", help="prove in seconds that this installation works; needs no files")
    selftest.set_defaults(run=_selftest)
    return parser


def _simulate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", type=Path, help="scenario file (TOML); see examples/ and docs/scenario.md")
    run = parser.add_argument_group("what to run, in place of what the scenario says")
    run.add_argument("--sessions", type=Path, metavar="FILE", help="recorded sessions (docs/sessions.md)")
    run.add_argument("--format", metavar="NAME", help="format of that file; told from its header if left out")
    run.add_argument("--from", dest="start", metavar="DATE", help="first local day (2019-06-01) or instant (2019-06-01T08:00+02:00)")
    run.add_argument("--to", dest="end", metavar="DATE", help="the day or instant after the last")
    run.add_argument("--policy", metavar="A,B,...", help="policies to compare, in this order; see below")
    run.add_argument("--objective", metavar="TERMS", help='what optimal and foresight aim at, e.g. "cost+demand"; see below')
    write = parser.add_argument_group("what to write, beside the table")
    write.add_argument("--json", type=Path, metavar="FILE", help="all figures, with units in the keys")
    write.add_argument("--report", type=Path, metavar="FILE.html", help="one page with pictures that opens offline")
    write.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the report")
    write.add_argument("--bills", type=Path, metavar="FILE.csv", help="itemised bill of every session under the last controlled policy")
    write.add_argument("--journal", type=Path, metavar="FILE", help="every event and order, one line of JSON each (.gz compresses)")
    other = parser.add_argument_group("instead of a run")
    other.add_argument("--check", action="store_true", help="say what the scenario holds and what is doubtful, and stop")
    other.add_argument("--replay", type=Path, metavar="FILE", help="feed a journal to the loop again; exit code 1 if any order differs")
    parser.set_defaults(run=_simulate)


def _simulate(options: argparse.Namespace) -> int:
    from evloom.simulate.scenario.load import load_scenario
    from evloom.simulate.scenario.span import parse_moment

    start = parse_moment(options.start) if options.start is not None else None
    end = parse_moment(options.end) if options.end is not None else None
    scenario = load_scenario(options.scenario, options.sessions, options.format, start, end)
    if options.check:
        from evloom.simulate.scenario.summary import summary

        print(summary(scenario))
        return 0
    from evloom.simulate.command import Voice, replay, simulate
    from evloom.simulate.paths import Wanted

    voice = Voice(print, partial(print, file=sys.stderr))
    if options.replay is not None:
        return replay(scenario, options.replay, voice)
    policies = scenario.policies if options.policy is None else tuple(name.strip() for name in options.policy.split(","))
    objective = scenario.objective if options.objective is None else options.objective
    inputs = tuple(path for path in (options.scenario, options.sessions) if path is not None)
    wanted = Wanted(options.json, options.report, options.lang, options.bills, options.journal, inputs)
    with Bar() as bar:
        return simulate(scenario, policies, objective, wanted, bar, voice)


class Bar:
    """A progress bar on standard error, one for each policy; silent where nobody watches."""

    def __init__(self) -> None:
        from tqdm import tqdm

        self._tqdm = tqdm
        self._bar: tqdm[None] | None = None
        self._policy = ""

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, policy: str, done: int, total: int) -> None:
        """Show how far a policy has come."""
        if policy != self._policy:
            self._close()
            self._policy = policy
            self._bar = self._tqdm(total=total, desc=policy, unit="cycle", disable=None, leave=False)
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
        if done >= total:
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _dispatch(options: argparse.Namespace) -> int:
    from evloom.plan.fleet.command import dispatch
    from evloom.simulate.command import Voice

    return dispatch(options, Voice(print, partial(print, file=sys.stderr)))


def _diagnose(options: argparse.Namespace) -> int:
    gc.set_threshold(*RARELY)
    from evloom.plan.battery.command import diagnose
    from evloom.simulate.voice import Voice

    return diagnose(options, Voice(print, partial(print, file=sys.stderr)))


def _serve(options: argparse.Namespace) -> int:
    from evloom.serve.command import serve

    return serve(options, partial(print, flush=True), partial(print, file=sys.stderr))


def _stations(options: argparse.Namespace) -> int:
    from evloom.simulate.command import Voice
    from evloom.simulate.station.command import run_stations

    return run_stations(options, Voice(partial(print, flush=True), partial(print, file=sys.stderr)))


def _sessions(options: argparse.Namespace) -> int:
    from evloom.simulate.sources.read import read_sessions
    from evloom.simulate.sources.table import read_report

    print(read_report(read_sessions(options.file, options.format)).text())
    return 0


def _selftest(_: argparse.Namespace) -> int:
    from evloom.simulate.selftest import selftest

    return selftest(print)
