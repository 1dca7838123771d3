"""How `jax.vmap` is given axes: trees of them as they are, and None itself where nothing is mapped."""

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


@pytest.mark.parametrize(("out_axes", "given"), [(0, None), (1, (None,))])
def test_nothing_mapped_is_none_itself_where_the_result_is_in_front(
    out_axes: int, given: Any
) -> None:
    assert vmap._in_axes(Axes((None,), out_axes)) == given
    assert vmap._in_axes(Axes((None, 0), out_axes)) == (None, 0)
