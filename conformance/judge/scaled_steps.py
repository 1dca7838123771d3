"""New parameters that were stepped along the gradient, but not as far, or uphill: a factor or a sign."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.expected_answers import flat_arrays
from conformance.judge.ignored_arguments import KINDS
from conformance.judge.value_ranges import is_usual
from conformance.judge.verdict import Diagnosis

RELATIVE = 1e-3
"""How far off a step may be, as a share of it: for recognising it, never for a verdict."""
ROUNDING = 2.0**-22
"""The rounding of new parameters, as a share of the largest number in them."""
ENOUGH = 8
"""Numbers whose step has to be clear of that rounding."""
CLEAR = 1000
"""How many times as large as that rounding a step has to be to tell a factor."""
APART = 10
"""How many times as far off as is allowed the right step has to be to tell another formula."""


class Step(NamedTuple):
    """The step of one array."""

    ndim: int
    before: np.ndarray
    """The numbers that are stepped."""
    given: np.ndarray
    right: np.ndarray
    rounding: float
    """Of the numbers that the steps lead to."""
    rate: float
    """The learning rate."""


NOT_STEPPED, RIGHT, RATE_IGNORED, OF_EACH = "not-stepped", "right", "rate-ignored", "of-each"
UPHILL = "uphill"


NEAR = 2.0**-4
"""How far off a step may be, as a share of the largest in its array, where its gradient is a poor one."""
NEARLY = Diagnosis(
    "gradient-not-accurate",
    "The step is nearly the right one where numbers are of usual size, and less accurate than float32 is.",
    "Take the gradient by `jax.grad`: differences of two losses, `(f(p + h) - f(p)) / h`, lose digits. So "
    "do a step in `float16`, and a small number that is added.",
)


def of_scaled_steps(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """How far the weights and the biases went, where every array went in the right direction.

    Args:
        wrong: every wrong answer; nothing else explains them.

    """
    usual = _usual(wrong)
    steps = [step for each in usual for step in _steps(each)]
    if not steps:
        return None
    lengths = {kind: _length([s for s in steps if s.ndim == ndim]) for ndim, kind in KINDS.items()}
    if None in lengths.values():
        return NEARLY if len(steps) >= ENOUGH and _all_near(usual) else None
    if all(length == RIGHT for length in lengths.values()):
        return None
    if len(set(lengths.values())) == 1:
        lengths = {"params": lengths["weights"]}
    parts = [_words(kind, length) for kind, length in lengths.items() if length != RIGHT]
    if len(parts) == 1:
        return Diagnosis("step-of-another-length", *parts[0])
    symptoms = " ".join(f"({n}) {symptom}" for n, (symptom, _) in enumerate(parts, 1))
    fixes = " ".join(f"({n}) {fix}" for n, (_, fix) in enumerate(parts, 1))
    return Diagnosis("step-of-another-length", f"Two things are wrong. {symptoms}", fixes)


def _usual(wrong: Sequence[WrongAnswer]) -> list[WrongAnswer]:
    """The wrong answers to calls with numbers of usual size and a learning rate."""
    return [e for e in wrong if is_usual(e.call) and "learning_rate" in e.call.arguments]


class Formula(NamedTuple):
    """Another formula for the step, of the numbers before it and the gradient."""

    name: str
    symptom: str
    fix: str
    due: Callable[[Step, np.ndarray], np.ndarray]


_FIX = "Step by the gradient as it is: `w - learning_rate * dw`."
FORMULAS = (
    Formula(
        "gradient-made-positive",
        "The absolute values of the gradient were used: no number went up.",
        _FIX,
        lambda step, gradient: -step.rate * np.abs(gradient),
    ),
    Formula(
        "gradient-squared",
        "The gradient was squared.",
        _FIX,
        lambda step, gradient: -step.rate * gradient**2,
    ),
    Formula(
        "gradient-left-out",
        "The learning rate itself was subtracted, without the gradient.",
        "Multiply it by the gradient: `w - learning_rate * dw`.",
        lambda step, gradient: np.full_like(gradient, -step.rate),
    ),
    Formula(
        "gradient-and-params-swapped",
        "The parameters times the learning rate were subtracted from the gradient.",
        "It is the other way round, `w - learning_rate * dw`: look at the order of the arguments of "
        "`tree_map`, `zip` and the function that steps.",
        lambda step, gradient: gradient - step.rate * step.before - step.before,
    ),
    Formula(
        "params-in-the-gradients-place",
        "The parameters took the place of the gradient: they were only made smaller.",
        _FIX,
        lambda step, gradient: -step.rate * step.before,
    ),
)


def of_other_steps(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """The formula that gives every step, in place of the right one.

    Args:
        wrong: every wrong answer.

    """
    usual = _usual(wrong)
    steps = [step for each in usual for step in _steps(each)]
    if not steps or len(usual) < ENOUGH:
        return None
    for formula in FORMULAS:
        told = [_told(formula, each) for each in steps]
        if all(count is not None for count in told) and sum(filter(None, told)) >= ENOUGH:
            return Diagnosis(formula.name, formula.symptom, formula.fix)
    return None


def _told(formula: Formula, step: Step) -> int | None:
    """How many numbers the formula tells from the right step; None where it does not give them all."""
    gradient = -step.right / step.rate
    due = formula.due(step, gradient)
    # The gradient is what rounding has left of the difference of two parameters.
    more = np.abs(formula.due(step, gradient + step.rounding / step.rate) - due)
    allowed = RELATIVE * np.abs(due) + step.rounding + 2 * more
    if np.any(np.abs(step.given - due) > allowed):
        return None
    return int(np.sum(np.abs(step.right - due) > APART * allowed))


def _words(kind: str, length: Any) -> tuple[str, str]:
    """What happened to the arrays of a kind, and what to change."""
    if length == NOT_STEPPED:
        return f"The {kind} were not changed.", f"Step the {kind}, too, by their own gradient."
    if length == RATE_IGNORED:
        return (
            f"The step of the {kind} has the length of the gradient itself.",
            "Multiply the gradient by `learning_rate`.",
        )
    if length == UPHILL:
        return (
            f"The step of the {kind} went uphill: their gradient was added.",
            "Subtract it: `w - learning_rate * dw`, and the biases alike.",
        )
    if length == OF_EACH:
        return (
            f"The step of the {kind} has the right direction, and another length in each array or call.",
            "Multiply the gradient by `learning_rate` alone: no norm, no number of examples, no clipping.",
        )
    return (
        f"The step of the {kind} is {length:.4g} times as long as the right one.",
        "Look for a factor beside `learning_rate`: momentum, a number in the loss, or a step made twice.",
    )


def _steps(wrong: WrongAnswer) -> list[Step]:
    """The steps of an answer that is built as it should be; none of another."""
    before = flat_arrays(wrong.call.arguments.get("params"))
    arrays, leaves = wrong.given.arrays, wrong.expected.leaves
    if wrong.mismatch.what != "values" or not len(before) == len(arrays) == len(leaves):
        return []
    found = []
    for old, array, leaf in zip(before, arrays, leaves, strict=True):
        given = array.astype(np.float64) - old
        right = np.asarray(leaf.value, np.float64) - old
        if given.shape != right.shape or not np.all(np.isfinite(given)):
            return []
        largest = max(float(np.max(np.abs(each), initial=0.0)) for each in (old, array, leaf.value))
        rate = float(wrong.call.arguments["learning_rate"])
        found.append(
            Step(
                old.ndim,
                np.broadcast_to(old, given.shape).ravel(),
                given.ravel(),
                right.ravel(),
                ROUNDING * largest,
                rate,
            )
        )
    return found


def _length(steps: Sequence[Step]) -> Any:
    """How long the steps are beside the right ones; None where they go elsewhere, or too few are clear."""
    clear = [each for each in steps if np.any(np.abs(each.right) > CLEAR * each.rounding)]
    if sum(each.given.size for each in clear) < ENOUGH:
        return None
    if all(np.all(np.abs(each.given) <= each.rounding) for each in steps):
        return NOT_STEPPED
    if all(map(_is_times(1), steps)):
        return RIGHT
    if all(_is_times(1 / each.rate)(each) for each in steps):
        return RATE_IGNORED
    if all(map(_is_times(-1), steps)):
        return UPHILL
    factors = [_factor(each) for each in clear]
    if any(factor <= 0 for factor in factors):
        return None
    common = float(f"{np.median(factors):.4g}")
    if all(map(_is_times(common), steps)):
        return common
    parallel = [_is_times(factor)(each) for factor, each in zip(factors, clear, strict=True)]
    several = [each for each in clear if np.count_nonzero(each.right) > 1]
    return OF_EACH if all(parallel) and len(several) >= ENOUGH else None


def _all_near(wrong: Sequence[WrongAnswer]) -> bool:
    """Whether every step is right but for a small share of the largest one, in its array."""
    steps = [_steps(each) for each in wrong]
    if not all(steps):
        return False
    clear = 0
    for step in itertools.chain.from_iterable(steps):
        largest = float(np.max(np.abs(step.right), initial=0.0))
        if largest > APART * CLEAR * step.rounding:
            clear += 1
        if np.any(np.abs(step.given - step.right) > NEAR * largest + CLEAR * step.rounding):
            return False
    return clear >= ENOUGH


def _factor(step: Step) -> float:
    largest = int(np.argmax(np.abs(step.right)))
    return float(step.given[largest] / step.right[largest])


def _is_times(factor: float) -> Callable[[Step], bool]:
    def told(step: Step) -> bool:
        due = factor * step.right
        allowed = RELATIVE * np.abs(due) + step.rounding * (1 + abs(factor))
        return bool(np.all(np.abs(step.given - due) <= allowed))

    return told
