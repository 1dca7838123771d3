"""The right answer to a call: the reference applied to each example, in float64 with its bound."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from properties.call import WIDE, Axes, FunctionCall, ModuleCall, move_batch_axis
from properties.compare import Expected, widest
from properties.oracle import unmapped
from properties.subjects import SUBJECTS
from properties.trees import raw
from reference import initializers, keys, scope
from reference.error_bounds.arithmetic import of_two_computations
from reference.error_bounds.bounded_array import gamma, unit_roundoff
from reference.error_bounds.evaluate import Rounded, evaluator
from reference.loop import example, per_example, stack, take


def of_function(call: FunctionCall) -> Expected:
    """What mapping the call's function over its examples must give, for the call's only axes."""
    (axes,) = call.axes
    front = axes.leading.in_axes
    results, like = _each_example(
        call.subject_name, tuple(call.sizes.items()), call.dtype, call.seed, call.edge_values, front
    )
    return _placed(results, like, call.sizes["batch"], axes)


def from_first(call: FunctionCall) -> Expected:
    """What the subject's ``from_first`` gives of all examples, for the call's only axes."""
    (axes,) = call.axes
    assert call.subject.from_first is not None
    results = unmapped.exactly(call.subject.from_first)(*call.batch_first(axes))
    like = jax.eval_shape(call.subject.function, *call.example())
    return _placed(results, like, call.sizes["batch"], axes)


def of_derivative(call: FunctionCall, derivative: Callable[..., Any]) -> Expected:
    """What a derivative must give at each example, for the call's only axes.

    Where the function does not round, that is JAX's own derivative, unmapped. Of the signs of zeros
    nothing is said: sums choose them.
    """
    (axes,) = call.axes
    like = jax.eval_shape(derivative, *call.example())
    example = call.example()
    if not call.subject.exact:
        one = evaluator(derivative, *example)
    elif " div " in str(jax.make_jaxpr(derivative)(*example)):
        one = unmapped.among_ties(derivative)
    else:
        one = unmapped.exactly(derivative, unmapped.SMALLEST)
    results = per_example(one, axes.leading.in_axes)(*call.batch_first(axes))
    return _placed(results, like, call.sizes["batch"], axes)


def of_collective(call: FunctionCall, operands: Any) -> Expected:
    """What a collective gives of these operands, stacked in front, for the call's only axes."""
    results = _answered(call)(operands)
    return _placed(results, _collective_like(call), call.sizes["batch"], call.axes[0])


def of_transpose(call: FunctionCall, weights: Any) -> Expected:
    """The gradient by its operands of a collective's results times ``weights``, the call's only axes'.

    Collectives are linear but for a constant: their columns are what they give of one in one place.
    """
    (axes,) = call.axes
    weights = np.moveaxis(np.asarray(weights, np.float64), axes.out_axes, 0)
    (operands,), one = call.batch_first(axes), _answered(call)
    constant = one(np.zeros_like(operands)).value
    value, error = np.zeros(operands.shape), np.zeros(operands.shape)
    for place in np.ndindex(operands.shape):
        unit_operand = np.zeros_like(operands)
        unit_operand[place] = 1
        products = weights * (one(unit_operand).value - constant)
        value[place], error[place] = products.sum(), np.abs(products).sum()
    bound = np.maximum(gamma(len(operands) + 2, "float32") * error, unmapped.SMALLEST)
    like = jax.ShapeDtypeStruct(operands.shape[1:], operands.dtype)
    return _placed(
        Rounded(value, bound), like, call.sizes["batch"], Axes((0,), axes.in_axes[0] or 0)
    )


def sum_error(values: Any) -> Any:
    """What rounding may do to a float32 sum over the first axis: gamma(n) times the magnitudes."""
    return gamma(len(values), "float32") * np.abs(values).sum(0)


def shape_of_function(call: FunctionCall) -> Any:
    """Shapes and dtypes of `of_function`, without computing any value."""
    (axes,) = call.axes
    one = jax.eval_shape(call.subject.function, *call.example())
    size = call.sizes["batch"]
    return jax.tree_util.tree_map(lambda leaf: _widened(leaf, size, axes.out_axes), one)


@functools.lru_cache(maxsize=64)
def _each_example(
    subject_name: str,
    sizes: tuple[tuple[str, int], ...],
    dtype: str,
    seed: int,
    edge_values: bool,
    front: tuple[int | None, ...],
) -> tuple[Rounded, Any]:
    """The results of all examples, and shape and dtype of one: where the axes stand, all share them."""
    call = FunctionCall(subject_name, dict(sizes), (Axes(front, 0),), dtype, seed, edge_values)
    subject = call.subject
    if subject.kind == "collective":
        return _answered(call)(*call.batch_first(call.axes[0])), _collective_like(call)
    if not call.sizes["batch"]:
        like = jax.eval_shape(subject.function, *call.example())
        none = jax.tree_util.tree_map(lambda leaf: np.zeros((0, *leaf.shape), leaf.dtype), like)
        return Rounded(none, none), like
    mapped = per_example(one_example(call), front, axis_size=call.sizes["batch"])
    results = mapped(*call.batch_first(call.axes[0]))
    return results, jax.eval_shape(subject.function, *call.example())


def _collective_like(call: FunctionCall) -> Any:
    """Shape and dtype of one example's result, which cannot be traced alone."""
    subject = call.subject
    assert subject.answer is not None
    front = (0,) * len(subject.arguments)
    value, _ = subject.answer(*(np.asarray(a, np.float64) for a in call.batch_first(Axes(front))))
    return jax.tree_util.tree_map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], jnp.dtype(call.dtype)), value
    )


def one_example(call: FunctionCall) -> Callable[..., Rounded]:
    """A function of one example's arguments that gives the right answer to it, and its bound."""
    if call.subject.answer is not None:
        return _answered(call)
    if call.subject.exact:
        return _exactly(call.subject_name)
    return _nearly(call.subject_name) if call.dtype in UNBOUNDED else _evaluator(call)


def of_variables(call: ModuleCall, derivation: keys.Derivation = keys.LINEN) -> Expected:
    """The variables a lifted init must give: the reference's for each example, shared or stacked.

    Of parameters, two computations may differ by what two of an elementary function do, and by what
    the numbers drawn do (`_of_draws`); of what else there is, by the first alone, and integers (keys)
    not at all.
    """
    streams = keys.lift(call.rngs(), call.split_rngs, call.size, derivation)
    sizes = tuple(sorted(_unmapped(call)))
    axes, init = call.axes[0], _initialiser(call.subject_name, sizes, derivation)
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
def _initialiser(
    subject_name: str, sizes: tuple[tuple[str, int], ...], derivation: keys.Derivation
) -> Any:
    """The reference's init, and how it magnifies the rounding of what parameters are drawn from,
    compiled once: by itself each of its operations would be a program."""
    module = SUBJECTS[subject_name].reference(dict(sizes))  # type: ignore[union-attr]

    def init(rngs: Any, *inputs: Any) -> Any:
        started = functools.partial(scope.init, module, rngs, *inputs, derivation=derivation)
        magnified = started(initial=initializers.magnification)
        return raw(started()), {name: magnified[name] for name in ("params",) if name in magnified}

    return jax.jit(init)


def variable_shapes(call: ModuleCall) -> Any:
    """Shapes and dtypes of `of_variables`, without computing any value."""
    module = call.subject.reference(call.sizes)
    (streams, *_) = keys.lift(call.rngs(), call.split_rngs, call.size)
    one = jax.eval_shape(lambda *x: raw(scope.init(module, streams, *x)), *call.example())

    def widened(name: str, tree: Any) -> Any:
        axis = call.variable_axes[name]
        return jax.tree_util.tree_map(lambda leaf: _widened(leaf, call.size, axis), tree)

    return {name: widened(name, tree) for name, tree in one.items()}


def of_module(
    call: ModuleCall, variables: Mapping[str, Any], derivation: keys.Derivation = keys.LINEN
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


def of_each(call: ModuleCall, variables: Mapping[str, Any], each: Sequence[Rounded]) -> Expected:
    """What the lifted module must give where each example gives that: (output, updates)."""
    (axes,) = call.axes
    (streams, *_) = keys.lift(call.rngs(), call.split_rngs, call.size)
    own = member(variables, call.variable_axes, 0)
    like = jax.eval_shape(applied(call), own, streams, *call.example())
    (values, updates), (errors, update_errors) = (
        ([getattr(r, field)[0] for r in each], [getattr(r, field)[1] for r in each])
        for field in ("value", "error")
    )
    out = _placed(Rounded(stack(values), stack(errors)), like[0], call.size, axes)
    new = gathered(updates, call.variable_axes)
    dtypes = gathered(
        [jax.tree_util.tree_map(np.zeros_like, u) for u in updates], call.variable_axes
    )
    like_updates = jax.tree_util.tree_map(
        lambda leaf, one: jax.ShapeDtypeStruct(leaf.shape, one.dtype), dtypes, like[1]
    )
    return Expected(
        (out.value, new),
        (out.bound, gathered(update_errors, call.variable_axes)),
        (out.like, like_updates),
    )


def output_ranks(call: FunctionCall | ModuleCall) -> list[int]:
    """The rank of every leaf of one example's result."""
    if isinstance(call, FunctionCall) and call.subject.kind == "collective":
        shape = _collective_like(call)
    elif isinstance(call, FunctionCall):
        shape = jax.eval_shape(call.subject.function, *call.example())
    else:
        streams = keys.lift(call.rngs(), call.split_rngs, 1)[0]
        module = call.subject.reference(call.sizes)
        variables = jax.eval_shape(lambda *x: scope.init(module, streams, *x), *call.example())
        shape, _ = jax.eval_shape(applied(call), variables, streams, *call.example())
    return [leaf.ndim for leaf in jax.tree_util.tree_leaves(shape)]


def mutable(call: ModuleCall) -> list[str]:
    """The collections that a call of the module updates: all but the parameters."""
    return [name for name in call.subject.collections if name != "params"]


def member(variables: Mapping[str, Any], axes: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The variables that one example sees: shared collections whole, mapped ones sliced."""
    return {
        name: tree if axes[name] is None else take(tree, index, axes[name])
        for name, tree in variables.items()
    }


def _placed(results: Rounded, like: Any, size: int, axes: Axes) -> Expected:
    """Results stacked in front, as `Expected` with the batch axis where ``axes`` wants it."""
    like = jax.tree_util.tree_map(lambda leaf: _widened(leaf, size, axes.out_axes), like)
    return Expected(
        move_batch_axis(results.value, axes.out_axes),
        move_batch_axis(results.error, axes.out_axes),
        like,
    )


def _widened(leaf: Any, size: int, axis: Any) -> Any:
    """The shape with a batch axis inserted; None inserts none."""
    if axis is None:
        return leaf
    shape = list(leaf.shape)
    shape.insert(axis if axis >= 0 else axis + len(shape) + 1, size)
    return jax.ShapeDtypeStruct(tuple(shape), leaf.dtype)


def gathered(each: Sequence[Mapping[str, Any]], axes: Mapping[str, Any]) -> dict[str, Any]:
    """One tree per collection: the first example's where shared, else all, stacked along its axis."""
    return {
        name: each[0][name] if axes[name] is None else stack([e[name] for e in each], axes[name])
        for name in each[0]
    }


def _of_a_computation(value: Any) -> Any:
    if not jnp.issubdtype(value.dtype, jnp.floating):
        return np.zeros(value.shape)
    return of_two_computations(value.astype(np.float64), value.dtype)


DRAW_UNITS = 5.0
"""Error of a normal draw, in units of roundoff of one, next to that of the elementary function: its
uniform number is scaled to an interval of a length of at most 2 and moved (three units, fewer where a
fused multiply-add does both), and the slope of the quantile function is at least sqrt(pi / 2). At the
end of a normal cut off at two standard deviations it is e^2 times that, and the value, too, is large:
`ELEMENTARY_UNITS` hold the rest. No initialiser has a standard deviation of more than one."""


def _of_draws(value: Any, magnified: Any) -> Any:
    bound = _of_a_computation(value)
    if not jnp.issubdtype(value.dtype, jnp.floating) or not np.any(value):
        return bound
    return bound + 2 * DRAW_UNITS * unit_roundoff(value.dtype) * magnified.astype(np.float64)


@functools.cache
def _exactly(subject_name: str) -> Any:
    return unmapped.exactly(SUBJECTS[subject_name].function)  # type: ignore[union-attr]


UNBOUNDED = ("float64", "complex64", "complex128")
"""Dtypes that float64 is no measure for, or that the reference has no rules for."""


@functools.cache
def _nearly(subject_name: str) -> Any:
    return unmapped.nearly(SUBJECTS[subject_name].function)  # type: ignore[union-attr]


def _answered(call: FunctionCall) -> Any:
    answer = call.subject.answer
    assert answer is not None
    # Answers are told for float32, with its bounds; those of wider dtypes are as much narrower.
    finer = float(jnp.finfo(call.dtype).eps / jnp.finfo("float32").eps) if call.dtype in WIDE else 1

    def answered(*arguments: Any) -> Rounded:
        value, bound = answer(*map(widest, arguments))
        return Rounded(value, jax.tree_util.tree_map(lambda leaf: leaf * finer, bound))

    return answered


def _evaluator(call: FunctionCall) -> Any:
    return _cached_evaluator(call.subject_name, tuple(sorted(_unmapped(call))), call.dtype)


@functools.cache
def _cached_evaluator(subject_name: str, sizes: tuple[tuple[str, int], ...], dtype: str) -> Any:
    # The shapes of one example do not depend on the batch, so one trace serves every batch size.
    call = FunctionCall(subject_name, {**dict(sizes), "batch": 1}, (), dtype)
    return evaluator(call.subject.function, *call.example())


def module_evaluator(call: ModuleCall, derivation: keys.Derivation = keys.LINEN) -> Any:
    """A function of (variables, keys, *inputs) of one example, in float64 with its bound."""
    streams = tuple(sorted(call.split_rngs))
    return _cached_module_evaluator(
        call.subject_name,
        tuple(sorted(_unmapped(call))),
        streams,
        call.typed_keys,
        call.dtype,
        derivation,
    )


@functools.cache
def _cached_module_evaluator(
    subject_name: str,
    sizes: tuple[tuple[str, int], ...],
    streams: tuple[str, ...],
    typed_keys: bool,
    dtype: str,
    derivation: keys.Derivation,
) -> Any:
    axes = dict.fromkeys(SUBJECTS[subject_name].collections)  # type: ignore[union-attr]
    split = dict.fromkeys(streams, False)
    call = ModuleCall(
        subject_name,
        {**dict(sizes), "batch": 1},
        (),
        axes,
        split,
        typed_keys=typed_keys,
        dtype=dtype,
    )
    rngs = keys.lift(call.rngs(), split, 1)[0]
    module = call.subject.reference(call.sizes)
    variables = jax.eval_shape(lambda *x: scope.init(module, rngs, *x), *call.example())
    return evaluator(applied(call, derivation), variables, rngs, *call.example())


def applied(call: ModuleCall, derivation: keys.Derivation = keys.LINEN) -> Any:
    """``apply(variables, rngs, *inputs)`` of the reference gives (output, updated collections)."""
    module, updated = call.subject.reference(call.sizes), mutable(call)

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        result = scope.apply(
            module, variables, *inputs, rngs=rngs, mutable=updated, derivation=derivation
        )
        return result if updated else (result, {})

    return apply


def _unmapped(call: FunctionCall | ModuleCall) -> Any:
    return [(name, size) for name, size in call.sizes.items() if name != "batch"]
