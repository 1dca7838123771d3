"""Mutants of collectives along the batch axis."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from properties.call import Axes
from properties.mutants.mutant import Mapped, mapping
from properties.transform import Transform


def _instead(
    transform: Transform, function: Any, axes: Axes, name: str, fault: Callable[..., Any]
) -> Mapped:
    """The map of a function in which the collective `name` of `jax.lax` is replaced by `fault`."""

    def broken(*arguments: Any) -> Any:
        with mock.patch.object(jax.lax, name, fault):
            return function(*arguments)

    return transform.map(broken, axes)


@mapping
def psum_does_nothing(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """psum returns each example's own operand"""
    original: Callable[..., Any] = jax.lax.psum

    def fault(x: Any, *arguments: Any, **options: Any) -> Any:
        # The sum of a Python number is how many examples there are, which others ask for.
        return x if np.ndim(x) else original(x, *arguments, **options)

    return _instead(transform, function, axes, "psum", fault)


@mapping
def psum_gradient_not_summed(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the gradient of psum is each example's own, not the sum over all examples"""
    original: Callable[..., Any] = jax.lax.psum
    constant = jax.lax.stop_gradient

    def fault(x: Any, *arguments: Any, **options: Any) -> Any:
        if not np.ndim(x):
            return original(x, *arguments, **options)
        return constant(original(x, *arguments, **options)) + x - constant(x)

    return _instead(transform, function, axes, "psum", fault)


@mapping
def pmean_off_by_one(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """pmean divides by one more than the number of examples"""

    def fault(x: Any, name: Any, **options: Any) -> Any:
        count = jax.lax.psum(1, name)
        return jax.tree_util.tree_map(lambda leaf: jax.lax.psum(leaf, name) / (count + 1), x)

    return _instead(transform, function, axes, "pmean", fault)


@mapping
def ppermute_inverted(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """ppermute sends everything in the opposite direction"""
    original: Callable[..., Any] = jax.lax.ppermute

    def fault(x: Any, name: Any, perm: Any) -> Any:
        return original(x, name, [(target, source) for source, target in perm])

    return _instead(transform, function, axes, "ppermute", fault)


@mapping
def axis_index_constant(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """axis_index is 0 for every example"""
    return _instead(transform, function, axes, "axis_index", lambda name: jnp.int32(0))
