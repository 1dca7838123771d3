"""What a mutant is, and how a function that breaks a transform becomes one."""

from collections.abc import Callable
from typing import Any

import attrs
import jax
import jax.numpy as jnp

from properties.call import Axes, ModuleCall
from properties.transform import Lifted, Transform
from reference.types import Array, PyTree

Mapped = Callable[..., PyTree]
MapMutation = Callable[[Transform, Callable[..., PyTree], Axes], Mapped]
"""Maps a function wrongly; the docstring is the mutant's sentence."""
LiftMutation = Callable[[Transform, ModuleCall], Lifted]
"""Lifts a call's module wrongly; the docstring is the mutant's sentence."""


@attrs.frozen
class Mutant:
    """One fault, which breaks any transform."""

    name: str
    sentence: str
    """What the fault does: it completes "likely cause: ..."."""
    mutate: Callable[[Transform], Transform]
    """Gives the broken transform."""
    lifts: bool
    """Whether it breaks the lifting of modules, not the mapping of functions."""


def mapping(mutation: MapMutation) -> Mutant:
    """Make a mutant of what breaks a transform's `map`."""

    def mutate(transform: Transform) -> Transform:
        return attrs.evolve(
            transform, map=lambda function, axes: mutation(transform, function, axes)
        )

    return mutant(mutation.__name__, mutation.__doc__ or "", mutate, lifts=False)


def lifting(mutation: LiftMutation) -> Mutant:
    """Make a mutant of what breaks a transform's `lift`."""

    def mutate(transform: Transform) -> Transform:
        return attrs.evolve(transform, lift=lambda call: mutation(transform, call))

    return mutant(mutation.__name__, mutation.__doc__ or "", mutate, lifts=True)


def mutant(
    function_name: str, sentence: str, mutate: Callable[[Transform], Transform], lifts: bool
) -> Mutant:
    """A mutant named after a function; its fields are those of `Mutant`."""
    return Mutant(function_name.replace("_", "-"), sentence.strip(), mutate, lifts)


def leaves(function: Callable[[Array], Array], tree: PyTree) -> PyTree:
    """Apply a function to each leaf."""
    return jax.tree_util.tree_map(function, tree)


def along(function: Callable[[Array], Array], axis: int) -> Callable[[Array], Array]:
    """The function, of a leaf whose `axis` it sees as axis 0."""
    return lambda leaf: jnp.moveaxis(function(jnp.moveaxis(leaf, axis, 0)), 0, axis)


def per_axis(function: Callable[..., Any], axes: PyTree, *trees: PyTree) -> PyTree:
    """Apply `function(axis, *parts)` for each axis in a prefix of the trees; an axis may be None."""
    return jax.tree_util.tree_map(function, axes, *trees, is_leaf=lambda axis: axis is None)


def on_result(
    transform: Transform,
    function: Callable[..., PyTree],
    axes: Axes,
    change: Callable[[Array], Array],
) -> Mapped:
    """The map, with each leaf of its results changed: `change` sees the batch axis as axis 0."""
    mapped = transform.map(function, axes)

    def changed(axis: int | None, part: PyTree) -> PyTree:
        return part if axis is None else leaves(along(change, axis), part)

    return lambda *arguments: per_axis(changed, axes.out_axes, mapped(*arguments))


def first_everywhere(leaf: Array) -> Array:
    """What the first example has, for every example."""
    return jnp.broadcast_to(leaf[:1], leaf.shape)


def mean_everywhere(leaf: Array) -> Array:
    """The mean of all examples, for every example."""
    return jnp.broadcast_to(jnp.mean(leaf, axis=0, keepdims=True).astype(leaf.dtype), leaf.shape)


def halved_derivative(leaf: Array) -> Array:
    """The leaf itself, with half of its derivative."""
    if not jnp.issubdtype(leaf.dtype, jnp.floating):
        return leaf
    return leaf / 2 + jax.lax.stop_gradient(leaf / 2)
