"""The options of `evloom diagnose` and what their help says. Light to import: every other command reads this file too."""

import argparse
from pathlib import Path

ABOUT = """\
Look at what batteries have told of themselves and say which cell is suspect, of what, how urgent it is and what to do.

  evloom diagnose --demo                                   eight cars made up, some of them with a fault
  evloom diagnose my-frames.csv                            one file: csv, csv.gz, zip of csv, or parquet
  evloom diagnose my-frames.csv --report pages --lang zh   and pages with pictures, here in Chinese first
  evloom diagnose my-fleet --json out.json --report pages  a folder of them, or a store that evloom serve keeps
  evloom diagnose frames.csv --stream                      follow a file that grows; - reads standard input
  evloom diagnose --pulses cells.xlsx                      grade bare retired cells by their pulse tests
"""
MORE = """\
A file has a row for each frame: at, current_a (positive = charging), pack_v, soc, V_1..V_n, T_1..T_m; docs/battery-frames.md lists every
column. What is doubtful about a reading is flagged, never mended in silence. A history follows pack_id, not the vehicle.

levels: watch (it stands out: look again), inspect (to a workshop: no fast charge, no V2G), stop (do not charge, park outside).
A warning is opened when a suspicion has stood for two days, and closed when it has sunk for a week. Nothing depends on later frames,
so a stream and a file that holds the same frames give the same warnings. No warning is no proof of safety: some faults give no sign.

cells: V_1 is the first column; JSON has both its place from 0 (cell) and its name in the file (cell_name).

Ctrl-C: what has been looked at by then is printed and written, and said to be partial.
--pulses: a file (csv, csv.gz, xlsx) or folder with a row for each test: cell_id, type, rated_ah, voltages U1..U21 in V, and where known
charged (share of the rated capacity), capacity_ah, pulse_s, origin; docs/battery-value.md. Cells whose capacity was measured are learnt
from (at least 10 of a type); the others get a state of health with its interval, and a grade. Two files: put them into one folder.

exit codes: 0 done (with or without warnings), 1 a part could not be read or written, 2 wrong input (every fault is listed), 130 interrupted
"""


def diagnose_parser(jobs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """The parser of `evloom diagnose`, added to the jobs of the command."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = jobs.add_parser(
        "diagnose", help="say which battery cell is suspect, why, and what to do", description=ABOUT, epilog=MORE, formatter_class=raw
    )
    parser.add_argument("path", type=Path, nargs="?", metavar="PATH", help="file, folder or store of frames; with --stream also -")
    write = parser.add_argument_group("what to write, beside the table")
    write.add_argument(
        "--json", type=Path, metavar="FILE", help="everything that is known of every pack; - prints it in place of the table"
    )
    write.add_argument(
        "--report", type=Path, metavar="DIR", help="a page with pictures for each suspect pack, and an index; they open offline"
    )
    write.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the pages")
    run = parser.add_argument_group("how to run")
    run.add_argument("--runner", choices=("local", "ray"), default="local", help="who works: processes here, or Ray")
    run.add_argument("--workers", type=int, metavar="N", help="how many (default: one for each processor here, fewer for small files)")
    run.add_argument("--rules", type=Path, metavar="FILE", help="rules of grades and values over the packaged ones (docs/battery-value.md)")
    run.add_argument("--rows", type=int, default=40, metavar="N", help="rows of the table that are printed, worst first (default: 40)")
    other = parser.add_argument_group("instead of looking at files")
    other.add_argument("--stream", action="store_true", help="take frames as they come and print what changes, a line each")
    other.add_argument("--format", choices=("csv", "ndjson"), help="of a stream (default: told by its first line)")
    other.add_argument("--pulses", type=Path, metavar="FILE", help="grade bare cells by pulse tests (file or folder); no PATH")
    other.add_argument("--demo", type=int, nargs="?", const=8, metavar="N", help="make up N cars (default: 8) by the pack twin; no PATH")
    other.add_argument("--days", type=int, metavar="N", help="of the demo (default: 60)")
    other.add_argument("--seed", type=int, metavar="S", help="of the demo: the same seed makes the same cars (default: 1)")
    other.add_argument("--write", type=Path, metavar="FOLDER", help="write the cars of the demo as Parquet files, and stop")
    return parser
