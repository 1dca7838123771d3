"""Wrong answers of a lifted layer whose weights no module was seen to draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.verdict import Diagnosis

NO_MODULE = Diagnosis(
    "no-module-initialised",
    "No Linen module was seen to draw its weights by `init`.",
    "Let the lifted `nn.Dense` draw them: `variables = layer.init(jax.random.PRNGKey(seed), x_batch)`, and "
    "then `layer.apply(variables, x_batch)`. Draws of your own are other numbers.",
)


def of_no_module(
    exercise: Exercise, wrong: Sequence[WrongAnswer], notes: Iterable[Mapping[str, Any]]
) -> Diagnosis | None:
    """Whether `init` was seen in no call, in an exercise that asks for a lifted layer.

    Args:
        exercise: the exercise that was judged.
        wrong: every wrong answer, which nothing else explains.
        notes: what was observed in each call: a compiled function calls `init` in the first one alone.

    """
    if any(each.mismatch.what != "values" for each in wrong):
        return None
    inits = [each.get("inits") for each in notes] if exercise.expects_lift else []
    return NO_MODULE if inits and all(each == [] for each in inits) else None
