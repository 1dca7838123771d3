"""How `jax.vmap` and `jax.pmap` are given axes: trees as they are, and one for all arguments by itself."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from conformance.transforms.jax import vmap
from properties.call import Axes


@pytest.mark.parametrize("in_axes", [({"a": 0, "b": (0,)},), ([0, 0],)])
def test_a_tree_of_axes_is_given_as_it_is(in_axes: Any) -> None:
    (tree,) = in_axes
    x: Any = {"a": jnp.ones((3, 2)), "b": (jnp.ones((3, 2)),)}
    x = x if isinstance(tree, dict) else [jnp.ones((3, 2))] * 2
    mapped = vmap.map_function(lambda _: jnp.zeros(()), Axes(in_axes, 0))
    assert np.shape(mapped(x)) == (3,)


@pytest.mark.parametrize(
    ("in_axes", "out_axes", "given"),
    [
        ((None,), 0, None),
        ((None,), 1, (None,)),
        ((None, 0), 0, (None, 0)),
        ((1, 1), 0, 1),
        ((-1,), 1, (-1,)),
        ((0, 1), 0, (0, 1)),
        ((), 0, ()),
    ],
)
def test_one_axis_for_all_arguments_is_given_by_itself_where_the_result_is_in_front(
    in_axes: Any, out_axes: int, given: Any
) -> None:
    assert vmap.as_written(Axes(in_axes, out_axes)) == given
