"""What the known defects of a log do: as the log says it, without JAX; else as the ledger does."""

import subprocess
import sys

from msgspec import UNSET, UnsetType

from conformance.events.details import KnownDefect
from conformance.events.outcomes import Effect
from conformance.events.records import Result
from conformance.reporting.known_effects import known_effects


def known(defect: str, effect: Effect | UnsetType = UNSET) -> Result:
    return Result(
        cell="a",
        law="axes.in-axes-permute",
        transform="jax.pmap",
        subject="square",
        defect=defect,
        outcome="known-defect",
        examples=1,
        seconds=0.0,
        compilations=0,
        detail=KnownDefect(defect=defect, effect=effect),
    )


def test_the_log_says_what_a_defect_does() -> None:
    assert known_effects([known("b", "raises"), known("a", "process dies")]) == {
        "b": "raises",
        "a": "process dies",
    }


def test_of_an_older_log_the_ledger_says_it() -> None:
    found = known_effects([known("pmap-negative-axis-wrong-answer"), known("a"), known("b")])
    assert found == {"pmap-negative-axis-wrong-answer": "silently wrong", "a": None, "b": None}


def test_what_starts_the_workers_of_a_run_and_shows_it_imports_no_jax() -> None:
    code = (
        "import sys\n"
        "import conformance.cli.run, conformance.cli.views, conformance.runner.session\n"
        "assert not {'jax', 'flax', 'hypothesis'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
