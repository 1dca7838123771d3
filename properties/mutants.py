"""Broken transforms. Each is a way to map wrongly that people and libraries do get wrong.

They prove that the laws bite (every one must be killed by some law), and they name the likely cause
of a violation: a mutant of the loop that gives the same wrong answer.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from properties.calls import Axes, ModuleCall
from properties.transform import Lifted, Transform
from reference.loop import number_of_examples

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


def _mapping(mutation: MapMutation) -> MapMutation:
    """Register a fault of a transform's ``map``."""

    def mutate(transform: Transform) -> Transform:
        return attrs.evolve(
            transform, map=lambda function, axes: mutation(transform, function, axes)
        )

    return _register(mutation, mutate, lifts=False)


def _lifting(mutation: LiftMutation) -> LiftMutation:
    """Register a fault of a transform's ``lift``."""

    def mutate(transform: Transform) -> Transform:
        return attrs.evolve(transform, lift=lambda call: mutation(transform, call))

    return _register(mutation, mutate, lifts=True)


def _register(mutation: Any, mutate: Callable[[Transform], Transform], lifts: bool) -> Any:
    name = mutation.__name__.replace("_", "-")
    MUTANTS[name] = Mutant(name, mutation.__doc__.strip(), mutate, lifts)
    return mutation


def _leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    return jax.tree_util.tree_map(function, tree)


def _front(function: Callable[[Any], Any], axis: int) -> Callable[[Any], Any]:
    """Apply to a leaf with ``axis`` moved to the front, and move it back."""
    return lambda leaf: jnp.moveaxis(function(jnp.moveaxis(leaf, axis, 0)), 0, axis)


def _on_result(
    transform: Transform, function: Any, axes: Axes, change: Callable[[Any], Any]
) -> Mapped:
    mapped = transform.map(function, axes)
    return lambda *arguments: _leaves(_front(change, axes.out_axes), mapped(*arguments))


def _first_everywhere(leaf: Any) -> Any:
    return jnp.broadcast_to(leaf[:1], leaf.shape)


def _mean_everywhere(leaf: Any) -> Any:
    return jnp.broadcast_to(jnp.mean(leaf, axis=0, keepdims=True).astype(leaf.dtype), leaf.shape)


# --- faults of mapping -----------------------------------------------------------------------------


@_mapping
def batch_reversed(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the examples come out in reverse order"""
    return _on_result(transform, function, axes, lambda leaf: leaf[::-1])


@_mapping
def shards_swapped(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the results of the first two examples are swapped"""

    def swap(leaf: Any) -> Any:
        order = np.arange(leaf.shape[0])
        order[:2] = order[:2][::-1]
        return leaf[order]

    return _on_result(transform, function, axes, swap)


@_mapping
def slice_zero_broadcast(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """every example gets the result of example 0"""
    return _on_result(transform, function, axes, _first_everywhere)


@_mapping
def examples_averaged(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """every example gets the average of all results"""
    return _on_result(transform, function, axes, _mean_everywhere)


@_mapping
def in_axes_off_by_one(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the batch axis of an argument is taken to be the one after it"""

    def mapped(*arguments: Any) -> Any:
        ranks = [min(np.ndim(leaf) for leaf in jax.tree_util.tree_leaves(a)) for a in arguments]
        moved = (
            axis if axis is None else (axis + 1) % rank
            for axis, rank in zip(axes.in_axes, ranks, strict=True)
        )
        return transform.map(function, attrs.evolve(axes, in_axes=tuple(moved)))(*arguments)

    return mapped


@_mapping
def in_axes_ignored(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the batch axis of an argument is taken to be in front, whatever in_axes says"""
    return transform.map(function, attrs.evolve(axes, in_axes=axes.first.in_axes))


@_mapping
def out_axes_ignored(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the batch axis of the result is in front, whatever out_axes says"""
    return transform.map(function, attrs.evolve(axes, out_axes=0))


@_mapping
def negative_axis_as_zero(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """a negative axis is taken to be 0"""
    in_axes = tuple(axis and max(axis, 0) for axis in axes.in_axes)
    wrong = attrs.evolve(axes, in_axes=in_axes, out_axes=max(axes.out_axes, 0))
    return transform.map(function, wrong)


@_mapping
def unmapped_argument_mapped(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """an argument with axis None is mapped along its first axis"""

    def wrong(*arguments: Any) -> Any:
        if None not in axes.in_axes:
            return transform.map(function, axes)(*arguments)
        size = number_of_examples(arguments, axes.in_axes)

        def rolled(leaf: Any) -> Any:
            # As many slices as there are examples, each rolled by one more along its first axis.
            return jnp.stack([jnp.roll(leaf, i, axis=0) for i in range(size)])

        given = [
            _leaves(rolled, a)
            if axis is None
            else _leaves(partial(jnp.moveaxis, source=axis, destination=0), a)
            for a, axis in zip(arguments, axes.in_axes, strict=True)
        ]
        return transform.map(function, attrs.evolve(axes, in_axes=(0,) * len(given)))(*given)

    return wrong


@_mapping
def wrong_axes_accepted(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """a call that cannot mean anything was answered as if it did"""
    mapped = transform.map(function, axes)

    def tolerant(*arguments: Any) -> Any:
        try:
            return mapped(*arguments)
        except ValueError:
            return jnp.zeros(())

    return tolerant


# --- faults of lifting -----------------------------------------------------------------------------


def _shares(call: ModuleCall) -> bool:
    return call.variable_axes.get("params", 0) is None


def _with_init(lifted: Lifted, change: Callable[[Any], Any]) -> Lifted:
    return lifted._replace(init=lambda rngs, *inputs: change(lifted.init(rngs, *inputs)))


def _change_params(call: ModuleCall, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change every parameter, its ensemble axis in front."""

    def changed(variables: Any) -> Any:
        if "params" not in variables:
            return variables
        axis = call.variable_axes["params"]
        new = _leaves(_front(change, axis or 0), variables["params"])
        return {**variables, "params": new}

    return changed


@_lifting
def ensemble_where_sharing_was_asked(transform: Transform, call: ModuleCall) -> Lifted:
    """each example got parameters of its own, although they were to be shared"""
    return transform.lift(call.ensemble() if _shares(call) else call)


@_lifting
def identical_keys(transform: Transform, call: ModuleCall) -> Lifted:
    """every member of the ensemble was initialised with the same key"""
    return transform.lift(
        call if _shares(call) else call.with_params(call.variable_axes["params"], False)
    )


@_lifting
def keys_split_while_shared(transform: Transform, call: ModuleCall) -> Lifted:
    """the key was split although the parameters are shared"""
    lifted = transform.lift(call)
    if not _shares(call) or call.split_rngs.get("params", True):
        return lifted

    def init(rngs: Any, *inputs: Any) -> Any:
        return lifted.init(
            {**rngs, "params": jax.random.split(rngs["params"], call.size)[0]}, *inputs
        )

    return lifted._replace(init=init)


@_lifting
def params_averaged(transform: Transform, call: ModuleCall) -> Lifted:
    """the parameters are the average over an ensemble"""
    if not _shares(call):
        return _with_init(transform.lift(call), _change_params(call, _mean_everywhere))
    many = call.ensemble(0)
    averaged = _with_init(transform.lift(many), _change_params(many, _mean_everywhere))

    def first(variables: Any) -> Any:
        return {**variables, "params": _leaves(lambda leaf: leaf[0], variables.get("params", {}))}

    return transform.lift(call)._replace(init=_with_init(averaged, first).init)


@_lifting
def ensemble_axis_in_front(transform: Transform, call: ModuleCall) -> Lifted:
    """the ensemble axis is in front, wherever variable_axes wants it"""
    return transform.lift(
        call if _shares(call) else call.with_params(0, call.split_rngs.get("params", False))
    )


@_lifting
def members_reversed(transform: Transform, call: ModuleCall) -> Lifted:
    """the members of the ensemble are in reverse order"""
    if _shares(call):
        return transform.lift(call)
    return _with_init(transform.lift(call), _change_params(call, lambda leaf: leaf[::-1]))


@_lifting
def contradiction_accepted(transform: Transform, call: ModuleCall) -> Lifted:
    """split keys were accepted for shared parameters"""
    if _shares(call) and call.split_rngs.get("params", False):
        return transform.lift(call.sharing())
    return transform.lift(call)


@_lifting
def missing_stream_accepted(transform: Transform, call: ModuleCall) -> Lifted:
    """a stream that split_rngs leaves out was handed on unsplit"""
    if "params" in call.split_rngs:
        return transform.lift(call)
    return transform.lift(attrs.evolve(call, split_rngs={**call.split_rngs, "params": False}))


@_lifting
def lifted_batch_reversed(transform: Transform, call: ModuleCall) -> Lifted:
    """the lifted module's results come out in reverse order"""
    lifted, axis = transform.lift(call), call.axes[0].out_axes

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        output, updates = lifted.apply(variables, rngs, *inputs)
        return _leaves(_front(lambda leaf: leaf[::-1], axis), output), updates

    return lifted._replace(apply=apply)


@_lifting
def updates_dropped(transform: Transform, call: ModuleCall) -> Lifted:
    """updated collections came back as they were"""
    lifted = transform.lift(call)

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        output, updates = lifted.apply(variables, rngs, *inputs)
        return output, {name: variables[name] for name in updates}

    return lifted._replace(apply=apply)


@_lifting
def streams_never_split(transform: Transform, call: ModuleCall) -> Lifted:
    """a stream that was to be split gave every example the same key"""
    never = {name: split and name == "params" for name, split in call.split_rngs.items()}
    return transform.lift(attrs.evolve(call, split_rngs=never))


def _broadcast_first_row(transform: Transform) -> Transform:
    def plain(call: ModuleCall) -> Lifted:
        honest = transform.plain(call)

        def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
            output, updates = honest.apply(variables, rngs, *inputs)
            return _leaves(_first_everywhere, output), updates

        return honest._replace(apply=apply)

    return attrs.evolve(transform, plain=plain)


MUTANTS["row-zero-broadcast"] = Mutant(
    "row-zero-broadcast",
    "the unmapped module gave every row of a batch the result of row 0",
    _broadcast_first_row,
    lifts=True,
)
