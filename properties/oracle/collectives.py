"""The oracle of collectives: what the subject's own `answer` gives of all examples together."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from properties.call import WIDE, Axes, FunctionCall
from properties.compare import Expected
from properties.oracle import estimated, unmapped
from properties.oracle.placement import placed
from properties.subject import FunctionSubject
from properties.subjects import SUBJECTS
from reference.error_bounds.agreement import widest
from reference.error_bounds.evaluate import Rounded
from reference.error_bounds.roundoff import gamma
from reference.types import Array, PyTree


def of_collective(call: FunctionCall, operands: Array) -> Expected:
    """What a collective gives of `operands`, of shape `(batch, ...)`, for the call's only axes."""
    results = answered(call)(operands)
    return placed(results, shape_of_example(call), call.sizes["batch"], call.axes[0])


def of_transpose(call: FunctionCall, weights: Array) -> Expected:
    """The gradient by its operands of the sum of a collective's results times `weights`.

    A collective is linear but for a constant: its columns are what it gives of a one in one place.

    Args:
        call: a call of one operand and with one combination of axes.
        weights: of the shape of the result, the batch axis where the call's `out_axes` says.
    """
    (axes,) = call.axes
    weights = np.moveaxis(np.asarray(weights, np.float64), axes.out_axes, 0)
    (operands,), collective = call.batch_first(axes), answered(call)
    constant = collective(np.zeros_like(operands)).value
    value, size = np.zeros(operands.shape), np.zeros(operands.shape)
    for place in np.ndindex(operands.shape):
        unit_operand = np.zeros_like(operands)
        unit_operand[place] = 1
        products = weights * (collective(unit_operand).value - constant)
        value[place], size[place] = products.sum(), np.abs(products).sum()
    bound = np.maximum(gamma(len(operands) + 2, "float32") * size, unmapped.SMALLEST)
    like = jax.ShapeDtypeStruct(operands.shape[1:], operands.dtype)
    out_axes = Axes((0,), axes.in_axes[0] or 0)
    return placed(Rounded(value, bound), like, call.sizes["batch"], out_axes)


def shape_of_example(call: FunctionCall) -> PyTree:
    """Shape and dtype of one example's result, which cannot be traced alone."""
    arguments = call.batch_first(Axes((0,) * len(call.subject.arguments)))
    if call.subject.own is not None:
        of_all = jax.eval_shape(call.subject.own.batched, *arguments)
        return jax.tree_util.tree_map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), of_all
        )
    assert call.subject.answer is not None
    value, _ = call.subject.answer(*(np.asarray(a, np.float64) for a in arguments))
    return jax.tree_util.tree_map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], jnp.dtype(call.dtype)), value
    )


@functools.cache
def _without_collectives(
    subject_name: str, sizes: tuple[tuple[str, int], ...], dtype: str
) -> Callable[..., Rounded]:
    """The function of the whole batch that a user gives beside one with collectives."""
    subject = SUBJECTS[subject_name]
    assert isinstance(subject, FunctionSubject)
    assert subject.own is not None
    axes = Axes((0,) * len(subject.arguments))
    like = FunctionCall(subject_name, dict(sizes), (axes,), dtype).batch_first(axes)
    return estimated.best(subject.own.batched, *like, tolerance=subject.own.tolerance)


def clear_caches() -> None:
    """Forget the traces of all functions of a whole batch."""
    _without_collectives.cache_clear()


def answered(call: FunctionCall) -> Callable[..., Rounded]:
    """The subject's own `answer` as an oracle, for the call's dtype."""
    if call.subject.own is not None:
        return _without_collectives(call.subject_name, tuple(call.sizes.items()), call.dtype)
    answer = call.subject.answer
    assert answer is not None
    # The bounds of answers are those of float32; those of wider dtypes are as much narrower.
    finer = float(jnp.finfo(call.dtype).eps / jnp.finfo("float32").eps) if call.dtype in WIDE else 1

    def oracle(*arguments: Array) -> Rounded:
        value, bound = answer(*map(widest, arguments))
        return Rounded(value, jax.tree_util.tree_map(lambda leaf: leaf * finer, bound))

    return oracle
