"""Make the pictures of the README: `python docs/make_pictures.py LOG`, LOG being that of a run that holds.

The failing run is made here, of a map that is wrong on purpose (`docs/off_by_one.py`). The picture of its
page needs Chromium; without one, it is left as it is, and the program says so.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from conformance.events.reader import read
from conformance.reporting import terminal
from conformance.reporting.console import Console
from conformance.reporting.summary import summarise

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
BROWSERS = ("chromium", "google-chrome", "chrome")
COLUMNS = 88
PIXELS = (1100, 900)
"""Width and height of the picture of a page."""


def picture_of_run(log: Path, to: Path, title: str) -> None:
    """Write what a terminal shows of a log, as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    terminal.show(console, summarise(read(log)))
    to.write_text(console.export_svg(title=title), encoding="utf-8")
    print(f"{to} is written")


def failing_run(directory: Path) -> tuple[Path, Path]:
    """Run a map that is wrong; its log and its page."""
    log, page = directory / "failing.jsonl", directory / "failing.html"
    ended = subprocess.run(
        [
            *(sys.executable, "-c", "from conformance.cli import main; main()", "run"),
            *("--subjects", "off_by_one"),
            *("--transform", "off-by-one-vmap", "--subject", "lax.cumsum", "--subject", "matmul"),
            *("--log", str(log), "--html", str(page)),
        ],
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        check=False,
    )
    if ended.returncode != 1:
        raise SystemExit(f"the run of a wrong map ended with {ended.returncode}, not 1")
    return log, page


def picture_of_page(page: Path, to: Path) -> None:
    """Write what a browser shows of the top of a page, as PNG."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"{to} is left as it is: none of {', '.join(BROWSERS)} is installed")
        return
    width, height = PIXELS
    subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--window-size={width},{height}", f"--screenshot={to}", page.as_uri()),
        ],
        check=True,
        capture_output=True,
    )
    print(f"{to} is written")


def main() -> None:
    """Make all pictures."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python docs/make_pictures.py LOG")
    picture_of_run(Path(sys.argv[1]), ASSETS / "run.svg", "vmap-conformance run")
    with tempfile.TemporaryDirectory() as directory:
        log, page = failing_run(Path(directory))
        picture_of_run(
            log, ASSETS / "failing-run.svg", "vmap-conformance run --subjects off_by_one"
        )
        picture_of_page(page, ASSETS / "failing-page.png")


if __name__ == "__main__":
    main()
