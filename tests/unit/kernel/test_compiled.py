"""Machine code on disk must not outlive the source it came from, nor that of the functions and constants it uses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import NumbaError

from evloom.kernel import compiled as kept
from evloom.kernel.compiled import lean, sources_stamp

CALLEE = """
from evloom.kernel.compiled import compiled
from evloom.part.constant import FACTOR


@compiled
def inner(x: float) -> float:
    return x * FACTOR
"""
CALLER = """
from evloom.kernel.compiled import compiled
from evloom.part.callee import inner


@compiled
def outer(x: float) -> float:
    return inner(x)
"""


def package(folder: Path, **changed: str) -> Path:
    """A package with a kernel that calls a kernel of another file, which uses a constant of a third."""
    texts = {"constant": "FACTOR = 2.0\n", "callee": CALLEE, "caller": CALLER, "bystander": "NAME = 'a'\n"} | changed
    for name, text in texts.items():
        path = folder / "part" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["constant", "callee", "caller"])
def test_an_edit_that_kernels_see_changes_the_stamp(tmp_path, name):
    before = sources_stamp(package(tmp_path))
    assert sources_stamp(package(tmp_path)) == before
    assert (
        sources_stamp(package(tmp_path, **{name: (tmp_path / "part" / f"{name}.py").read_text(encoding="utf-8") + "# edited\n"})) != before
    )


def test_an_edit_elsewhere_keeps_the_compiled_code(tmp_path):
    assert sources_stamp(package(tmp_path)) == sources_stamp(package(tmp_path, bystander="NAME = 'b'\n"))


def test_an_edited_callee_is_seen_by_a_caller_that_was_kept(tmp_path):
    """The real thing, in fresh processes that share one folder of machine code."""
    source = Path(sys.modules["evloom.kernel.compiled"].__file__ or "")
    root = tmp_path / "evloom"
    for folder in (root, root / "kernel", root / "part"):
        folder.mkdir()
        (folder / "__init__.py").write_text("", encoding="utf-8")
    (root / "kernel" / "compiled.py").write_bytes(source.read_bytes())

    def outer_of_three() -> str:
        command = "from evloom.part.caller import outer; print(outer(3.0))"
        # Python's own byte code tells edits by the second and the size of a file, which is too coarse for this test.
        environment = {"PYTHONPATH": str(tmp_path), "PATH": "", "NUMBA_CACHE_DIR": str(tmp_path / "kept"), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True).stdout.strip()

    package(root)
    assert outer_of_three() == "6.0"
    package(root, constant="FACTOR = 5.0\n")
    assert outer_of_three() == "15.0"
    package(root, constant="FACTOR = 5.0\n", callee=CALLEE.replace("x * FACTOR", "x + FACTOR"))
    assert outer_of_three() == "8.0"


def test_what_was_compiled_is_remembered_for_a_state_of_the_kernels(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    kept._folder.cache_clear()
    try:
        assert not kept.was_compiled("a-job")
        kept.note_compiled("a-job")
        assert kept.was_compiled("a-job")
        assert not kept.was_compiled("another")
    finally:
        monkeypatch.undo()
        kept._folder.cache_clear()


def test_a_function_that_counts_no_references_may_make_no_array():
    """It would never be given back."""

    @lean
    def makes(x: np.ndarray) -> float:
        return float((x + 1.0)[0])

    @lean
    def adds(x: np.ndarray, at: int) -> float:
        return float(x[at:][0] + x[at])

    assert adds(np.arange(3.0), 2) == 4.0
    with pytest.raises(NumbaError, match="NRT required but not enabled"):
        makes(np.arange(3.0))
