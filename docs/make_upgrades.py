"""Make docs/upgrades/: `python docs/make_upgrades.py [FROM TO]`. Builds the environments it needs.

Without arguments it makes every page. A page is shortened: the first differences of each cause. Pages say
what one release of the suite measured; none is stored.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from conformance.events.reader import read
from conformance.upgrade.columns import gather
from conformance.upgrade.render import markdown

HERE = Path(__file__).parent / "upgrades"
PAIRS = (
    ("2024-07-01", "2025-02-01"),
    ("2025-02-01", "2025-08-01"),
    ("2025-08-01", "2026-02-01"),
    ("2026-02-01@3.13", "jax,flax@3.13"),
)
SHOWN = 6


def make(before: str, after: str) -> None:
    command = [sys.executable, "-c", "from conformance.cli import main; main()", "upgrade"]
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "log.jsonl"
        options = ["--from", before, "--to", after, "--log", str(log)]
        done = subprocess.run([*command, *options], stdout=subprocess.DEVNULL, check=False)
        if done.returncode == 3:
            sys.exit(f"{before} to {after} could not be run")
        comparison = gather(read(log))
    made = f"Made by `python docs/make_upgrades.py {before} {after}`; shortened."
    HERE.mkdir(exist_ok=True)
    title, rest = markdown.markdown(comparison, SHOWN).split("\n", 1)
    name = f"{before.split('@', maxsplit=1)[0]}-to-{'newest' if 'jax' in after else after}.md"
    (HERE / name).write_text(f"{title}\n\n{made}\n{rest}", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("releases", nargs="*", help="FROM and TO, as `upgrade` has them")
    given = parser.parse_args().releases
    if len(given) not in (0, 2):
        parser.error(f"{len(given)} releases are given: give FROM and TO, or none for every page")
    for pair in [tuple(given)] if given else PAIRS:
        make(*pair)
