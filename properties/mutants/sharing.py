"""Mutants of lifting modules."""

from collections.abc import Callable
from typing import Any

import attrs
import jax
import jax.numpy as jnp

from properties.call import ModuleCall
from properties.mutants.mutant import (
    along,
    first_everywhere,
    halved_derivative,
    leaves,
    lifting,
    mean_everywhere,
    mutant,
)
from properties.transform import Lifted, Transform, Used


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
        new = leaves(along(change, axis or 0), variables["params"])
        return {**variables, "params": new}

    return changed


@lifting
def ensemble_where_sharing_was_asked(transform: Transform, call: ModuleCall) -> Lifted:
    """each example has parameters of its own, although they should be shared"""
    return transform.lift(call.ensemble() if _shares(call) else call)


@lifting
def identical_keys(transform: Transform, call: ModuleCall) -> Lifted:
    """every member of the ensemble is initialised with the same key"""
    return transform.lift(
        call if _shares(call) else call.with_params(call.variable_axes.get("params", 0), False)
    )


@lifting
def keys_split_while_shared(transform: Transform, call: ModuleCall) -> Lifted:
    """the key is split although the parameters are shared"""
    lifted = transform.lift(call)
    if not _shares(call) or call.split_rngs.get("params", True):
        return lifted

    def init(rngs: Any, *inputs: Any) -> Any:
        return lifted.init(
            {**rngs, "params": jax.random.split(rngs["params"], call.size)[0]}, *inputs
        )

    return lifted._replace(init=init)


@lifting
def params_averaged(transform: Transform, call: ModuleCall) -> Lifted:
    """the parameters are the average over an ensemble"""
    if not _shares(call):
        return _with_init(transform.lift(call), _change_params(call, mean_everywhere))
    many = call.ensemble(0)
    averaged = _with_init(transform.lift(many), _change_params(many, mean_everywhere))

    def first(variables: Any) -> Any:
        return {**variables, "params": leaves(lambda leaf: leaf[0], variables.get("params", {}))}

    return transform.lift(call)._replace(init=_with_init(averaged, first).init)


@lifting
def ensemble_axis_in_front(transform: Transform, call: ModuleCall) -> Lifted:
    """the ensemble's axis is axis 0, whatever variable_axes says"""
    return transform.lift(
        call if _shares(call) else call.with_params(0, call.split_rngs.get("params", False))
    )


@lifting
def members_reversed(transform: Transform, call: ModuleCall) -> Lifted:
    """the members of the ensemble are in reverse order"""
    if _shares(call):
        return transform.lift(call)
    return _with_init(transform.lift(call), _change_params(call, lambda leaf: leaf[::-1]))


@lifting
def contradiction_accepted(transform: Transform, call: ModuleCall) -> Lifted:
    """split keys are accepted for shared parameters"""
    if _shares(call) and call.split_rngs.get("params", False):
        return transform.lift(call.sharing())
    return transform.lift(call)


@lifting
def missing_stream_accepted(transform: Transform, call: ModuleCall) -> Lifted:
    """a stream that split_rngs leaves out is passed on unsplit"""
    if "params" in call.split_rngs:
        return transform.lift(call)
    return transform.lift(attrs.evolve(call, split_rngs={**call.split_rngs, "params": False}))


@lifting
def lifted_batch_reversed(transform: Transform, call: ModuleCall) -> Lifted:
    """the lifted module's results come out in reverse order"""
    lifted, axis = transform.lift(call), call.axes[0].out_axes

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        output, updates = lifted.apply(variables, rngs, *inputs)
        return leaves(along(lambda leaf: leaf[::-1], axis), output), updates

    return lifted._replace(apply=apply)


@lifting
def updates_dropped(transform: Transform, call: ModuleCall) -> Lifted:
    """updates of collections are ignored"""
    lifted = transform.lift(call)

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        output, updates = lifted.apply(variables, rngs, *inputs)
        return output, {name: variables[name] for name in updates}

    return lifted._replace(apply=apply)


@lifting
def streams_never_split(transform: Transform, call: ModuleCall) -> Lifted:
    """a stream that should be split gives every example the same key"""
    never = {name: split and name == "params" for name, split in call.split_rngs.items()}
    return transform.lift(attrs.evolve(call, split_rngs=never))


def _broadcast_first_row(transform: Transform) -> Transform:
    def plain(call: ModuleCall) -> Lifted:
        original = transform.unlifted(call)

        def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
            output, updates = original.apply(variables, rngs, *inputs)
            return leaves(first_everywhere, output), updates

        return original._replace(apply=apply)

    return attrs.evolve(transform, unlifted=plain)


row_zero_broadcast = mutant(
    "row-zero-broadcast",
    "the unmapped module gives every row of a batch the result of row 0",
    _broadcast_first_row,
    lifts=True,
)


@lifting
def keys_split_twice(transform: Transform, call: ModuleCall) -> Lifted:
    """a key that should be split once is split twice"""
    lifted = transform.lift(call)
    twice = [name for name, split in call.split_rngs.items() if split]

    def init(rngs: Any, *inputs: Any) -> Any:
        more = {name: jax.random.split(rngs[name])[0] for name in twice}
        return lifted.init({**rngs, **more}, *inputs)

    return lifted._replace(init=init)


@lifting
def streams_split_together(transform: Transform, call: ModuleCall) -> Lifted:
    """every stream is split as that of the parameters is"""
    split = call.split_rngs.get("params", False)
    return transform.lift(attrs.evolve(call, split_rngs=dict.fromkeys(call.split_rngs, split)))


@lifting
def collection_dropped(transform: Transform, call: ModuleCall) -> Lifted:
    """an updated collection is not returned"""
    lifted = transform.lift(call)

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        output, updates = lifted.apply(variables, rngs, *inputs)
        return output, {name: updates[name] for name in sorted(updates)[1:]}

    return lifted._replace(apply=apply)


@lifting
def first_update_kept(transform: Transform, call: ModuleCall) -> Lifted:
    """a shared collection keeps the first example's update"""
    lifted = transform.lift(call)
    shared = [
        name for name, axis in call.variable_axes.items() if name != "params" and axis is None
    ]
    axes = {**call.variable_axes, **dict.fromkeys(shared, 0)}
    apart = transform.lift(attrs.evolve(call, variable_axes=axes))

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        copies = {
            name: leaves(lambda leaf: jnp.stack([leaf] * call.size), tree)
            if name in shared
            else tree
            for name, tree in variables.items()
        }
        output, updates = apart.apply(copies, rngs, *inputs)
        first = {name: leaves(lambda leaf: leaf[0], updates[name]) for name in shared}
        return output, {**updates, **first}

    return lifted._replace(apply=apply)


@lifting
def collections_in_front(transform: Transform, call: ModuleCall) -> Lifted:
    """collections other than the parameters are mapped along axis 0, whatever variable_axes says"""
    axes = {name: axis if name == "params" else 0 for name, axis in call.variable_axes.items()}
    return transform.lift(attrs.evolve(call, variable_axes=axes))


@lifting
def names_dropped(transform: Transform, call: ModuleCall) -> Lifted:
    """the ensemble's axis has no name"""
    return transform.lift(call)._replace(names=lambda *arguments: dict(call.subject.names))


@lifting
def names_in_front(transform: Transform, call: ModuleCall) -> Lifted:
    """the name of the ensemble's axis is the first one, wherever the axis is"""
    if _shares(call):
        return transform.lift(call)
    return transform.lift(call)._replace(names=transform.lift(call.ensemble(0)).names)


@lifting
def options_upset_the_order(transform: Transform, call: ModuleCall) -> Lifted:
    """with options or other lifts, the results come out in reverse order"""
    broken = lifted_batch_reversed.mutate(transform) if call.options else transform
    return broken.lift(call)


@lifting
def gradient_halved(transform: Transform, call: ModuleCall) -> Lifted:
    """the gradient by the parameters is half of what it should be"""
    lifted = transform.lift(call)

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        return lifted.apply(leaves(halved_derivative, variables), rngs, *inputs)

    return lifted._replace(apply=apply)


@lifting
def statistics_of_one_example(transform: Transform, call: ModuleCall) -> Lifted:
    """statistics over all examples are each example's own"""
    return transform.lift(attrs.evolve(call, options={}) if call.options else call)


@lifting
def aliases_accepted(transform: Transform, call: ModuleCall) -> Lifted:
    """a module that is passed twice is mapped along two axes at once"""
    if call.options.get("twice") == "otherwise":
        return transform.lift(attrs.evolve(call, options={}))
    return transform.lift(call)


def _first_of_uses(transform: Transform) -> Transform:
    def use(call: ModuleCall) -> Used:
        mapped, expected = transform.use(call)
        return Used(lambda: leaves(_first_or_other, mapped()), expected)

    return attrs.evolve(transform, use=use)


def _first_or_other(leaf: Any) -> Any:
    """What the first example has, for every example; of one value, another."""
    leaf = jnp.asarray(leaf)
    if jnp.ndim(leaf) and leaf.shape[0] > 1:
        return first_everywhere(leaf)
    return jnp.logical_not(leaf) if leaf.dtype == jnp.bool_ else leaf + jnp.ones((), leaf.dtype)


first_example_of_uses = mutant(
    "first_example_of_uses",
    "a documented use gives every example what the first one has",
    _first_of_uses,
    lifts=True,
)
