"""The oracle of lifted modules: the reference applied to each example, with that example's variables."""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from properties.call import FunctionCall, ModuleCall
from properties.compare import Expected
from properties.oracle import collectives, estimated
from properties.oracle.placement import example_sizes, gathered, member, placed
from properties.subject import ModuleSubject
from properties.subjects import SUBJECTS
from reference import keys, scope
from reference.error_bounds.evaluate import Rounded, evaluator
from reference.loop import example, stack
from reference.types import Array, PyTree


def of_module(
    call: ModuleCall, variables: Mapping[str, PyTree], derivation: keys.Derivation = keys.LINEN
) -> Expected:
    """What the lifted module must give with these variables: (output, updated collections)."""
    return of_each(call, variables, _each_example(call, variables, derivation))


def updates_differ(
    call: ModuleCall, variables: Mapping[str, PyTree], derivation: keys.Derivation = keys.LINEN
) -> bool:
    """Whether two examples would leave shared collections in different states."""
    if call.subject.own is None:
        return True
    shared = {name for name, axis in call.variable_axes.items() if axis is None}
    each = [
        {name: tree for name, tree in one.value[1].items() if name in shared}
        for one in _each_example(call, variables, derivation)
    ]
    first, *others = (jax.tree_util.tree_leaves(one) for one in each)
    pairs = [pair for other in others for pair in zip(first, other, strict=True)]
    return any(not np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in pairs)


def _each_example(
    call: ModuleCall, variables: Mapping[str, PyTree], derivation: keys.Derivation
) -> list[Rounded]:
    (axes,) = call.axes
    one = module_evaluator(call, derivation)
    streams = keys.lift(call.rngs(), call.split_rngs, call.size, derivation)
    inputs = call.batch_first(axes)
    return [
        one(
            member(variables, call.variable_axes, i),
            streams[i],
            *example(inputs, axes.leading.in_axes, i),
        )
        for i in range(call.size)
    ]


def of_each(call: ModuleCall, variables: Mapping[str, PyTree], each: Sequence[Rounded]) -> Expected:
    """What the lifted module must give where each example gives that.

    Args:
        call: a call with one combination of axes.
        variables: what the lifted module is given, for its shapes.
        each: (output, updates) of each example, with its bound.
    """
    (axes,) = call.axes
    (streams, *_) = keys.lift(call.rngs(), call.split_rngs, call.size)
    own = member(variables, call.variable_axes, 0)
    like, like_updates = jax.eval_shape(applied(call), own, streams, *call.example())
    outputs = Rounded(stack([r.value[0] for r in each]), stack([r.error[0] for r in each]))
    out = placed(outputs, like, call.size, axes)
    updates = gathered([r.value[1] for r in each], call.variable_axes)
    bounds = gathered([r.error[1] for r in each], call.variable_axes)
    like_updates = jax.tree_util.tree_map(
        lambda leaf, one: jax.ShapeDtypeStruct(np.shape(leaf), one.dtype), updates, like_updates
    )
    return Expected((out.value, updates), (out.bound, bounds), (out.like, like_updates))


def output_ranks(call: FunctionCall | ModuleCall) -> list[int]:
    """The rank of every leaf of one example's result."""
    if isinstance(call, ModuleCall):
        streams = keys.lift(call.rngs(), call.split_rngs, 1)[0]
        module = call.subject.reference(call.sizes)
        variables = jax.eval_shape(lambda *x: scope.init(module, streams, *x), *call.example())
        shape, _ = jax.eval_shape(applied(call), variables, streams, *call.example())
    elif call.subject.kind == "collective":
        shape = collectives.shape_of_example(call)
    else:
        shape = jax.eval_shape(call.subject.function, *call.example())
    return [leaf.ndim for leaf in jax.tree_util.tree_leaves(shape)]


def mutable(call: ModuleCall) -> list[str]:
    """The collections that a call of the module updates: all but the parameters."""
    return [name for name in call.subject.collections if name != "params"]


def applied(
    call: ModuleCall, derivation: keys.Derivation = keys.LINEN
) -> Callable[..., tuple[PyTree, PyTree]]:
    """`apply(variables, rngs, *inputs)` of the reference gives (output, updated collections)."""
    module, updated = call.subject.reference(call.sizes), mutable(call)

    def apply(variables: PyTree, rngs: PyTree, *inputs: Array) -> tuple[PyTree, PyTree]:
        result = scope.apply(
            module, variables, *inputs, rngs=rngs, mutable=updated, derivation=derivation
        )
        return result if updated else (result, {})

    return apply


def module_evaluator(
    call: ModuleCall, derivation: keys.Derivation = keys.LINEN
) -> Callable[..., Rounded]:
    """A function of (variables, keys, *inputs) of one example, in float64 with its bound."""
    streams = tuple(sorted(call.split_rngs))
    return _cached_module_evaluator(
        call.subject_name, example_sizes(call), streams, call.typed_keys, call.dtype, derivation
    )


@functools.cache
def _cached_module_evaluator(
    subject_name: str,
    sizes: tuple[tuple[str, int], ...],
    streams: tuple[str, ...],
    typed_keys: bool,
    dtype: str,
    derivation: keys.Derivation,
) -> Callable[..., Rounded]:
    subject = SUBJECTS[subject_name]
    assert isinstance(subject, ModuleSubject)
    call = ModuleCall(
        subject_name,
        {**dict(sizes), "batch": 1},
        (),
        dict.fromkeys(subject.collections),
        dict.fromkeys(streams, False),
        typed_keys=typed_keys,
        dtype=dtype,
    )
    rngs = keys.lift(call.rngs(), call.split_rngs, 1)[0]
    module = subject.reference(call.sizes)
    variables = jax.eval_shape(lambda *x: scope.init(module, rngs, *x), *call.example())
    apply, like = applied(call, derivation), (variables, rngs, *call.example())
    if subject.own is not None:
        return estimated.best(apply, *like, tolerance=subject.own.tolerance)
    return evaluator(apply, *like)


def clear_caches() -> None:
    """Forget the traces of all modules."""
    _cached_module_evaluator.cache_clear()
