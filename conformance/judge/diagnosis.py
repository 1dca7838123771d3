"""Recognising what went wrong: pitfalls by their references, errors by their text, calls by probing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from conformance.exercises.exercise import Exercise, Pitfall
from conformance.judge.compare import Given, Mismatch, compare, fits
from conformance.judge.expect import Answer, Call, compute
from conformance.judge.verdicts import Diagnosis

TRIED = 6
"""Wrong answers that a pitfall has to explain, the smallest calls first."""

WRONG_DTYPE = Diagnosis(
    "wrong-dtype",
    "The values are right, but their dtype is not.",
    "Keep the inputs' dtype: no float64 from NumPy, no cast, no Python numbers for integers.",
)
INPUT_MUTATED = Diagnosis(
    "input-mutated",
    "The function changed an array that it was given.",
    "Compute a new array instead of writing into the argument: no `+=`, no `x[...] =` on inputs.",
)
NOT_DETERMINISTIC = Diagnosis(
    "not-deterministic",
    "The same call gave different answers.",
    "Let the answer depend on the arguments alone: no state kept between calls, no time, "
    "no unseeded randomness.",
)
SEED_IGNORED = Diagnosis(
    "seed-ignored",
    "The answer stays the same whatever the seed.",
    "Use the `seed` argument: `jax.random.PRNGKey(seed)`.",
)
NOT_FLATTENED = Diagnosis(
    "not-flattened",
    "The values are right, but the answer has too many axes.",
    "Return it flattened, for instance with `.reshape(-1)`.",
)

SYMPTOMS: tuple[tuple[str, Diagnosis], ...] = (
    (
        r"Non-hashable static argument|unhashable type",
        Diagnosis(
            "unhashable-static-argument",
            "An argument that holds arrays was declared static, and arrays cannot be hashed.",
            "Leave parameters out of `static_argnums` and `static_broadcasted_argnums`; "
            "only plain Python values may be static.",
        ),
    ),
    (
        r"rank should be at least 1, but is only 0|pmap got value .* rank 0|"
        r"axis 0 is out of bounds for array of dimension 0|which has no axis|"
        r"mapped.*scalar|scalar.*mapped|ndim=0|ndim 0",
        Diagnosis(
            "scalar-not-broadcast",
            "A scalar was mapped as if it had an axis of examples.",
            "Say that every device gets the same one: `in_axes=(0, None)`.",
        ),
    ),
    (
        r"requires \d+ logical devices|but only \d+ XLA devices|"
        r"number of.*devices.*(exceed|greater|more)",
        Diagnosis(
            "more-elements-than-devices",
            "A map over devices was given more elements than there are devices.",
            "Give each device one slice: reshape to (devices, ...) or map the rest with `vmap`.",
        ),
    ),
    (
        r"has no attribute '(tree_map|tree_multimap|device_put_replicated|device_put_sharded|abstract_arrays"
        r"|maps|linear_util|xla|soft_pmap|host_callback|pxla)'|"
        r"(jax\.\w+(\.\w+)*|\w+) (was|has been|is) (deprecated|removed)|"
        r"cannot import name '\w+' from 'jax",
        Diagnosis(
            "removed-api",
            "A function was used that this release of JAX no longer has.",
            "Use its successor: `jax.tree_util.tree_map` for `jax.tree_map`, `jax.device_put` with a "
            "sharding for `device_put_replicated`; JAX's change log names the others.",
        ),
    ),
    (
        r"inconsistent sizes|got inconsistent|different sizes|Incompatible shapes for (dot|broadcasting)|"
        r"ScopeParamShapeError|expected.*shape.*(kernel|bias)|add got incompatible shapes",
        Diagnosis(
            "wrong-in-axes",
            "The arrays that were mapped together do not have the same number of examples.",
            "Check which axis each argument is mapped over, and give shared ones `None` in `in_axes`.",
        ),
    ),
    (
        r"OverflowError|too large to convert|out of bounds for",
        Diagnosis(
            "seed-overflows",
            "A seed beyond the range of int32 went through an array or a jitted argument.",
            "Call `jax.random.PRNGKey(seed)` with the Python integer, outside of `jit`.",
        ),
    ),
)


@attrs.frozen
class Wrong:
    """One wrong answer: the call, what was right and what was given."""

    call: Call
    right: Answer
    given: Given
    mismatch: Mismatch


def of_error(error: Mapping[str, Any], exercise: Exercise) -> Diagnosis | None:
    """The pitfall that an exception's text gives away; the exercise's own words for it go first."""
    text = f"{error.get('type')}: {error.get('message')}"
    own = {pitfall.id: pitfall for pitfall in exercise.pitfalls}
    for pattern, diagnosis in SYMPTOMS:
        if re.search(pattern, text):
            found = own.get(diagnosis.pitfall)
            return words(found) if found is not None else diagnosis
    return None


def of_wrong(exercise: Exercise, wrong: Sequence[Wrong]) -> Diagnosis | None:
    """The pitfall that explains the wrong answers, from the smallest call on."""
    sample = wrong[:TRIED]
    found = _by_reference(exercise, sample)
    if found is None and all(each.mismatch.what == "dtype" for each in sample):
        if all(fits(each.given, each.right) for each in sample):
            return WRONG_DTYPE
    if found is None and all(_flat_fits(each) for each in sample):
        return NOT_FLATTENED
    return found


def _by_reference(exercise: Exercise, wrong: Sequence[Wrong]) -> Diagnosis | None:
    for pitfall in exercise.pitfalls:
        if pitfall.reference is None:
            continue
        told = [_explains(pitfall, each) for each in wrong]
        if None not in told and all(told):
            return words(pitfall)
    return None


def _explains(pitfall: Pitfall, wrong: Wrong) -> bool | None:
    assert pitfall.reference is not None
    try:
        answer = compute(pitfall.reference, wrong.call.arguments)
    except Exception:  # this way of going wrong has no answer to this call
        return None
    return fits(wrong.given, answer)


def _flat_fits(wrong: Wrong) -> bool:
    if len(wrong.given.arrays) != 1 or len(wrong.right.leaves) != 1:
        return False
    shape = wrong.right.leaves[0].value.shape
    array = wrong.given.arrays[0]
    if array.ndim <= len(shape) or array.size != wrong.right.leaves[0].value.size:
        return False
    moved = attrs.evolve(wrong.given, arrays=(array.reshape(shape),))
    return compare(moved, wrong.right) is None


def words(pitfall: Pitfall) -> Diagnosis:
    return Diagnosis(pitfall.id, pitfall.happened, pitfall.change)


Ask = Callable[[Call], Given | None]


def by_probing(exercise: Exercise, wrong: Wrong, ask: Ask) -> Diagnosis | None:
    """Ask the candidate again: the same call, and one with another seed."""
    again = ask(wrong.call)
    if again is not None and not same(again, wrong.given):
        return NOT_DETERMINISTIC
    if "seed" in wrong.call.arguments and again is not None:
        for step in (1, 12345):
            seed = int(wrong.call.arguments["seed"]) % 1000 + step
            call = attrs.evolve(wrong.call, arguments={**wrong.call.arguments, "seed": seed})
            other = ask(call)
            if other is None or not same(other, wrong.given):
                return None
        return SEED_IGNORED
    return None


def same(one: Given, other: Given) -> bool:
    """Whether two answers to one call are the same bits."""
    if (one.spec, one.unfit, one.dtypes) != (other.spec, other.unfit, other.dtypes):
        return False
    pairs = list(zip(one.arrays, other.arrays, strict=False))
    return len(one.arrays) == len(other.arrays) and all(
        a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs
    )
