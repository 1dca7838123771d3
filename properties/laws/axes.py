"""Where the batch axis stands changes nothing but where it stands."""

from functools import partial

import attrs

from properties import expected
from properties.calls import FunctionCall, moved
from properties.compare import assert_agrees, computed
from properties.law import blame, law
from properties.strategies import anywhere, from_the_end, front, function_calls
from properties.together import map_together
from properties.transform import Transform

MASKS = 2
"""Choices of what is mapped in one call: for each the front is computed too, to compare with."""


def _agrees_with_front(transform: Transform, call: FunctionCall) -> None:
    """Hold each combination to what the transform gives with every batch axis in front."""
    fronts = tuple(dict.fromkeys(axes.first for axes in call.axes))
    results = dict(map_together(transform, attrs.evolve(call, axes=(*call.axes, *fronts))))
    for axes in call.axes:
        right = computed(
            results[axes.first],
            expected.of_function(call.only(axes.first)),
            partial(moved, axis=axes.out_axes),
        )
        # Without one there is nothing to agree with: mapping.equals-per-example speaks of it.
        if right is not None:
            with blame(call.only(axes), "map"):
                assert_agrees(results[axes], right)


@law("axes.in-axes-permute", cases=function_calls(anywhere, front, unmapped="any", masks=MASKS))
def moving_in_axes_changes_nothing(transform: Transform, call: FunctionCall) -> None:
    """Moving the batch axis in the input and in `in_axes` together leaves the result alone."""
    _agrees_with_front(transform, call)


@law("axes.out-axes-permute", cases=function_calls(front, anywhere, unmapped="any", masks=MASKS))
def moving_out_axes_moves_the_axis(transform: Transform, call: FunctionCall) -> None:
    """`out_axes=k` is `out_axes=0` with the axis moved to k."""
    _agrees_with_front(transform, call)


@law(
    "axes.negative-count-from-end",
    cases=function_calls(from_the_end, from_the_end, unmapped="any", masks=MASKS),
)
def negative_axes_count_from_the_end(transform: Transform, call: FunctionCall) -> None:
    """A negative axis counts from the end of the batched array, in `in_axes` and in `out_axes`."""
    _agrees_with_front(transform, call)
