"""What the checks look at."""

from tools.fault import GENERATED, ROOT, by_hand


def test_what_a_tool_wrote_is_left_out():
    assert by_hand({"a.py": "x = 1\n", "b.py": f"{GENERATED} by tools/x.py\n", "c.py": f"x = 1\n{GENERATED}\n"}).keys() == {"a.py", "c.py"}


def test_generated_files_name_the_tool_that_writes_them():
    for path in (ROOT / "src").rglob("*.py"):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        if first.startswith(GENERATED):
            tool = first.removeprefix(f"{GENERATED} by ").partition(":")[0]
            assert (ROOT / tool).is_file(), path
