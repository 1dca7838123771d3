"""Compare what a transform gives with what an oracle expects: structure first, then values."""

from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import chex
import jax
import numpy as np

from properties.trees import Raised, describe, described, raw, read
from reference.error_bounds.agreement import SLACK, agree, ulps, widest
from reference.types import Array, PyTree


class Expected(NamedTuple):
    """What a call is expected to give: three pytrees of one structure."""

    value: PyTree
    """float64 where the result is floating and rounds, else of the result's dtype."""
    bound: PyTree
    """The absolute error that rounding may cause; zero where the result is exact. `SLACK` times that
    is no violation."""
    like: PyTree
    """Shapes and dtypes."""


@attrs.define
class Mismatch(AssertionError):
    """Where and how a result differs from the expected one."""

    kind: str
    """`structure` or `value`; of what was raised: `raised`, `accepted` or `unnamed`."""
    message: str
    expected: Any = None
    got: Any = None
    bound: Any = None
    path: str = ""
    """Of the leaf that differs, as `jax.tree_util.keystr` writes it."""
    max_ulps: float | None = None
    max_error: float | None = None
    allowed: float | None = None
    says: tuple[str, ...] = ()
    """The expected exception's message must contain one of these."""
    due: str = ""
    """The name of the exception that must be raised, where one must."""
    raised: Exception | None = None
    """What was raised, in place of a result or of the exception that is due."""

    def __str__(self) -> str:
        return self.message


def exactly(tree: PyTree, bound: float = 0.0) -> Expected:
    """What must come out bit for bit, or with that absolute bound everywhere."""
    host = jax.tree_util.tree_map(np.asarray, raw(tree))
    bounds = jax.tree_util.tree_map(lambda leaf: np.full(leaf.shape, bound), host)
    return Expected(host, bounds, host)


def computed(
    result: PyTree, expected: Expected, move: Callable[[PyTree], PyTree] = lambda tree: tree
) -> Expected | None:
    """`Expected` from another computed result, rounded as much as the one it is compared with.

    Args:
        result: what another transform gives, or `Raised`.
        expected: what the oracle expects of it.
        move: moves its batch axes to where the other result has them.

    Returns:
        None where the result was raised. Of a result that has not the structure of `expected`, its
        structure alone, with values that anything agrees with; None where it has not the axes that
        are to be moved.
    """
    value = read(result)
    if isinstance(value, Raised):
        return None
    try:
        assert_same_structure(result, expected.like)
    except Mismatch:
        bound = jax.tree_util.tree_map(lambda leaf: np.full(leaf.shape, np.inf), value)
        try:
            return Expected(move(value), move(bound), move(value))
        except (ValueError, IndexError):
            return None
    # Each of the two may be SLACK times the bound away from the truth.
    bound = jax.tree_util.tree_map(lambda bound: 2 * bound, expected.bound)
    return Expected(move(value), move(bound), move(value))


@attrs.frozen
class _Leaf:
    """One expected leaf and the difference allowed; no pytree, so that chex takes it for a leaf."""

    path: Any
    value: Array
    bound: Array

    def agrees(self, got: Array) -> bool:
        return bool(np.all(agree(got, self.value, SLACK * self.bound)))


def assert_agrees(got: PyTree, expected: Expected) -> None:
    """Raise `Mismatch` unless `got` has the structure, dtypes and values of `expected`.

    Values are compared by `reference.error_bounds.agreement.agree`, with `SLACK` times the bound.
    """
    got = read(got)
    if isinstance(got, Raised):
        raise Mismatch("raised", f"it raised {got!r}", expected.value, repr(got), raised=got.error)
    assert_same_structure(got, expected.like)
    # An answer that is computed by hand has shapes of its own, which those of a wrong map need not be.
    _assert_same_shapes(got, expected.value)
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(got)[0]]
    leaves, structure = jax.tree_util.tree_flatten(got)
    pairs = (jax.tree_util.tree_leaves(tree) for tree in (expected.value, expected.bound))
    wanted = [_Leaf(*each) for each in zip(paths, *pairs, strict=True)]
    try:
        chex.assert_trees_all_equal_comparator(
            lambda leaf, want: want.agrees(leaf),
            lambda leaf, want: "values differ",
            got,
            jax.tree_util.tree_unflatten(structure, wanted),
        )
    except AssertionError:
        first = next(
            pair for pair in zip(leaves, wanted, strict=True) if not pair[1].agrees(pair[0])
        )
        raise _value_mismatch(*first) from None


def assert_same_structure(got: PyTree, like: PyTree) -> None:
    """Raise `Mismatch` unless trees, shapes and dtypes are the same. Abstract arrays will do."""
    if isinstance(got, Raised):
        raise Mismatch("raised", f"it raised {got!r}", described(like), repr(got), raised=got.error)
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


def _assert_same_shapes(got: PyTree, value: PyTree) -> None:
    """Raise `Mismatch` where a leaf has another shape than the expected one at its place."""
    leaves = jax.tree_util.tree_flatten_with_path(got)[0]
    for (path, leaf), wanted in zip(leaves, jax.tree_util.tree_leaves(value), strict=True):
        if np.shape(leaf) != np.shape(wanted):
            where = jax.tree_util.keystr(path)
            raise Mismatch(
                "structure",
                f"shapes differ{f' in {where}' if where else ''}: "
                f"expected {np.shape(wanted)}, got {np.shape(leaf)}",
                described(value),
                described(got),
            )


def assert_equal(got: PyTree, expected: PyTree) -> None:
    """Raise `Mismatch` unless both are the same bits (NaN equal to NaN)."""
    assert_agrees(got, exactly(expected))


def _value_mismatch(got: Array, expected: _Leaf) -> Mismatch:
    value, allowed = expected.value, SLACK * np.asarray(expected.bound)
    agreeing = agree(got, value, allowed)
    with np.errstate(all="ignore"):
        error = np.abs(widest(got) - widest(value))
        # Among those that disagree; a number where NaN is expected is infinitely far away.
        far = np.nan_to_num(error - allowed, nan=np.inf)
        worst = np.unravel_index(np.argmax(np.where(agreeing, -1.0, far)), got.shape)
    where = jax.tree_util.keystr(expected.path)
    position = f" at index {tuple(int(i) for i in worst)}" if got.ndim else ""
    distance = ulps(got, value)
    return Mismatch(
        "value",
        f"values differ{f' in {where}' if where else ''}{position}: "
        f"expected {value[worst]:.9g}, got {got[worst]:.9g} ({float(distance[worst]):.3g} ULP)",
        expected=np.asarray(value),
        got=got,
        bound=np.asarray(expected.bound),
        path=where,
        max_ulps=float(np.max(distance)),
        max_error=float(error[worst]),
        allowed=float(allowed[worst]),
    )
