"""What no tracked file may hold. The bad words are put together here, so that this file passes the check itself."""

import pytest

from tools.check_tidy import SIZE_MAX_BYTES, check_content, check_name


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("# TO" + "DO: later", "unfinished"),
        ("x = 1  # FIX" + "ME", "unfinished"),
        ("see /wo" + "rk/main/out", "one machine"),
        ("'/ho" + "me/ada/data'", "one machine"),
        ("/Us" + "ers/ada/data", "one machine"),
        ("--index-url https://py" + "pi.org/simple", "package host"),
        ("https://files.python" + "hosted.org/x", "package host"),
        ("<<<<<<" + "< HEAD", "merge conflict"),
    ],
)
def test_bad_line_is_found_with_its_number(line, advice):
    (fault,) = check_content("docs/a.md", f"fine\n{line}\n".encode())
    assert (fault.path, fault.line) == ("docs/a.md", 2)
    assert advice in fault.text


@pytest.mark.parametrize(
    "line", ["todos los días", "docs/home/x", "https://example.org/home/x", "out/demo.html", "work/life", "XXXL", "====="]
)
def test_harmless_lines_pass(line):
    assert check_content("docs/a.md", line.encode()) == []


def test_large_file_is_found_and_binary_is_not_read():
    note = b"# TO" + b"DO"
    assert [fault.text[:7] for fault in check_content("a.bin", bytes([255]) * (SIZE_MAX_BYTES + 1))] == ["2.0 MiB"]
    assert check_content("a.bin", bytes([255]) + note) == []
    assert check_content("a.bin", bytes([0]) + note) == []
    assert len(check_content("a.py", note)) == 1


@pytest.mark.parametrize(
    ("path", "n_fault"),
    [("src/evloom/utils.py", 1), ("src/evloom/helpers/a.py", 1), ("src/evloom/kernel/finding.py", 0), ("docs/utils.md", 0)],
)
def test_rag_bag_modules_are_found(path, n_fault):
    assert len(check_name(path)) == n_fault
