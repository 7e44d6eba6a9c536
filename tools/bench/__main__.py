"""`python -m tools.bench`: speed with the quality beside it, as tables here, in docs/benchmarks.md, docs/algorithms.md and
docs/gateway.md.

All times are CPU seconds, without compiling. `python -m tools.bench fleet` is one table alone. --quick runs a month of the ten
thousand EVSE in place of the year, and leaves out the fleets of a million. `fleet --deep` compares random problems with their optimum.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from evloom.dispatch.optimise import EXACT_FLOW_CELLS, EXACT_PROGRAMME_CELLS
from tools.bench.deep import wrong_answers
from tools.bench.environment import BUILD, ROOT, NoEnvironmentError, interpreter
from tools.bench.exactness import MONTH, WEEK, Comparison, compare
from tools.bench.fleet import fleet_rows
from tools.bench.memory import month_mb
from tools.bench.replan import replan
from tools.bench.row import Row, markdown
from tools.bench.scale import site, speed
from tools.bench.serve_rows import measure as measure_platform
from tools.bench.store_row import store_row

EXACT_KWH = 1e-9
PAGE = ROOT / "docs" / "benchmarks.md"
FLEET_PAGE = ROOT / "docs" / "algorithms.md"
FLEET_MARKS = "<!-- figures fleet begin: python -m tools.bench fleet -->", "<!-- figures fleet end -->"

TEXT = """# Benchmarks

```
make bench
```

`python -m tools.bench` wrote this page, the numbers included{partly}. Times are CPU seconds on one core of an ordinary machine; compiling
the kernels, once per installation, does not count. "To reach" is what we set out to reach.

The figures of fleets, from fifty to a million vehicles, are on the page of the [algorithms](algorithms.md).

{table}

- **acnportal** 0.3.3 runs in an environment of its own (`tools/bench/pins.txt`), unchanged, with its ideal batteries, on the same
  sessions: June 2019 at JPL, 52 EVSE, 5-minute periods; the week is that of 3 June. `tools/bench/exactness.py` says how the two
  were made to mean the same. "Apart" is the most that any one session differs. Its CPU seconds are those of its simulation alone.
- **1,000 and 10,000 EVSE**: generated sessions at homes, half the piles with three phases, limits in kW and per phase at two
  feeders and the transformer, cars that taper from 80 %. What is not delivered no stay was long enough for, or the limits
  did not leave. The ratio is to the EVSE-steps per second that acnportal makes of the week.
- **optimal** plans through the policy, from snapshot to orders, with a transformer and a board of limited power. The baseline
  is one sparse linear programme for the same problem, written apart and solved by scipy (HiGHS); the gap is between the two.
"""

CHOICE = """`auto` takes the exact optimum up to {flow:,} cells (a cell is a step of a stay) where vehicles only charge and nothing but
prices of steps, limits and one peak matter, up to {programme:,} cells otherwise, and the sweeps beyond."""


def jpl_rows(cases: tuple[Comparison, ...]) -> Iterator[Row]:
    """The week's speed and the month's exactness against acnportal."""
    for one in cases:
        case, ratio, delivered = one.case, one.acnportal_cpu_s / one.cpu_s, f"{one.delivered:.1%} delivered"
        named, what = f"acnportal {one.acnportal_cpu_s:.1f} s", f"`{case.rule}`, {one.sessions} sessions"
        if case.name == "week":
            quality = f"{one.apart_kwh:.0e} kWh apart; {delivered}"
            yield Row(f"JPL week, {what}", one.cpu_s, 0.1, "s", quality, one.apart_kwh <= EXACT_KWH, named, ratio)
        else:
            quality = f"{delivered}; {one.cpu_s:.3f} s"
            yield Row(f"JPL month {case.name}, {what}, apart", one.apart_kwh, EXACT_KWH, "kWh", quality, True, named, ratio)


def thousand_rows(folder: Path, baseline: float | None) -> Iterator[Row]:
    """Rule policies at a thousand EVSE; baseline in millions of EVSE-steps per CPU second."""
    ready = site(1000, 7, "home", folder)
    named = "–" if baseline is None else f"acnportal {baseline * 1e6:,.0f}/s"
    for rule in ("uncontrolled", "equal-share", "queue", "earliest-deadline", "least-laxity", "price-queue"):
        one = speed(ready, rule)
        ratio = None if baseline is None else one.per_cpu_s / baseline
        sound = one.sound or rule == "uncontrolled"
        quality = one.quality if one.sound else f"exceeds limits on purpose; {one.occupancy:.0%} occupied"
        yield Row(f"1,000 EVSE, a week, `{rule}`", one.per_cpu_s, 10.0, "M EVSE-steps/s", quality, sound, named, ratio, more=True)


def year_row(folder: Path, quick: bool, baseline: float | None) -> Row:
    """Ten thousand EVSE for a year, or for a month where it must be quick."""
    days = 30 if quick else 365
    speed(site(100, 2, "home", folder), "least-laxity")
    began = time.process_time()
    ready = site(10_000, days, "home", folder)
    laid_out_s = time.process_time() - began
    one = speed(ready, "least-laxity", warm=False)
    quality = f"{one.quality}; {laid_out_s:.0f} s of it to lay out"
    what = f"10,000 EVSE, {'a month' if quick else 'a year'}, `least-laxity`, {one.stays:,} stays"
    named = "–" if baseline is None else f"acnportal {baseline * 1e6:,.0f}/s"
    ratio = None if baseline is None else one.per_cpu_s / baseline
    return Row(what, laid_out_s + one.cpu_s, 240.0 * days / 365, "s", quality, one.sound, named, ratio)


def replan_rows(folder: Path) -> Iterator[Row]:
    """`optimal` for ever more vehicles, looking 96 and 144 quarters of an hour ahead."""
    for count, limit_ms in ((50, 20.0), (300, 100.0), (1000, 400.0)):
        for horizon_h in (24, 36):
            for objective in ("cost", "cost+demand"):
                one = replan(count, horizon_h, objective, folder)
                median_ms = float(np.median(one.cpu_s)) * 1e3
                quality = f"gap {one.gap:.0e}; fullest limit {one.loading:.0%}; slowest {one.cpu_s.max() * 1e3:.0f} ms"
                what = f"`optimal` {objective}, {count} EVs, {horizon_h * 4} steps, median"
                named, ratio = f"scipy, one programme {one.other_s * 1e3:,.0f} ms", one.other_s * 1e3 / median_ms
                yield Row(what, median_ms, limit_ms, "ms", quality, abs(one.gap) <= 1e-7, named, ratio)


def memory_row() -> Row:
    """Peak memory of the packaged month."""
    peak_mb, cpu_s = month_mb()
    return Row("peak memory of the month, all its policies", peak_mb, 500.0, "MB", f"{cpu_s:.0f} s of CPU for all five", True)


def told(rows: Iterator[Row], say: Callable[[str], None]) -> list[Row]:
    """The rows as a list; says each one as it comes."""
    kept = []
    for row in rows:
        say(f"  {row.what}: {row.cells()[1]}")
        kept.append(row)
    return kept


def against_acnportal(say: Callable[[str], None]) -> tuple[Comparison, ...]:
    """Both simulations on the week and the month; nothing where acnportal cannot be had."""
    try:
        say("making acnportal's environment, if it is not there ...")
        interpreter()
        return tuple(compare(case, BUILD) for case in WEEK + MONTH)
    except NoEnvironmentError as error:
        say(f"left out, for want of acnportal: {error}")
        return ()


def fleets(quick: bool, say: Callable[[str], None]) -> bool:
    """Measure the fleets, print them, and write them on their page; whether all are reached."""
    rows = told(fleet_rows(quick), say)
    print(markdown(rows))
    if not quick:
        begin, end = FLEET_MARKS
        before, after = FLEET_PAGE.read_text().split(begin)[0], FLEET_PAGE.read_text().split(end)[1]
        chosen = CHOICE.format(flow=EXACT_FLOW_CELLS, programme=EXACT_PROGRAMME_CELLS)
        FLEET_PAGE.write_text(f"{before}{begin}\n{chosen}\n\n{markdown(rows)}\n{end}{after}")
    return all(row.reached for row in rows)


def simulations(quick: bool, say: Callable[[str], None]) -> bool:
    """The same for the simulation and the policies."""
    compared = against_acnportal(say)
    baseline = compared[0].evse_steps / compared[0].acnportal_cpu_s / 1e6 if compared else None
    rows = told(jpl_rows(compared), say)
    rows += told(thousand_rows(BUILD, baseline), say)
    rows += told(iter([year_row(BUILD, quick, baseline)]), say)
    rows += told(replan_rows(BUILD), say)
    rows += told(iter([memory_row()]), say)
    print(markdown(rows))
    if not quick:
        PAGE.write_text(TEXT.format(table=markdown(rows), partly="" if compared else ", but without acnportal"))
    return all(row.reached for row in rows)


def platform(quick: bool, say: Callable[[str], None]) -> bool:
    """The same for the live platform; its table is on the page of the gateway."""
    say("the platform: half a dozen servers, one after the other ...")
    row = store_row()
    print(markdown([row]))
    return all([row.reached, measure_platform(quick)])


def main(arguments: list[str]) -> int:
    """Run what is asked for; 1 where a figure is not reached or an answer is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("all", "simulate", "fleet", "serve"), default="all")
    parser.add_argument("--quick", action="store_true", help="smaller; the pages stay as they are")
    parser.add_argument("--deep", action="store_true", help="hundreds of random problems against their optimum instead of the figures")
    options = parser.parse_args(arguments)
    BUILD.mkdir(parents=True, exist_ok=True)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    if options.deep:
        return int(wrong_answers(say) > 0)
    parts = {"simulate": simulations, "fleet": fleets, "serve": platform}
    chosen = parts.values() if options.part == "all" else (parts[options.part],)
    reached = [part(options.quick, say) for part in chosen]
    return int(not all(reached))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
