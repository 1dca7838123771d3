"""What a broken transform is, and how a fault becomes one."""

from collections.abc import Callable
from typing import Any

import attrs
import jax
import jax.numpy as jnp

from properties.call import Axes, ModuleCall
from properties.transform import Lifted, Transform

Mapped = Callable[..., Any]
MapMutation = Callable[[Transform, Callable[..., Any], Axes], Mapped]
LiftMutation = Callable[[Transform, ModuleCall], Lifted]


@attrs.frozen
class Mutant:
    """One fault, put into any transform."""

    name: str
    sentence: str
    """What the fault does, as the cause of a violation: "the batch came out reversed"."""
    mutate: Callable[[Transform], Transform]
    lifts: bool
    """It breaks the lifting of modules, not the mapping of functions."""


MUTANTS: dict[str, Mutant] = {}


def mapping(mutation: MapMutation) -> MapMutation:
    """Register a fault of a transform's ``map``."""

    def mutate(transform: Transform) -> Transform:
        return attrs.evolve(
            transform, map=lambda function, axes: mutation(transform, function, axes)
        )

    return _register(mutation, mutate, lifts=False)


def lifting(mutation: LiftMutation) -> LiftMutation:
    """Register a fault of a transform's ``lift``."""

    def mutate(transform: Transform) -> Transform:
        return attrs.evolve(transform, lift=lambda call: mutation(transform, call))

    return _register(mutation, mutate, lifts=True)


def _register(mutation: Any, mutate: Callable[[Transform], Transform], lifts: bool) -> Any:
    name = mutation.__name__.replace("_", "-")
    MUTANTS[name] = Mutant(name, mutation.__doc__.strip(), mutate, lifts)
    return mutation


def leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    return jax.tree_util.tree_map(function, tree)


def front(function: Callable[[Any], Any], axis: int) -> Callable[[Any], Any]:
    """Apply to a leaf with ``axis`` moved to the front, and move it back."""
    return lambda leaf: jnp.moveaxis(function(jnp.moveaxis(leaf, axis, 0)), 0, axis)


def per_axis(function: Callable[..., Any], axes: Any, *trees: Any) -> Any:
    """Apply ``function(axis, *parts)`` for each axis in a prefix of the trees; an axis may be None."""
    return jax.tree_util.tree_map(function, axes, *trees, is_leaf=lambda axis: axis is None)


def on_result(
    transform: Transform, function: Any, axes: Axes, change: Callable[[Any], Any]
) -> Mapped:
    """The map, whose results are changed with their batch axis in front."""
    mapped = transform.map(function, axes)

    def changed(axis: int | None, part: Any) -> Any:
        return part if axis is None else leaves(front(change, axis), part)

    return lambda *arguments: per_axis(changed, axes.out_axes, mapped(*arguments))


def first_everywhere(leaf: Any) -> Any:
    return jnp.broadcast_to(leaf[:1], leaf.shape)


def mean_everywhere(leaf: Any) -> Any:
    return jnp.broadcast_to(jnp.mean(leaf, axis=0, keepdims=True).astype(leaf.dtype), leaf.shape)


def halved_derivative(leaf: Any) -> Any:
    """The leaf itself, with half of its derivative."""
    if not jnp.issubdtype(leaf.dtype, jnp.floating):
        return leaf
    return leaf / 2 + jax.lax.stop_gradient(leaf / 2)
