"""Make docs/defects/ID.py, the minimal script of each known defect, and try it on releases.

`python docs/make_defect_scripts.py [ID ...]` writes the scripts of the defects of the installed release. Each
is run, and kept only where it fails.
`python docs/make_defect_scripts.py --verify PYTHON ...` runs the scripts by the interpreters of other
environments: in its defect's range until one is known to fail, outside until one is known to pass.
docs/defects/verified.json keeps on which releases each failed and passed; the atlas says it.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "defects"
VERIFIED = HERE / "verified.json"
SHOWS = 1
"""The exit status of a script on a release that violates the law."""
SECONDS = 300
LACKS = re.compile(
    r"it raised (AttributeError\([\"']module |NotImplementedError\('it runs on "
    r"|ValueError\('unrecognized PRNG |.*temporary workaround pass|.*wrap your shard_map in"
    r"|TypeError\([\"']Error interpreting argument)"
)
"""What a script prints on a release that lacks what it calls, or says itself that it cannot do it."""
VERSIONS = (
    "from importlib.metadata import version as v; print('jax', v('jax'), 'with flax', v('flax'))"
)


def make(wanted: list[str]) -> None:
    """Write the scripts of the installed release's defects; without `wanted`, those that are not there."""
    from conformance.runner import process_env

    process_env.prepare()
    from conformance.runner.installed_defects import installed_defects
    from conformance.transforms import TRANSFORMS
    from conformance.violations.script import script
    from properties.laws import LAWS

    HERE.mkdir(exist_ok=True)
    for defect in installed_defects():
        to = HERE / f"{defect.id}.py"
        if (defect.id not in wanted) if wanted else to.exists():
            continue
        law, transform = LAWS[defect.law], TRANSFORMS[defect.transform]
        found = _found(law, transform, defect)
        if found is None:
            print(f"{defect.id}: gone")
            continue
        to.write_text(script(law, transform, found), encoding="utf-8")
        status, said = run(sys.executable, to)
        expected = status == SHOWS or (defect.crashes_process and status < 0)
        if not expected:
            print(f"{defect.id}: its script ends with {status}: {said[-300:]}")
            to.unlink()
            continue
        kept = _kept()
        kept.setdefault(defect.id, {})[_release(sys.executable)] = _outcome(status, said)
        _keep(kept)


def _found(law: Any, transform: Any, defect: Any) -> Any:
    """The violation of the ledger's call, which is minimal. A process that dies has none."""
    from properties.compare import Mismatch
    from properties.law import Violation, violation

    if defect.crashes_process:
        return Violation(defect.call, Mismatch("raised", "the process died"), "apply")
    return violation(law, transform, defect.call)


def run(python: str, script: Path) -> tuple[int, str]:
    """The exit status of a script, and the end of what it wrote."""
    command = [python, str(script)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", timeout=SECONDS
    )
    return done.returncode, done.stdout[-600:] + done.stderr[-1500:]


def verify(pythons: list[str]) -> None:
    """Run the scripts on releases inside and outside of their defects' ranges."""
    from conformance.known_defects import DEFECTS

    for python in pythons:
        release = _release(python)
        _, jax, *_, flax = release.split()
        for defect in DEFECTS:
            script, kept = HERE / f"{defect.id}.py", _kept()
            tried = kept.setdefault(defect.id, {})
            there = defect.applies_to({"jax": jax, "flax": flax})
            wanted = {"fails", "dies"} if there else {"passes"}
            if script.exists() and release not in tried and not wanted & set(tried.values()):
                tried[release] = _outcome(*run(python, script))
                _keep(kept)
                print(f"{defect.id} {tried[release]} on {release}", flush=True)


def _release(python: str) -> str:
    """The releases of an interpreter, such as `jax 0.8.0 with flax 0.12.0`."""
    command = [python, "-c", VERSIONS]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _kept() -> dict[str, dict[str, str]]:
    """What came of each script, by release."""
    kept: dict[str, dict[str, str]] = {}
    if VERIFIED.exists():
        kept = json.loads(VERIFIED.read_text(encoding="utf-8"))
    return kept


def _keep(kept: dict[str, dict[str, str]]) -> None:
    text = json.dumps({name: kept[name] for name in kept if kept[name]}, indent=1, sort_keys=True)
    VERIFIED.write_text(text + "\n", encoding="utf-8")


def _outcome(status: int, said: str) -> str:
    """Whether the script failed, passed, ended the process, or could not run there."""
    if status < 0:
        return "dies"
    if status == 0:
        return "passes"
    if LACKS.search(said):
        return "cannot run"
    return "fails" if "they differ" in said else "cannot run"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verify", action="store_true", help="run the scripts by these Pythons")
    parser.add_argument("names", nargs="*", help="ids of defects; of --verify, Pythons")
    options = parser.parse_args()
    (verify if options.verify else make)(options.names)
