"""The oracle of a lifted init: the variables that the reference initialises for each example."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from properties.call import Axes, ModuleCall, variables_like
from properties.compare import Expected
from properties.oracle import estimated
from properties.oracle.placement import example_sizes, gathered, with_batch_axis
from properties.subject import ModuleSubject
from properties.subjects import SUBJECTS
from properties.trees import raw
from properties.values import away_from
from reference import initializers, keys, scope
from reference.error_bounds.evaluate import Rounded
from reference.error_bounds.roundoff import of_two_computations, unit_roundoff
from reference.loop import example
from reference.types import Array, PyTree

DRAW_UNITS = 5.0
"""Error of a normal draw, in units of roundoff of one, next to that of the elementary function: its
uniform number is scaled to an interval of a length of at most 2 and moved (three units, fewer where a
fused multiply-add does both), and the slope of the quantile function is at least sqrt(pi / 2). At the
end of a normal cut off at two standard deviations it is e^2 times that, and the value, too, is large:
the error of the elementary function covers the rest. No initializer has a standard deviation of more
than one."""


def of_variables(call: ModuleCall, derivation: keys.Derivation = keys.LINEN) -> Expected:
    """The variables a lifted init must give: the reference's for each example, shared or stacked.

    Of parameters, two computations may differ by what two of an elementary function do, and by what
    the numbers drawn do (`DRAW_UNITS`); of other collections, by the first alone; integers (keys) not
    at all.
    """
    if call.subject.own is not None:
        return _own_variables(call)
    streams = keys.lift(call.rngs(), call.split_rngs, call.size, derivation)
    axes = call.axes[0]
    init = _initializer(call.subject_name, example_sizes(call), derivation)
    inputs = call.batch_first(axes)
    each = [
        jax.device_get(init(streams[i], *example(inputs, axes.leading.in_axes, i)))
        for i in range(call.size)
    ]
    value, magnified = (gathered(trees, call.variable_axes) for trees in zip(*each, strict=True))
    bound = jax.tree_util.tree_map(_of_a_computation, value)
    for name in magnified:
        bound[name] = jax.tree_util.tree_map(_of_draws, value[name], magnified[name])
    return Expected(value, bound, value)


@functools.cache
def _initializer(
    subject_name: str, sizes: tuple[tuple[str, int], ...], derivation: keys.Derivation
) -> Callable[..., tuple[PyTree, PyTree]]:
    """The reference's init, and how much it magnifies the rounding of what parameters are drawn from.

    Compiled once: without jit each of its operations would be a program of its own.
    """
    subject = SUBJECTS[subject_name]
    assert isinstance(subject, ModuleSubject)
    module = subject.reference(dict(sizes))

    def init(rngs: PyTree, *inputs: Array) -> tuple[PyTree, PyTree]:
        started = functools.partial(scope.init, module, rngs, *inputs, derivation=derivation)
        magnified = started(initial=initializers.magnification)
        return raw(started()), {name: magnified[name] for name in ("params",) if name in magnified}

    return jax.jit(init)


def drawn_variables(call: ModuleCall, derivation: keys.Derivation = keys.LINEN) -> PyTree:
    """Variables for the call to be applied with.

    A user's own module initialises them itself, so that variances are positive, counters whole and
    tables in order; floating ones are then moved without a change of sign, so that no bias is zero and
    no two examples are alike.
    """
    if call.subject.own is None:
        return variables_like(variable_shapes(call), call.seed)
    leaves, structure = jax.tree_util.tree_flatten(_own_values(call))
    moved = [away_from(leaf, call.seed + i) for i, leaf in enumerate(leaves)]
    return jax.tree_util.tree_unflatten(structure, moved)


def _own_variables(call: ModuleCall) -> Expected:
    """`of_variables` of a user's own module: it initialises itself, unmapped, for each example."""
    each = _of_each_example(call, lambda own: own.with_bound)
    value, bound = (
        gathered([getattr(one, field) for one in each], call.variable_axes)
        for field in ("value", "error")
    )
    return Expected(value, bound, value)


def _own_values(call: ModuleCall) -> PyTree:
    """The value of `_own_variables`, without the programs that estimate its bound."""
    return gathered(_of_each_example(call, lambda own: own.value), call.variable_axes)


def _of_each_example(
    call: ModuleCall, what: Callable[["_OwnInit"], Callable[..., PyTree]]
) -> list[PyTree]:
    streams = keys.lift(call.rngs(), call.split_rngs, call.size)
    # For shapes alone, a call need not say where the axes are.
    axes = call.axes[0] if call.axes else Axes((0,) * len(call.subject.inputs))
    inputs = call.batch_first(axes)
    own = _own_init(call.subject_name, example_sizes(call), tuple(streams[0]), call.typed_keys)
    init = what(own)
    # Of what all examples share, the first one's is taken: no other need be made.
    shared = all(axis is None for axis in call.variable_axes.values())
    return [
        init(streams[i], *example(inputs, axes.leading.in_axes, i))
        for i in range(1 if shared else call.size)
    ]


class _OwnInit(NamedTuple):
    """What a user's module initialises for one example: by itself, and with the bound."""

    value: Callable[..., PyTree]
    with_bound: Callable[..., Rounded]


@functools.cache
def _own_init(
    subject_name: str,
    sizes: tuple[tuple[str, int], ...],
    streams: tuple[str, ...],
    typed_keys: bool,
) -> _OwnInit:
    split = dict.fromkeys(streams, False)
    call = ModuleCall(
        subject_name, {**dict(sizes), "batch": 1}, (), {}, split, typed_keys=typed_keys
    )
    rngs = keys.lift(call.rngs(), split, 1)[0]
    module = call.subject.reference(call.sizes)

    def init(given: PyTree, *inputs: Array) -> PyTree:
        return scope.init(module, given, *inputs)

    compiled = estimated.compiled_fast(init)

    def value(given: PyTree, *inputs: Array) -> PyTree:
        return jax.tree_util.tree_map(np.asarray, raw(compiled(given, *inputs)))

    return _OwnInit(value, estimated.estimated(init, rngs, *call.example(), compiled=compiled))


def variable_shapes(call: ModuleCall) -> PyTree:
    """Shapes and dtypes of `of_variables`, without computing any value."""
    module = call.subject.reference(call.sizes)
    (streams, *_) = keys.lift(call.rngs(), call.split_rngs, call.size)
    one = jax.eval_shape(lambda *x: raw(scope.init(module, streams, *x)), *call.example())
    return {
        name: with_batch_axis(tree, call.size, call.variable_axes[name])
        for name, tree in one.items()
    }


def _of_a_computation(value: Array) -> Array:
    if not jnp.issubdtype(value.dtype, jnp.floating):
        return np.zeros(value.shape)
    return of_two_computations(value.astype(np.float64), value.dtype)


def _of_draws(value: Array, magnified: Array) -> Array:
    bound = _of_a_computation(value)
    if not jnp.issubdtype(value.dtype, jnp.floating) or not np.any(value):
        return bound
    return bound + 2 * DRAW_UNITS * unit_roundoff(value.dtype) * magnified.astype(np.float64)


def clear_caches() -> None:
    """Forget the traces of all initializers."""
    _initializer.cache_clear()
    _own_init.cache_clear()
