"""Running scripts far from the checkout."""

import subprocess
import sys
from pathlib import Path

GUARD = """
import runpy, sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("reference", "properties", "conformance", "hypothesis", "pytest"):
            raise ImportError(f"a standalone script must not import {name}")

sys.meta_path.insert(0, Forbidden())
for path in sys.argv[1:]:
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as stopped:
        print("\\nSTATUS", int(stopped.code or 0))
    except BaseException as error:
        print("\\nSTATUS", repr(error))
"""


def statuses(place: Path, scripts: list[str], first: str = "") -> list[str]:
    """Run the scripts in one fresh interpreter, after the code ``first``; how each ended."""
    paths = [place / f"script{number}.py" for number in range(len(scripts))]
    for path, text in zip(paths, scripts, strict=True):
        path.write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-I", "-c", first + GUARD, *map(str, paths)],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return [line.split(" ", 1)[1] for line in ran.stdout.splitlines() if line.startswith("STATUS")]
