"""The likely cause of a violation: a known way to be wrong that gives the very same answer."""

from typing import Any

import jax
import numpy as np

from properties.law import Law, Violation, violation
from properties.loop_transform import LOOP
from properties.mutants import MUTANTS
from properties.subject import ModuleSubject
from reference.error_bounds.agreement import agree, widest


def likely_cause(law: Law, found: Violation) -> str | None:
    """One sentence, or None where nothing known gives this answer.

    The law is held to the Python loop: where that violates it too, the arithmetic of the unmapped
    call is at fault. Then to each mutant of the loop.
    """
    if found.mismatch.kind == "raised":
        return None
    itself = _tried(law, LOOP, found)
    if itself is not None and _same(itself, found):
        return "the unmapped call gives this too: the fault is the library's, not the map's"
    lifts = isinstance(found.call.subject, ModuleSubject)
    for mutant in MUTANTS.values():
        if mutant.lifts == lifts:
            broken = _tried(law, mutant.mutate(LOOP), found)
            if broken is not None and _same(broken, found):
                return f"{mutant.sentence} ({mutant.name})"
    return None


def _tried(law: Law, transform: Any, found: Violation) -> Violation | None:
    try:
        return violation(law, transform, found.call)
    except Exception:
        # A mutant may break the call altogether; then it is not what happened.
        return None


def _same(one: Violation, other: Violation) -> bool:
    a, b = one.mismatch, other.mismatch
    if (a.kind, a.path) != (b.kind, b.path):
        return False
    left, right = (jax.tree_util.tree_leaves(d.got) for d in (a, b))
    return len(left) == len(right) and all(map(_alike, left, right))


def _alike(x: Any, y: Any) -> bool:
    if isinstance(x, str) or isinstance(y, str):
        return bool(np.array_equal(x, y))
    if np.shape(x) != np.shape(y):
        return False
    # Two float32 computations of one wrong answer: this decides a hint, never a verdict.
    with np.errstate(all="ignore"):
        allowed = np.nan_to_num(1e-5 + 1e-4 * np.abs(widest(y)), nan=0.0, posinf=0.0)
    return bool(np.all(agree(x, y, allowed)))
