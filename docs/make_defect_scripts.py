"""Make docs/defects/ID.py, the minimal script of each known defect that the installed release shows.

`python docs/make_defect_scripts.py [ID ...]`; each script is run, and kept only where it ends with status 1.
Defects that end the process are left out: nothing is left to compare.
"""

import subprocess
import sys
from pathlib import Path

from conformance.runner import process_env

process_env.prepare()

from conformance.runner.installed_defects import installed_defects  # noqa: E402 (after the devices)
from conformance.transforms import TRANSFORMS  # noqa: E402
from conformance.violations.script import script  # noqa: E402
from properties.law import minimize  # noqa: E402
from properties.laws import LAWS  # noqa: E402

HERE = Path(__file__).parent / "defects"
SHOWS = 1
"""The exit status of a script on a release that violates the law."""


def main() -> None:
    """Write the scripts."""
    HERE.mkdir(exist_ok=True)
    for defect in installed_defects():
        if defect.crashes_process or (sys.argv[1:] and defect.id not in sys.argv[1:]):
            continue
        law, transform = LAWS[defect.law], TRANSFORMS[defect.transform]
        found = minimize(law, transform, defect.call)
        if found is None:
            print(f"{defect.id}: gone")
            continue
        to = HERE / f"{defect.id}.py"
        to.write_text(script(law, transform, found), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(to)], capture_output=True, text=True, check=False
        )
        if done.returncode != SHOWS:
            print(f"{defect.id}: its script ends with {done.returncode}: {done.stderr[-300:]}")
            to.unlink()


if __name__ == "__main__":
    main()
