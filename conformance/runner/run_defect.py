"""Running the minimal call of a known defect, in a process of its own where it may end the process."""

import subprocess
import sys

from conformance.known_defects import DEFECTS
from conformance.known_defects.defect import Defect
from conformance.transforms import TRANSFORMS
from properties.law import Violation, minimize
from properties.laws import LAWS

_DEADLINE = 60
"""Seconds for one call in a process of its own."""
_RAISED, _VIOLATES = 1, 3
"""The exit status of an interpreter whose code raised, and ours where the law does not hold."""


def still_shows(defect: Defect) -> bool:
    """Whether the minimal call shows the defect in what is installed."""
    if defect.crashes_process:
        return shows_in_a_process(defect)
    return minimize(LAWS[defect.law], TRANSFORMS[defect.transform], defect.call) is not None


def shows_in_a_process(defect: Defect) -> bool:
    """Run the minimal call in a process of its own: whether it ends that, or violates its law.

    A call that reads memory which is not its own may do either. One that does not end in time says nothing
    of the defect, whose entry stands: the machine may be busy.

    Raises:
        RuntimeError: The process raised another exception: then the call says nothing of the defect.

    """
    code = f"from conformance.runner import run_defect; run_defect.run_minimal_call({defect.id!r})"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_DEADLINE,
        )
    except subprocess.TimeoutExpired:
        return True
    if done.returncode == _RAISED:
        raise RuntimeError(done.stderr.decode(errors="replace")[-600:])
    return done.returncode != 0


def run_minimal_call(defect_id: str) -> None:
    """Check the minimal call of a defect in this process, and end it with a status of its own if violated."""
    (defect,) = (each for each in DEFECTS if each.id == defect_id)
    try:
        LAWS[defect.law].check(TRANSFORMS[defect.transform], defect.call)
    except Violation:
        sys.exit(_VIOLATES)
