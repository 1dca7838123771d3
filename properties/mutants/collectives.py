"""Faults of what the examples say to each other along the batch axis."""

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
    """The map of a function to which the collective of that name does something else."""

    def broken(*arguments: Any) -> Any:
        with mock.patch.object(jax.lax, name, fault):
            return function(*arguments)

    return transform.map(broken, axes)


@mapping
def psum_does_nothing(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """psum gave each example what it had"""
    honest = jax.lax.psum

    def fault(x: Any, *arguments: Any, **options: Any) -> Any:
        # The sum of a Python number is how many examples there are, which others ask for.
        return x if np.ndim(x) else honest(x, *arguments, **options)

    return _instead(transform, function, axes, "psum", fault)


@mapping
def psum_gradient_not_summed(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the gradient of psum is each example's own, not the sum over all"""
    honest, still = jax.lax.psum, jax.lax.stop_gradient

    def fault(x: Any, *arguments: Any, **options: Any) -> Any:
        if not np.ndim(x):
            return honest(x, *arguments, **options)
        return still(honest(x, *arguments, **options)) + x - still(x)

    return _instead(transform, function, axes, "psum", fault)


@mapping
def pmean_off_by_one(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """pmean divided by one more than there are examples"""

    def fault(x: Any, name: Any, **options: Any) -> Any:
        count = jax.lax.psum(1, name)
        return jax.tree_util.tree_map(lambda leaf: jax.lax.psum(leaf, name) / (count + 1), x)

    return _instead(transform, function, axes, "pmean", fault)


@mapping
def ppermute_inverted(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """ppermute sent everything the other way"""
    honest = jax.lax.ppermute

    def fault(x: Any, name: Any, perm: Any) -> Any:
        return honest(x, name, [(target, source) for source, target in perm])

    return _instead(transform, function, axes, "ppermute", fault)


@mapping
def axis_index_constant(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """axis_index gave every example the number 0"""
    return _instead(transform, function, axes, "axis_index", lambda name: jnp.int32(0))
