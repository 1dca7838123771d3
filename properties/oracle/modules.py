"""The oracle of lifted modules: the reference applied to each example, with that example's variables."""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from properties.call import FunctionCall, ModuleCall
from properties.compare import Expected
from properties.oracle import collectives
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
    (axes,) = call.axes
    one = module_evaluator(call, derivation)
    streams = keys.lift(call.rngs(), call.split_rngs, call.size, derivation)
    inputs = call.batch_first(axes)
    each = [
        one(
            member(variables, call.variable_axes, i),
            streams[i],
            *example(inputs, axes.leading.in_axes, i),
        )
        for i in range(call.size)
    ]
    return of_each(call, variables, each)


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
    """``apply(variables, rngs, *inputs)`` of the reference gives (output, updated collections)."""
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
    return evaluator(applied(call, derivation), variables, rngs, *call.example())
