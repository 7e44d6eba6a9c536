"""Write what `evloom diagnose --demo` prints into the pages that tell of it, and take the picture of a page of its report.

    python -m tools.diagnose_page [figures | picture]

The picture needs Chromium; both run the demo, which takes some seconds once the kernels are compiled.
"""

import io
import re
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from evloom.cli import main as evloom
from tools.fault import ROOT

PAGES = ("docs/diagnose.md", "examples/battery/README.md")
PICTURE = "docs/img/diagnose-page.png"
CHROMIUM = Path("/usr/bin/chromium")
WIDTH, HEIGHT = 1280, 1560
MARKS = re.compile(r"(<!-- demo begin: python -m tools\.diagnose_page -->\n```\n).*?(```\n<!-- demo end -->)", re.DOTALL)


def printed() -> str:
    """What the demo prints."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        if evloom(["diagnose", "--demo"]) != 0:
            raise SystemExit("the demo failed")
    return out.getvalue().rstrip()


def write_figures() -> None:
    """Put the table into the pages."""
    text = printed()
    for name in PAGES:
        path = ROOT / name
        page = path.read_text(encoding="utf-8")
        path.write_text(MARKS.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page), encoding="utf-8")
        sys.stdout.write(f"{name}: written\n")


def take_picture() -> None:
    """The upper part of the page of the worst vehicle of the demo whose cell is suspect."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            evloom(["diagnose", "--demo", "1", "--report", folder])
        (page,) = [path for path in Path(folder).glob("*.html") if path.name != "index.html"]
        with sync_playwright() as tools, tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser:
            view = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1)
            view.goto(page.as_uri())
            view.wait_for_timeout(500)
            view.screenshot(path=ROOT / PICTURE)
    sys.stdout.write(f"{PICTURE}: {(ROOT / PICTURE).stat().st_size:,} bytes\n")


def main(arguments: list[str]) -> int:
    """Do one of the two, or both."""
    if arguments != ["picture"]:
        write_figures()
    if arguments != ["figures"]:
        take_picture()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
