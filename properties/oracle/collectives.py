"""The oracle of collectives: what the subject's own `answer` gives of all examples together."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from properties.call import WIDE, Axes, FunctionCall
from properties.compare import Expected
from properties.oracle import unmapped
from properties.oracle.placement import placed
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
    assert call.subject.answer is not None
    value, _ = call.subject.answer(*(np.asarray(a, np.float64) for a in arguments))
    return jax.tree_util.tree_map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], jnp.dtype(call.dtype)), value
    )


def answered(call: FunctionCall) -> Callable[..., Rounded]:
    """The subject's own `answer` as an oracle, for the call's dtype."""
    answer = call.subject.answer
    assert answer is not None
    # The bounds of answers are those of float32; those of wider dtypes are as much narrower.
    finer = float(jnp.finfo(call.dtype).eps / jnp.finfo("float32").eps) if call.dtype in WIDE else 1

    def oracle(*arguments: Array) -> Rounded:
        value, bound = answer(*map(widest, arguments))
        return Rounded(value, jax.tree_util.tree_map(lambda leaf: leaf * finer, bound))

    return oracle
