"""Subtle mutants of mapping functions."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from properties.mutants.mutant import halved_derivative
from properties.mutants.subtle.subtle_mutant import Use, of_map
from reference.types import Array

LARGE = 2**15
"""A batch that is large: 16-bit integers do not count it."""
DERIVING = {"JVPTracer", "LinearizeTracer"}
"""The classes of JAX's tracers whose results have derivatives."""


def _all_in_front(use: Use) -> bool:
    return len(use.in_axes) > 1 and all(axis == 0 for axis in use.in_axes)


def _differing(use: Use) -> bool:
    return len({axis for axis in use.in_axes if isinstance(axis, int)}) > 1


def _square(use: Use) -> bool:
    """Whether an array whose batch axis is not in front has another axis as long."""
    return any(axis > 0 and shape.count(shape[axis]) > 1 for shape, axis in use.mapped_shapes)


def _trees(use: Use) -> bool:
    return any(axis is not None and not isinstance(axis, int) for axis in use.in_axes)


def _last_out(use: Use) -> bool:
    return isinstance(use.axes.out_axes, int) and use.axes.out_axes > 0


def _halve_shared(use: Use, number: int, leaf: Any) -> Any:
    shared = number < len(use.in_axes) and use.in_axes[number] is None
    return halved_derivative(jnp.asarray(leaf)) if shared else leaf


def _halve_first(use: Use, number: int, leaf: Any) -> Any:
    return halved_derivative(jnp.asarray(leaf)) if number == 0 else leaf


def _one_more(leaf: Array) -> Array:
    """The array with one more slice in front, where it has none."""
    return jnp.zeros((1, *leaf.shape[1:]), leaf.dtype) if 0 in leaf.shape else leaf


def _no_infinity(leaf: Array) -> Array:
    return jnp.nan_to_num(leaf) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


def _unsigned_zero(leaf: Array) -> Array:
    return jnp.where(leaf == 0, 0, leaf) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


def _strong(leaf: Array) -> Array:
    return jax.lax.convert_element_type(leaf, leaf.dtype)


MAPS = (
    of_map(
        "all-in-front",
        "several arguments, all mapped along axis 0, give a wrong result",
        _all_in_front,
    ),
    of_map(
        "second-unmapped",
        "where the second argument alone is not mapped, the result is wrong",
        lambda use: [i for i, axis in enumerate(use.in_axes) if axis is None] == [1],
    ),
    of_map(
        "first-unmapped",
        "where the first argument alone is not mapped, the result is wrong",
        lambda use: [i for i, axis in enumerate(use.in_axes) if axis is None] == [0],
    ),
    of_map("axes-differ", "arguments mapped along different axes give a wrong result", _differing),
    of_map("batch-of-one", "a batch of one gives a wrong result", lambda use: use.size == 1),
    of_map(
        "batch-of-one-in-front",
        "a batch of one, everything mapped along axis 0, gives a wrong result",
        lambda use: (
            use.size == 1 and all(axis == 0 for axis in use.in_axes) and not use.axes.out_axes
        ),
    ),
    of_map(
        "empty-batch",
        "an empty batch gives one example",
        lambda use: use.size == 0,
        result=_one_more,
    ),
    of_map(
        "square",
        "a batch axis that is not in front, beside one as long, gives a wrong result",
        _square,
    ),
    of_map(
        "large-batch",
        f"{LARGE:,} examples or more give a wrong result",
        lambda use: use.size >= LARGE,
    ),
    of_map("last-out-axis", "an out_axes above 0 gives a wrong result", _last_out),
    of_map(
        "negative-out-axis",
        "a negative out_axes gives a wrong result",
        lambda use: isinstance(use.axes.out_axes, int) and use.axes.out_axes < 0,
    ),
    of_map("tree-of-axes", "in_axes with a dict or a list give a wrong result", _trees),
    of_map(
        "size-stated",
        "where axis_size is given and an argument is mapped, the result is wrong",
        lambda use: (
            "axis_size" in dict(use.axes.options) and any(a is not None for a in use.in_axes)
        ),
    ),
    of_map(
        "only-size-stated",
        "where axis_size is given and no argument is mapped, the result is wrong",
        lambda use: all(axis is None for axis in use.in_axes),
    ),
    of_map("keywords", "a call with keywords gives a wrong result", lambda use: bool(use.keywords)),
    of_map(
        "integers",
        "integers give a wrong result",
        lambda use: any(name.startswith(("int", "uint")) for name in use.dtypes),
    ),
    of_map("booleans", "booleans give a wrong result", lambda use: "bool" in use.dtypes),
    of_map(
        "complex-numbers",
        "complex numbers give a wrong result",
        lambda use: "complex64" in use.dtypes,
    ),
    of_map(
        "half-precision",
        "bfloat16 or float16 gives a wrong result",
        lambda use: not use.dtypes.isdisjoint(("bfloat16", "float16")),
    ),
    of_map(
        "weak-types", "the result of the map has no weak type", lambda use: True, result=_strong
    ),
    of_map("infinities", "infinities and NaN become finite", lambda use: True, result=_no_infinity),
    of_map("negative-zero", "-0.0 becomes 0.0", lambda use: True, result=_unsigned_zero),
    of_map(
        "scalars",
        "examples that are scalars give a wrong result",
        lambda use: bool(use.leaves) and all(np.ndim(leaf) <= 1 for leaf in use.leaves),
    ),
    of_map(
        "second-call",
        "the second call of a mapped function gives a wrong result",
        lambda use: use.turn == 2,
    ),
    of_map(
        "eager", "a call that is not traced gives a wrong result", lambda use: not use.tracers()
    ),
    of_map(
        "in-a-map",
        "a map inside another map gives a wrong result",
        lambda use: "BatchTracer" in use.tracers(),
    ),
    of_map(
        "gradient-of-shared",
        "the gradient of the map by an argument that is not mapped is half of what it should be",
        lambda use: not use.tracers().isdisjoint(DERIVING),
        argument=_halve_shared,
    ),
    of_map(
        "gradient-all-in-front",
        "the gradient of the map by its first argument is half, where all are mapped along axis 0",
        lambda use: _all_in_front(use) and not use.tracers().isdisjoint(DERIVING),
        argument=_halve_first,
    ),
)
