"""The one command that runs all checks."""

import os
import sys

from tools.check import CHECKS, Check, main, run


def test_exit_code_and_output_of_a_check_are_kept():
    good = run(Check("good", [sys.executable, "-c", "print('fine')"], ""), os.environ)
    bad = run(Check("bad", [sys.executable, "-c", "import sys; print('a.py:3: wrong', file=sys.stderr); sys.exit(3)"], ""), os.environ)
    assert (good.code, good.output) == (0, "fine")
    assert (bad.code, bad.output) == (3, "a.py:3: wrong")


def test_unknown_check_is_refused_with_the_known_names(capsys):
    assert main(["spelling"]) == 2
    printed = capsys.readouterr().out
    assert all(check.name in printed for check in CHECKS)
