"""Comparing what a transform gives with what is right: structure first, then values."""

from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import chex
import jax
import jax.numpy as jnp
import numpy as np

from properties.trees import Raised, describe, described, raw, read
from reference.error_bounds.evaluate import SLACK


class Expected(NamedTuple):
    """The right answer: three pytrees of one structure."""

    value: Any
    """float64 where the answer is floating, else exact."""
    bound: Any
    """The largest absolute error that is no violation; zero where the answer is exact."""
    like: Any
    """Shapes and dtypes."""


@attrs.define
class Mismatch(AssertionError):
    """Where and how an answer differs from the right one. ``kind`` is structure or value, or, of what
    was raised: raised, accepted, unnamed."""

    kind: str
    message: str
    expected: Any = None
    got: Any = None
    bound: Any = None
    path: str = ""
    max_ulps: float | None = None
    max_error: float | None = None
    allowed: float | None = None
    says: tuple[str, ...] = ()
    """One of which the message of the exception that was due must hold."""

    def __str__(self) -> str:
        return self.message


def exactly(tree: Any) -> Expected:
    """What must come out bit for bit."""
    host = jax.tree_util.tree_map(np.asarray, raw(tree))
    zero = jax.tree_util.tree_map(lambda leaf: np.zeros(leaf.shape), host)
    return Expected(host, zero, host)


def computed(result: Any, right: Expected, move: Callable[[Any], Any] = lambda tree: tree) -> Any:
    """`Expected` from another computed result, rounded as much as the one it is compared with.

    ``move`` says where its axes are to be. None where the result was raised. A result that has not
    the structure of ``right`` fixes the structure of others, not their values, if it has the axes
    to be moved at all.
    """
    value = read(result)
    if isinstance(value, Raised):
        return None
    try:
        assert_same_structure(result, right.like)
    except Mismatch:
        bound = jax.tree_util.tree_map(lambda leaf: np.full(leaf.shape, np.inf), value)
        try:
            return Expected(move(value), move(bound), move(value))
        except (ValueError, IndexError):
            return None
    # Each of the two may be SLACK times the bound away from the truth.
    bound = jax.tree_util.tree_map(lambda bound: 2 * bound, right.bound)
    return Expected(move(value), move(bound), move(value))


def assert_agrees(got: Any, expected: Expected) -> None:
    """Raise `Mismatch` unless ``got`` has the structure, dtypes and values of ``expected``."""
    got = read(got)
    if isinstance(got, Raised):
        raise Mismatch("raised", f"it raised {got!r}", expected.value, repr(got))
    assert_same_structure(got, expected.like)
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(got)[0]]
    leaves = (jax.tree_util.tree_leaves(tree) for tree in (got, expected.value, expected.bound))
    for path, *leaf in zip(paths, *leaves, strict=True):
        if not np.all(_agreeing(*leaf)):
            raise _value_disagreement(path, *leaf)


def assert_same_structure(got: Any, like: Any) -> None:
    """Raise `Mismatch` unless trees, shapes and dtypes are the same. Abstract arrays will do."""
    if isinstance(got, Raised):
        raise Mismatch("raised", f"it raised {got!r}", described(like), repr(got))
    try:
        chex.assert_trees_all_equal_structs(got, like)
        chex.assert_trees_all_equal_shapes_and_dtypes(got, like)
    except (AssertionError, ValueError, TypeError):
        raise Mismatch(
            "structure",
            f"shapes differ: expected {describe(like)}, got {describe(got)}",
            described(like),
            described(got),
        ) from None


def assert_equal(got: Any, right: Any) -> None:
    """Raise `Mismatch` unless both are the same bits (NaN equal to NaN)."""
    assert_agrees(got, exactly(right))


def ulps(got: Any, value: Any) -> np.ndarray[Any, Any]:
    """The distance in units in the last place of ``got``'s dtype, at the expected value.

    For printing, never a criterion: near zero an honest error is many of them.
    """
    if not jnp.issubdtype(got.dtype, jnp.floating):
        return np.abs(widest(got) - widest(value))
    info = jnp.finfo(got.dtype)
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log2(np.maximum(np.abs(value), float(info.tiny))))
        spacing = np.exp2(exponent) * float(info.eps)
        return np.abs(got.astype(np.float64) - value) / spacing


def widest(array: Any) -> Any:
    """The same numbers in float64, or in complex128."""
    array = np.asarray(array)
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)


def _agreeing(got: Any, value: Any, bound: Any) -> Any:
    """Which elements are within SLACK times their bound, NaN matching NaN, zeros by sign."""
    if not np.any(bound):
        same = (got == value) | ((got != got) & (value != value))
        if jnp.issubdtype(got.dtype, jnp.floating) and value.dtype == got.dtype:
            same &= (np.signbit(got) == np.signbit(value)) | (got != got)
        return same
    wide = widest(got)
    with np.errstate(all="ignore"):
        close = np.abs(wide - value) <= SLACK * bound
    return close | (wide == value) | (np.isnan(wide) & np.isnan(value))


def _value_disagreement(path: Any, got: Any, value: Any, bound: Any) -> Mismatch:
    agreeing = _agreeing(got, value, bound)
    with np.errstate(all="ignore"):
        error = np.abs(widest(got) - widest(value))
        # Among those that disagree; a number where NaN was due is infinitely far away.
        far = np.nan_to_num(error - SLACK * bound, nan=np.inf)
        worst = np.unravel_index(np.argmax(np.where(agreeing, -1.0, far)), got.shape)
    where = jax.tree_util.keystr(path)
    position = f" at index {tuple(int(i) for i in worst)}" if got.ndim else ""
    distance = ulps(got, value)
    distance = np.where(np.isnan(distance), np.where(agreeing, 0.0, np.inf), distance)
    return Mismatch(
        "value",
        f"values differ{f' in {where}' if where else ''}{position}: "
        f"expected {value[worst]:.9g}, got {got[worst]:.9g} ({float(distance[worst]):.3g} ULP)",
        expected=np.asarray(value),
        got=got,
        bound=np.asarray(bound),
        path=where,
        max_ulps=float(np.max(distance)),
        max_error=float(error[worst]),
        allowed=float(SLACK * np.asarray(bound)[worst]),
    )
