"""What is told of findings."""

from evloom.kernel.finding import Finding
from evloom.simulate.voice import findings_text


def _broken(source: str, row: int | None = None) -> Finding:
    return Finding("file.broken", "refused", source, row, None, "half a file", "a whole one", "copy it again")


def test_every_file_that_is_refused_is_named():
    said = findings_text((_broken("a.csv"), _broken("b.csv"), _broken("c.csv")))
    assert said.startswith("a.csv: refused")
    assert said.endswith(" (and 2 more of this kind: b.csv, c.csv)")


def test_more_of_one_file_are_counted_and_many_files_are_not_all_named():
    assert findings_text((_broken("a.csv", 1), _broken("a.csv", 2))).endswith(" (and 1 more of this kind)")
    assert findings_text(tuple(_broken(f"{k}.csv") for k in range(8))).endswith(
        " (and 7 more of this kind: 1.csv, 2.csv, 3.csv, 4.csv, 5.csv, ...)"
    )
