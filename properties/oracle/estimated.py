"""The second oracle: what the unmapped function gives, with a bound estimated from the function itself.

It judges where the first one has no rule for a primitive, or where rounding decides a branch, and needs
to know nothing of primitives. The right value is what the unmapped function, compiled, gives for the
example alone. How far another honest evaluation may be from it is estimated by evaluating the function
`SAMPLES` times with random rounding (`properties.oracle.perturbed`): `SAFETY` times the largest deviation
seen. What no rounding reaches is exact: a function that only moves or compares is held to the bit,
and an integer that every evaluation agrees on. Of an element whose branch rounding decides, nothing is
said; of the others of the same result, all.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from properties.compiler_options import fast
from properties.oracle import perturbed
from properties.oracle.unmapped import SMALLEST
from properties.trees import raw
from reference.error_bounds.agreement import widest
from reference.error_bounds.bounded_array import BranchUndecidable, UnsupportedPrimitive
from reference.error_bounds.evaluate import Rounded, evaluator
from reference.error_bounds.roundoff import unit_roundoff

SAMPLES = 12
"""Evaluations with random rounding. Their largest deviation is about twice the standard one."""
SAFETY = 8.0
"""Times the largest deviation: a sum of n terms may be sqrt(n) worse than random rounding shows."""
ROUNDINGS = 4.0
"""Units of roundoff of the value itself that are allowed in any case where anything rounds."""
VACUOUS = 0.05
"""A bound of this part of the largest value says too little of its element: the estimate judges that."""

FLOAT64, ESTIMATED, TO_THE_BIT, DECLARED = "float64", "estimated", "to the bit", "declared"
"""The names of the oracles: the first, with rules for every primitive; the second, where something
rounds; the second, where nothing does; and a tolerance that the user declares."""

Tolerance = tuple[float, float]
"""Relative and absolute: an answer is right within `absolute + relative * |value|`."""

_watching: list[set[str]] = []


@contextmanager
def judges() -> Iterator[set[str]]:
    """The names of the oracles that judge within."""
    seen: set[str] = set()
    _watching.append(seen)
    try:
        yield seen
    finally:
        # The innermost: another may have seen the same.
        _watching.pop()
        for each in _watching:
            each |= seen


def record(*names: str) -> None:
    """Say which oracles have judged."""
    for seen in _watching[-1:]:
        seen.update(names)


def best(
    function: Callable[..., Any], *like: Any, tolerance: Tolerance | None = None
) -> Callable[..., Rounded]:
    """The right answer to one example by the best oracle there is for it.

    Args:
        function: A function of one example.
        like: Arguments of the shapes and dtypes that it will be given.
        tolerance: Declared by the user; it stands in place of all bounds.
    """
    second = functools.cache(lambda: estimated(function, *like, tolerance=tolerance))
    first = evaluator(function, *like) if tolerance is None else None
    if first is not None and not _is_real(jax.make_jaxpr(function)(*like).jaxpr):
        first = None

    def one(*arguments: Any) -> Rounded:
        nonlocal first
        if first is not None:
            try:
                result = first(*arguments)
            except UnsupportedPrimitive:
                # It has no rule for other values either.
                first = None
                return second()(*arguments)
            except Exception:
                # A branch that rounding decides, or a dtype that the rules do not know.
                return second()(*arguments)
            vacuous = jax.tree_util.tree_map(_says_little, *result)
            if not _anywhere(vacuous):
                record(FLOAT64)
                return result
            if not _everywhere(vacuous):
                return _of_both(result, vacuous, second(), arguments)
        return second()(*arguments)

    return one


def _is_real(jaxpr: Any) -> bool:
    """Whether the first oracle's rules are about all arrays of a program.

    They are where none is complex, and no series is near a root, where its error is not relative.
    """
    return not any(
        jnp.issubdtype(getattr(variable.aval, "dtype", np.dtype(bool)), jnp.complexfloating)
        or equation.primitive.name in perturbed.SPECIAL
        for equation in perturbed.equations(jaxpr)
        for variable in (*equation.invars, *equation.outvars)
    )


def _says_little(value: Any, error: Any) -> Any:
    """Where a bound is too large a part of the largest value."""
    error = np.asarray(error)
    if not np.any(error):
        return np.zeros(error.shape, bool)
    finite = np.abs(widest(value))
    finite = finite[np.isfinite(finite)]
    return error > VACUOUS * np.max(finite, initial=0.0)


def _anywhere(vacuous: Any) -> bool:
    return any(map(np.any, jax.tree_util.tree_leaves(vacuous)))


def _everywhere(vacuous: Any) -> bool:
    return all(map(np.all, jax.tree_util.tree_leaves(vacuous)))


def _of_both(
    first: Rounded, vacuous: Any, second: Callable[..., Rounded], arguments: Sequence[Any]
) -> Rounded:
    """The first oracle's answer, and the second's for the elements of which the first says too little."""
    record(FLOAT64)
    try:
        other = second(*arguments)
    except BranchUndecidable:
        # What the first oracle knows of the other elements stays.
        return first

    def chosen(is_vacuous: Any, one: Any, another: Any) -> Any:
        return np.where(is_vacuous, another, one) if np.any(is_vacuous) else one

    return Rounded(
        jax.tree_util.tree_map(chosen, vacuous, first.value, other.value),
        jax.tree_util.tree_map(chosen, vacuous, first.error, other.error),
    )


def estimated(
    function: Callable[..., Any],
    *like: Any,
    tolerance: Tolerance | None = None,
    compiled: Callable[..., Any] | None = None,
) -> Callable[..., Rounded]:
    """The unmapped function's own answer to one example, with the estimated or declared bound.

    Args:
        function: A function of one example.
        like: Arguments of the shapes and dtypes that it will be given.
        tolerance: Declared by the user.
        compiled: The function under jit, where the caller has it.

    Raises `BranchUndecidable`, when called, where rounding decides every value of the result.
    """
    closed = jax.make_jaxpr(function)(*like)
    exact = not perturbed.rounds(closed.jaxpr)

    # What moves and compares is compared to the bit, and compiled as users' programs are.
    if exact:
        compiled = jax.jit(function)
    answered = compiled or compiled_fast(function)

    def noisy(pools: Any, *arguments: Any) -> Any:
        leaves = jax.tree_util.tree_leaves(arguments)

        def evaluated(pool: Any) -> Any:
            return raw(perturbed.run(closed, perturbed.Noise(pool), leaves))

        if closed.effects:
            # A loop does not take ordered effects.
            return jax.tree_util.tree_map(lambda *each: jnp.stack(each), *map(evaluated, pools))
        return jax.lax.map(evaluated, pools)

    sampled = compiled_fast(noisy)

    def one(*arguments: Any) -> Rounded:
        answer = jax.tree_util.tree_map(np.asarray, raw(answered(*arguments)))
        values, structure = jax.tree_util.tree_flatten(answer)
        if tolerance is not None:
            record(DECLARED)
            bounds = [_declared(value, tolerance) for value in values]
        elif exact:
            record(TO_THE_BIT)
            bounds = [np.full(v.shape, _no_error(v.dtype)) for v in values]
        else:
            record(ESTIMATED)
            samples = map(np.asarray, sampled(_pools(), *arguments))
            bounds = [_bound(*pair) for pair in zip(values, samples, strict=True)]
            pairs = [(v, bound) for v, bound in zip(values, bounds, strict=True) if v.size]
            if pairs and all(_says_nothing(*pair) for pair in pairs):
                raise BranchUndecidable("rounding decides every value of the result")
        return Rounded(answer, jax.tree_util.tree_unflatten(structure, bounds))

    return one


def _says_nothing(value: Any, bound: Any) -> bool:
    """Whether each element may be anything of the size of the largest of them."""
    magnitude = np.nan_to_num(np.abs(widest(value)), nan=0.0, posinf=0.0)
    return bool(np.all(bound > max(float(np.max(magnitude)) / 2, 1e-20)))


def compiled_fast(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under jit, with the options that laws compile with: what rounds has a bound."""
    programs: dict[Any, Callable[..., Any]] = {}

    def call(*arguments: Any) -> Any:
        leaves, structure = jax.tree_util.tree_flatten(arguments)
        key = (structure, *((np.shape(leaf), getattr(leaf, "dtype", None)) for leaf in leaves))
        if key not in programs:
            lowered = jax.jit(function).lower(*arguments)
            programs[key] = lowered.compile(compiler_options=dict(fast()))
        return programs[key](*arguments)

    return call


@functools.cache
def _pools() -> Any:
    """Random signs, of shape (SAMPLES, POOL)."""
    drawn = [np.random.RandomState(i).randint(2, size=perturbed.POOL) for i in range(SAMPLES)]
    return (2 * np.stack(drawn) - 1).astype(np.float32)


def _no_error(dtype: Any) -> float:
    # Of the sign of a zero nothing is said.
    return SMALLEST if perturbed.is_float(dtype) else 0.0


def _declared(value: Any, tolerance: Tolerance) -> Any:
    if not perturbed.is_float(value.dtype):
        return np.zeros(value.shape)
    relative, absolute = tolerance
    magnitude = np.nan_to_num(np.abs(widest(value)), nan=0.0, posinf=0.0)
    # `assert_agrees` allows twice the bound.
    return np.maximum((absolute + relative * magnitude) / 2, SMALLEST)


def _bound(value: Any, samples: Any) -> Any:
    """How far an honest evaluation may be from the value, by evaluations with random rounding.

    Args:
        value: The result.
        samples: The evaluations, stacked in front.
    """
    wide = widest(value)
    with np.errstate(all="ignore"):
        away = [_distance(widest(sample), wide) for sample in samples]
    most = np.max(away, axis=0)
    if not perturbed.is_float(value.dtype):
        return np.where(most > 0, np.inf, 0.0)
    magnitude = np.nan_to_num(np.abs(wide), nan=0.0, posinf=0.0)
    own = ROUNDINGS * unit_roundoff(value.dtype) * magnitude
    return SAFETY * most + own + min(float(jnp.finfo(value.dtype).tiny), 1e-30)


def _distance(sample: Any, value: Any) -> Any:
    same = (sample == value) | (np.isnan(sample) & np.isnan(value))
    return np.where(same, 0.0, np.nan_to_num(np.abs(sample - value), nan=np.inf, posinf=np.inf))
