"""What went wrong: pitfalls recognised by their references, errors by their text, or by probing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from conformance.judge import error_and_call, error_and_line
from conformance.judge.compare import GivenAnswer, Mismatch, compare, fits
from conformance.judge.dropped_axes import AXIS_DROPPED, lacks_an_axis
from conformance.judge.error_texts import of_text
from conformance.judge.exercises.exercise import Exercise, Pitfall
from conformance.judge.expected_answers import Call, ExpectedAnswer, compute
from conformance.judge.no_numbers import (
    LEAKED,
    NO_NUMBERS,
    NOTHING_RETURNED,
    OWN_OBJECT,
    PRINTED,
    TEXT,
)
from conformance.judge.only_some_calls import Answered, qualified
from conformance.judge.verdict import Diagnosis

MAX_EXPLAINED = 8
"""Wrong answers that a pitfall has to explain, each at a shape of its own."""
COARSE_TOLERANCE = 2e-2
"""How far bfloat16 may be off: for recognising it, never for a verdict."""

WRONG_DTYPE = Diagnosis(
    "wrong-dtype",
    "The values are right, but their dtype is not.",
    "Keep the inputs' dtype: no float64 from NumPy, no cast, no Python numbers for integers.",
)
INPUT_MUTATED = Diagnosis(
    "input-mutated",
    "The function changed an argument that it was given.",
    "Compute a new one instead of writing into the argument: no `+=`, no `x[...] =`, and no `pop`, `append` "
    "or `del` on inputs. `list(params)` is a list of its own.",
)
NOT_DETERMINISTIC = Diagnosis(
    "not-deterministic",
    "The same call gave different answers.",
    "Let the answer depend on the arguments alone: no state kept between calls, no list as a default "
    "value, `def f(x, out=[])`, which keeps what it was given, no time, no unseeded randomness.",
)
SEED_IGNORED = Diagnosis(
    "seed-ignored",
    "The answer stays the same whatever the seed.",
    "Use the `seed` argument: `jax.random.PRNGKey(seed)`.",
)
KEY_IGNORED = Diagnosis(
    "key-ignored",
    "The answer stays the same whatever the key.",
    "Draw from the `key` argument, and make no key of your own.",
)
NOT_FLATTENED = Diagnosis(
    "not-flattened",
    "The values are right, but the answer has too many axes.",
    "Return it flattened, for instance with `.reshape(-1)`.",
)
TOO_MANY_AXES = Diagnosis(
    "too-many-axes",
    "The values are right, but the answer has an axis too many.",
    "Take it out: look for `keepdims`, `[None]`, `[:, None]`, and a `reshape` that adds an axis of size 1.",
)
COLUMN = Diagnosis(
    "column-vector",
    "The values are right, but they came as a column of shape (B, 1), not as one number each.",
    "Drop the last axis: `[:, 0]`, no `keepdims=True`, and no `[:, None]` on the way in.",
)

STILL_RUNNING = Diagnosis(
    "still-running",
    "The code was still at the lines shown when its time was over.",
    "See whether a loop there comes to an end; if it does, compute less in it: map it, or compile it.",
)


@attrs.frozen
class WrongAnswer:
    """One wrong answer: the call, what was right and what was given."""

    call: Call
    expected: ExpectedAnswer
    given: GivenAnswer
    mismatch: Mismatch


def of_error(
    error: Mapping[str, Any],
    exercise: Exercise | None,
    call: Call | None = None,
    right: Sequence[Call] = (),
) -> Diagnosis | None:
    """The pitfall that an exception's text gives away; the exercise's own words for it go first.

    Args:
        error: the exception as the worker described it.
        exercise: the exercise that was judged, if one was.
        call: the smallest call that raised it, if one did.
        right: calls that were answered right.

    """
    # One with a reference is about answers: its words may say more than an error gives away.
    pitfalls = () if exercise is None else exercise.pitfalls
    own = {each.id: to_diagnosis(each) for each in pitfalls if each.reference is None}
    text = f"{error.get('type')}: {error.get('message')}"
    if exercise is not None and not error.get("frames") and _OTHER_ARGUMENTS.match(text):
        return Diagnosis(
            "other-arguments",
            "The function does not take the arguments that the task gives it.",
            f"Begin it with `def {exercise.signature}:`.",
        )
    if not error.get("frames") and text.startswith("TracerArrayConversionError"):
        return LEAKED  # nothing of the student's was running: it is the answer itself
    found = None
    if exercise is not None:
        found = error_and_call.of_itself(text, error, exercise)
        found = found or error_and_call.of_options(text, error, exercise)
    found = found or error_and_line.of_line(text, error, exercise)
    if found is None and call is not None:
        found = error_and_line.of_numbers(text, call)
        found = (
            found
            or error_and_call.of_sizes(text, call)
            or error_and_call.of_other_sizes(text, call)
        )
        found = (
            found or _read_by(exercise, text, call) or error_and_call.of_layers(text, call, right)
        )
    return found or of_text(text, own)


def _read_by(exercise: Exercise | None, text: str, call: Call) -> Diagnosis | None:
    """What the exercise itself reads in an error."""
    if exercise is None or exercise.read_error is None:
        return None
    try:
        found = exercise.read_error(text, call.arguments)
    except Exception:  # the text may be anything
        return None
    return None if found is None else to_diagnosis(found)


_OTHER_ARGUMENTS = re.compile(
    r"TypeError: \S+\(\) (takes (from )?\d+ .*but \d+ (was|were) given|missing \d+ required)"
)


def of_wrong(
    exercise: Exercise,
    wrong: Sequence[WrongAnswer],
    printed: bool = False,
    notes: Mapping[str, Any] | None = None,
    right: Sequence[Answered] = (),
) -> Diagnosis | None:
    """The pitfall that explains the wrong answers, from the smallest call on.

    Args:
        exercise: the exercise whose pitfalls are tried.
        wrong: the wrong answers, the smallest call first.
        printed: whether the candidate printed something.
        notes: what was observed at the smallest of these calls.
        right: calls that were answered right, and the answers.

    """
    sample = _one_of_each_shape(wrong)
    if all(each.mismatch.what == "dtype" and _close(each) for each in sample):
        return WRONG_DTYPE
    for kind, found in {exercise.name: OWN_OBJECT, **NO_NUMBERS}.items():
        if all(f"{each.given.unfit or ''} ".startswith(f"{kind} ") for each in sample):
            return PRINTED if found is NOTHING_RETURNED and printed else found
    if all(re.search(r"of dtype [<>]?U\d", each.given.unfit or "") for each in sample):
        return TEXT
    if all(lacks_an_axis(each.given, each.expected) for each in wrong):
        return AXIS_DROPPED
    pitfall = _by_reference(exercise.pitfalls, sample)
    if pitfall is None:
        pitfall = _by_reference(_suspects(exercise, notes or {}), sample)
    if pitfall is not None and pitfall.reference is not None:
        calls = [each.call for each in wrong]
        return qualified(to_diagnosis(pitfall), pitfall.reference, exercise, calls, right)
    if all(_flat_fits(each) for each in sample):
        if all(map(_is_column, sample)):
            return COLUMN
        flat = all(each.expected.leaves[0].value.ndim == 1 for each in sample)
        return NOT_FLATTENED if flat else TOO_MANY_AXES
    return None


def of_rare_mistakes(exercise: Exercise, wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """The rare pitfall that explains the wrong answers: for those that nothing else explains.

    Args:
        exercise: whose rare pitfalls are tried.
        wrong: the wrong answers, the smallest call first.

    """
    # The largest call rules most of them out at once: a small one leaves many ways alike.
    found = _by_reference(exercise.rare_pitfalls, _one_of_each_shape(wrong)[::-1])
    return None if found is None else to_diagnosis(found)


def _one_of_each_shape(wrong: Sequence[WrongAnswer]) -> list[WrongAnswer]:
    """The smallest call of each shape: different pitfalls may agree at one shape, hardly at all."""
    found: dict[int, WrongAnswer] = {}
    for each in wrong:
        found.setdefault(each.call.shape, each)
    return list(found.values())[:MAX_EXPLAINED]


def _close(wrong: WrongAnswer) -> bool:
    """Whether the values are right but for the digits that another dtype cannot hold."""
    if fits(wrong.given, wrong.expected):
        return True
    if any(array.dtype.itemsize > np.dtype(np.float32).itemsize for array in wrong.given.arrays):
        return False  # a wider dtype holds all of the digits
    pairs = zip(wrong.given.arrays, wrong.expected.leaves, strict=True)
    return all(
        bool(
            np.allclose(
                array.astype(np.float64), leaf.value, rtol=COARSE_TOLERANCE, atol=COARSE_TOLERANCE
            )
        )
        for array, leaf in pairs
        if array.dtype.kind == "f"
    ) and all(array.dtype.kind == "f" for array in wrong.given.arrays)


def _suspects(exercise: Exercise, notes: Mapping[str, Any]) -> Sequence[Pitfall]:
    if exercise.suspects is None:
        return ()
    try:
        return exercise.suspects(notes)
    except Exception:  # notes come from the candidate's process and may be anything
        return ()


def _by_reference(pitfalls: Sequence[Pitfall], wrong: Sequence[WrongAnswer]) -> Pitfall | None:
    for pitfall in pitfalls:
        if pitfall.reference is None:
            continue
        if _explains(pitfall.reference, wrong):
            return pitfall
    return None


def _explains(reference: Callable[..., Any], wrong: Sequence[WrongAnswer]) -> bool:
    """Whether a way of going wrong gives every wrong answer, and can be told from the right way by one.

    Where it loses digits its bound is wide: what the right answer fits as well says nothing.
    """
    apart = False
    for each in wrong:
        answer = _answer_of(reference, each)
        if answer is None or not fits(each.given, answer):
            return False
        apart = apart or not fits(_as_given(each), answer)
    return apart


def _answer_of(reference: Callable[..., Any], wrong: WrongAnswer) -> ExpectedAnswer | None:
    """What this way of going wrong answers to the call; None where it has no answer."""
    try:
        # A wrong way may divide by zero: that is no warning of ours.
        with np.errstate(all="ignore"):
            return compute(reference, wrong.call.arguments)
    except Exception:
        return None


def _as_given(wrong: WrongAnswer) -> GivenAnswer:
    """The right answer, as if it had been given."""
    leaves = wrong.expected.leaves
    return GivenAnswer(wrong.expected.spec, tuple(leaf.value for leaf in leaves))


def _flat_fits(wrong: WrongAnswer) -> bool:
    if len(wrong.given.arrays) != 1 or len(wrong.expected.leaves) != 1:
        return False
    shape = wrong.expected.leaves[0].value.shape
    array = wrong.given.arrays[0]
    if array.ndim <= len(shape) or array.size != wrong.expected.leaves[0].value.size:
        return False
    moved = attrs.evolve(wrong.given, arrays=(array.reshape(shape),))
    return compare(moved, wrong.expected) is None


def _is_column(wrong: WrongAnswer) -> bool:
    """Whether a vector was expected, and one came with a last axis of size 1."""
    shape = wrong.expected.leaves[0].value.shape
    return len(shape) == 1 and wrong.given.arrays[0].shape == (*shape, 1)


def to_diagnosis(pitfall: Pitfall) -> Diagnosis:
    """The pitfall as a student is told it."""
    return Diagnosis(pitfall.id, pitfall.symptom, pitfall.fix)


Ask = Callable[[Call], GivenAnswer | None]


def by_probing(exercise: Exercise, wrong: Sequence[WrongAnswer], ask: Ask) -> Diagnosis | None:
    """Ask the candidate again: the same call, and one with another seed or key.

    Args:
        exercise: whose reference says at which calls the seed matters.
        wrong: the wrong answers, the smallest call first.
        ask: makes a call of the candidate's function.

    """
    again = ask(wrong[0].call)
    if again is None:
        return None
    if not same(again, wrong[0].given):
        return NOT_DETERMINISTIC
    for name, found in (("seed", SEED_IGNORED), ("key", KEY_IGNORED)):
        if name in wrong[0].call.arguments and _ignored(exercise, wrong, ask, name):
            return found
    return None


def _ignored(exercise: Exercise, wrong: Sequence[WrongAnswer], ask: Ask, name: str) -> bool:
    """Whether another seed or key gives the same answer at all shapes where it must not.

    At one it may: of one example, less the mean of all, nothing is left.
    """
    tried = False
    for each in _one_of_each_shape(wrong):
        if not each.given.arrays:  # nothing that a seed could change
            continue
        others = [_with_another(each.call, name, step) for step in (1, 12345)]
        if all(_asks_for_another(exercise, each, call) for call in others):
            given = [ask(call) for call in others]
            if not all(answer is not None and same(answer, each.given) for answer in given):
                return False
            tried = True
    return tried


def _with_another(call: Call, name: str, step: int) -> Call:
    """The call with another `seed`, or with the `key` of another one."""
    value = call.arguments[name]
    seed = int(np.asarray(value).ravel()[-1]) % 1000 + step
    other: Any = seed
    if isinstance(value, np.ndarray):
        other = np.zeros_like(value)
        other[..., -1] = seed
    return attrs.evolve(call, arguments={**call.arguments, name: other})


def _asks_for_another(exercise: Exercise, wrong: WrongAnswer, call: Call) -> bool:
    """Whether another answer is right for the call: inputs of zeros give zeros with any seed."""
    try:
        answer = compute(exercise.reference, call.arguments)
    except Exception:  # a call that a teacher's own exercise does not have
        return False
    one, other = wrong.expected.leaves, answer.leaves
    pairs = zip(one, other, strict=True) if len(one) == len(other) else ()
    return any(not np.allclose(a.value, b.value, rtol=COARSE_TOLERANCE) for a, b in pairs)


def same(one: GivenAnswer, other: GivenAnswer) -> bool:
    """Whether two answers to one call are the same bits."""
    if (one.spec, one.unfit, one.dtypes) != (other.spec, other.unfit, other.dtypes):
        return False
    pairs = list(zip(one.arrays, other.arrays, strict=False))
    return len(one.arrays) == len(other.arrays) and all(
        a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs
    )
