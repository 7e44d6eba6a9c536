"""The size check: limits, how they are counted, and a list of exceptions that can only shrink."""

import pytest

from tools.check_sizes import check


def function(n_line, parameters="", docstring=""):
    return f"def long({parameters}):\n{docstring}" + "    x = 1\n" * n_line


def test_limits_themselves_are_allowed():
    text = function(40, "a, b, c, d, e, f")
    assert check({"src/a.py": text, "src/b.py": "x = 1\n" * 400}, {}) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("x = 1\n" * 401, 1, "401 lines in the file, at most 400"),
        ("\n" + function(41), 2, "long: 41 lines in the body, at most 40"),
        (function(1, "a, b, c, d, e, *, f, g"), 1, "long: 7 parameters, at most 6"),
        (function(1, "a, b, c, d, e, *f, **g"), 1, "long: 7 parameters, at most 6"),
        ("async " + function(41), 1, "long: 41 lines in the body"),
    ],
)
def test_over_the_limit_is_found_with_its_line(text, line, words):
    (fault,) = check({"src/a.py": text}, {})
    assert (fault.path, fault.line) == ("src/a.py", line)
    assert words in fault.text


def test_docstring_and_self_do_not_count():
    docstring = '    """Say.\n' + "    more\n" * 30 + '    """\n'
    method = "class A:\n" + "".join(f"    {line}\n" for line in function(40, "self, a, b, c, d, e, f", docstring).splitlines())
    assert check({"src/a.py": method}, {}) == []


def test_methods_and_inner_functions_have_dotted_names():
    inner = "class A:\n    def outer(self):\n        def inner(a, b, c, d, e, f, g):\n            return a\n        return inner\n"
    (fault,) = check({"src/a.py": inner}, {})
    assert fault.text.startswith("A.outer.inner: 7 parameters")


def test_function_under_a_condition_is_found():
    (fault,) = check({"src/a.py": "if True:\n    def f(a, b, c, d, e, g, h): ...\n"}, {})
    assert fault.line == 2


@pytest.mark.parametrize(
    ("allowed", "words"),
    [(45, None), (44, "45 lines in the body, at most 44"), (46, "smaller than its exception of 46: write 45")],
)
def test_exception_holds_its_exact_size(allowed, words):
    faults = check({"src/a.py": function(45)}, {"body_lines": {"src/a.py::long": allowed}})
    assert [words in fault.text for fault in faults] == ([] if words is None else [True])


def test_exception_no_longer_needed_or_gone_is_a_fault():
    needless = check({"src/a.py": function(30)}, {"body_lines": {"src/a.py::long": 45}})
    gone = check({"src/a.py": ""}, {"body_lines": {"src/a.py::long": 45}})
    unknown = check({}, {"words": {"src/a.py": 3}})
    assert [len(needless), len(gone), len(unknown)] == [1, 1, 1]
    assert "take 'src/a.py::long' out" in needless[0].text
    assert "not in the code" in gone[0].text
