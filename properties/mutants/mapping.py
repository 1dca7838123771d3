"""Mutants of mapping functions."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from properties.call import Axes
from properties.mutants.mutant import (
    Mapped,
    first_everywhere,
    halved_derivative,
    leaves,
    mapping,
    mean_everywhere,
    on_result,
    per_axis,
)
from properties.transform import Transform
from reference.loop import number_of_examples


@mapping
def batch_reversed(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the examples come out in reverse order"""
    return on_result(transform, function, axes, lambda leaf: leaf[::-1])


@mapping
def shards_swapped(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the results of the first two examples are swapped"""

    def swap(leaf: Any) -> Any:
        order = np.arange(leaf.shape[0])
        order[:2] = order[:2][::-1]
        return leaf[order]

    return on_result(transform, function, axes, swap)


@mapping
def slice_zero_broadcast(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """every example has the result of example 0"""
    return on_result(transform, function, axes, first_everywhere)


@mapping
def examples_averaged(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """every example has the average of all results"""
    return on_result(transform, function, axes, mean_everywhere)


@mapping
def in_axes_off_by_one(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the batch axis of an argument is read as the axis after it"""

    def after(axis: int | None, part: Any) -> int | None:
        rank = min((np.ndim(leaf) for leaf in jax.tree_util.tree_leaves(part)), default=0)
        return axis if axis is None else (axis + 1) % max(rank, 1)

    def mapped(*arguments: Any) -> Any:
        moved = per_axis(after, axes.in_axes, arguments)
        return transform.map(function, attrs.evolve(axes, in_axes=moved))(*arguments)

    return mapped


@mapping
def in_axes_ignored(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """in_axes is ignored: the batch axis of an argument is read as axis 0"""
    leading = per_axis(lambda axis: None if axis is None else 0, axes.in_axes)
    return transform.map(function, attrs.evolve(axes, in_axes=leading))


@mapping
def out_axes_ignored(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """out_axes is ignored: the batch axis of the result is axis 0"""
    return transform.map(function, attrs.evolve(axes, out_axes=0))


@mapping
def negative_axis_as_zero(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """a negative axis is read as 0"""

    def zero(tree: Any) -> Any:
        return per_axis(lambda axis: axis and max(axis, 0), tree)

    wrong = attrs.evolve(axes, in_axes=zero(axes.in_axes), out_axes=zero(axes.out_axes))
    return transform.map(function, wrong)


@mapping
def first_example_twice(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the function is called once more, of the first example, and nothing is made of its result"""

    def first(axis: int | None, part: Any) -> Any:
        return leaves(lambda leaf: leaf if axis is None else jnp.take(leaf, 0, axis), part)

    def mapped(*arguments: Any) -> Any:
        result = transform.map(function, axes)(*arguments)
        # Of no examples there is no first one.
        if all(map(np.size, jax.tree_util.tree_leaves(arguments))):
            function(*per_axis(first, axes.in_axes, arguments))
        return result

    return mapped


@mapping
def unmapped_argument_mapped(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """an argument with axis None is mapped along its first axis"""

    def wrong(*arguments: Any) -> Any:
        if None not in axes.in_axes:
            return transform.map(function, axes)(*arguments)
        size = number_of_examples(arguments, axes.in_axes, dict(axes.options).get("axis_size"))

        def rolled(leaf: Any) -> Any:
            # As many slices as there are examples, each rolled by one more along its first axis.
            if not size:
                return jnp.zeros((0, *leaf.shape), leaf.dtype)
            return jnp.stack([jnp.roll(leaf, i, axis=0) for i in range(size)])

        given = [
            leaves(rolled, a)
            if axis is None
            else leaves(partial(jnp.moveaxis, source=axis, destination=0), a)
            for a, axis in zip(arguments, axes.in_axes, strict=True)
        ]
        return transform.map(function, attrs.evolve(axes, in_axes=(0,) * len(given)))(*given)

    return wrong


@mapping
def wrong_axes_accepted(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """an invalid call is accepted"""
    mapped = transform.map(function, axes)

    def tolerant(*arguments: Any) -> Any:
        try:
            return mapped(*arguments)
        except ValueError:
            return jnp.zeros(())

    return tolerant


@mapping
def tree_of_axes_misread(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """every entry of a pytree of axes is read as the first one"""
    entries = jax.tree_util.tree_leaves(axes.in_axes)
    if all(axis is None or isinstance(axis, int) for axis in axes.in_axes) or not entries:
        return transform.map(function, axes)
    misread = jax.tree_util.tree_map(lambda _: entries[0], axes.in_axes)
    return transform.map(function, attrs.evolve(axes, in_axes=misread))


@mapping
def axes_of_leaves(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """each leaf has the axis of the argument in its place, where there are as many of both"""
    sound = transform.map(function, axes)
    if not all(axis is None or isinstance(axis, int) for axis in axes.in_axes):
        return sound

    def wrong(*arguments: Any) -> Any:
        flat, tree = jax.tree_util.tree_flatten(arguments)
        if len(flat) != len(axes.in_axes) or not axes.in_axes:
            return sound(*arguments)
        of_leaves = transform.map(
            lambda *given: function(*jax.tree_util.tree_unflatten(tree, given)), axes
        )
        return of_leaves(*flat)

    return wrong


@mapping
def derivative_halved(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the derivative of the map is half of what it should be"""
    mapped = transform.map(function, axes)
    return lambda *arguments: leaves(halved_derivative, mapped(*arguments))


@mapping
def options_ignored(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """options other than the axes are ignored"""
    return transform.map(function, attrs.evolve(axes, options=()))


@mapping
def arguments_used_up(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """arrays that are arguments are deleted after the call, as if they were donated"""
    mapped = transform.map(function, axes)

    def using_up(*arguments: Any) -> Any:
        results = jax.block_until_ready(mapped(*arguments))
        for leaf in jax.tree_util.tree_leaves(arguments):
            if isinstance(leaf, jax.Array) and not isinstance(leaf, jax.core.Tracer):
                leaf.delete()
        return results

    return using_up


@mapping
def keywords_left_out(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """a keyword argument is ignored"""
    mapped = transform.map(function, axes)
    return lambda *arguments, **named: mapped(*arguments)


@mapping
def errors_say_nothing(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the error's message does not say what is wrong with the call"""

    def mapped(*arguments: Any) -> Any:
        try:
            return transform.map(function, axes)(*arguments)
        except ValueError:
            raise ValueError("this cannot be mapped") from None

    return mapped


@mapping
def devices_reversed(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the devices given are taken in reverse order"""
    options = dict(axes.options)
    if "devices" in options:
        options["devices"] = options["devices"][::-1]
    return transform.map(function, attrs.evolve(axes, options=options))


@mapping
def explicit_mesh_dropped(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """the result of arrays that are sharded over an Explicit mesh is whole on each device"""
    mapped = transform.map(function, axes)

    def whole(leaf: Any) -> Any:
        return jax.sharding.reshard(leaf, jax.sharding.PartitionSpec())

    def dropping(*arguments: Any, **named: Any) -> Any:
        result = mapped(*arguments, **named)
        mesh_of: Any = getattr(jax.sharding, "get_abstract_mesh", None)
        explicit = mesh_of is not None and any("Explicit" in str(t) for t in _types(mesh_of()))
        return leaves(whole, result) if explicit else result

    return dropping


def _types(mesh: Any) -> tuple[Any, ...]:
    return tuple(getattr(mesh, "axis_types", None) or ())


@mapping
def setting_left_changed(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """tracing leaves a setting of JAX changed, so that the next call is traced and compiled again"""
    mapped = transform.map(function, axes)

    def leaking(*arguments: Any, **named: Any) -> Any:
        leaves_given = jax.tree_util.tree_leaves((arguments, named))
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves_given):
            # No program depends on its value, and JAX's caches do.
            jax.config.update(_SETTING, 1 - jax.config.values[_SETTING])
        return mapped(*arguments, **named)

    return leaking


@mapping
def precision_dropped(transform: Transform, function: Any, axes: Axes) -> Mapped:
    """an operation has the default precision, whatever the function asks of it"""
    mapped = transform.map(function, axes)

    def by_default(*arguments: Any, **named: Any) -> Any:
        leaves_given = jax.tree_util.tree_leaves((arguments, named))
        if named or not all(isinstance(leaf, jax.Array) for leaf in leaves_given):
            return mapped(*arguments, **named)
        program, shapes = jax.make_jaxpr(mapped, return_shape=True)(*arguments)
        if not any("precision" in equation.params for equation in program.eqns):
            return mapped(*arguments)
        known = dict(zip(program.jaxpr.constvars, program.consts, strict=True))
        known.update(zip(program.jaxpr.invars, leaves_given, strict=True))

        def value(variable: Any) -> Any:
            return variable.val if hasattr(variable, "val") else known[variable]

        for equation in program.eqns:
            options = dict(equation.params)
            if "precision" in options:
                options["precision"] = None
            results = equation.primitive.bind(*map(value, equation.invars), **options)
            several = equation.primitive.multiple_results
            known.update(zip(equation.outvars, results if several else [results], strict=True))
        found = [value(variable) for variable in program.jaxpr.outvars]
        return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(shapes), found)

    return by_default


_SETTING = "jax_xla_profile_version"


@contextmanager
def setting_restored() -> Iterator[None]:
    """Undo afterwards what `setting_left_changed` leaves changed."""
    before = jax.config.values[_SETTING]
    try:
        yield
    finally:
        jax.config.update(_SETTING, before)
