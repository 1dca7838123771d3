"""The oracle of derivatives: JAX's own derivative of the unmapped function, example by example."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from properties.call import FunctionCall
from properties.compare import Expected
from properties.oracle import estimated, unmapped
from properties.oracle.placement import placed
from reference.error_bounds.evaluate import evaluator
from reference.error_bounds.roundoff import gamma
from reference.loop import per_example
from reference.types import PyTree


def of_derivative(call: FunctionCall, derivative: Callable[..., PyTree]) -> Expected:
    """What a derivative must give at each example, for the call's only axes.

    Where the function does not round, that is JAX's own derivative, unmapped; signs of zeros are not
    compared, since sums choose them.

    Raises:
        UnsupportedPrimitive, BranchUndecidable: as in `of_function`.
    """
    (axes,) = call.axes
    example = call.example()
    own = call.subject.own
    if own is not None:
        one = estimated.best(derivative, *example, tolerance=own.tolerance)
    elif not call.subject.exact:
        one = evaluator(derivative, *example)
    elif " div " in str(jax.make_jaxpr(derivative)(*example)):
        one = unmapped.among_ties(derivative)
    else:
        one = unmapped.exactly(derivative, unmapped.SMALLEST)
    results = per_example(one, axes.leading.in_axes)(*call.batch_first(axes))
    like = jax.eval_shape(derivative, *example)
    return placed(results, like, call.sizes["batch"], axes)


def sum_error(values: Any) -> Any:
    """What rounding may do to a float32 sum over the first axis: gamma(n) times the magnitudes."""
    return gamma(len(values), "float32") * np.abs(values).sum(0)
