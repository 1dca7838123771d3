"""A call is plain data: through JSON and back it is the same call, with the same arrays."""

import attrs
import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from properties.call import (
    WIDE,
    Axes,
    FunctionCall,
    ModuleCall,
    move_batch_axis,
    variables_like,
    with_dtypes_of,
)

LINEAR = FunctionCall("linear", {"batch": 3, "m": 2, "n": 4}, (Axes((None, None, 1), 1),), seed=5)
NORM = ModuleCall(
    "batch-norm",
    {"batch": 3, "length": 2, "m": 4},
    (Axes((0,)),),
    {"params": None, "batch_stats": 0},
    {"params": False},
    key=7,
)


def test_arguments_stand_where_the_axes_say() -> None:
    (axes,) = LINEAR.axes
    weights, bias, x = LINEAR.arguments(axes)
    assert (weights.shape, bias.shape, x.shape) == ((2, 4), (4,), (2, 3))
    np.testing.assert_array_equal(x.T, LINEAR.batch_first(axes)[2])


def test_an_unmapped_argument_and_a_mapped_one_of_the_same_call_have_no_value_in_common() -> None:
    mapped, unmapped = (
        LINEAR.batch_first(Axes((0, None, 0)))[0],
        LINEAR.batch_first(LINEAR.axes[0])[0],
    )
    assert mapped.shape == (3, *unmapped.shape)
    assert len(np.unique(mapped)) == mapped.size


def test_edge_values_are_among_the_arguments_where_the_call_asks_for_them() -> None:
    call = FunctionCall("sort", {"batch": 8, "m": 4, "n": 6}, (Axes((0,)),), seed=1)
    (plain,) = call.batch_first(call.axes[0])
    (edges,) = attrs.evolve(call, edge_values=True).batch_first(call.axes[0])
    assert np.isfinite(plain).all()
    assert np.isnan(edges).any()
    assert np.isinf(edges).any()


def test_each_stream_has_a_key_of_its_own() -> None:
    axes = dict.fromkeys(("params", "dropout"), False)
    for typed_keys in (False, True):
        call = ModuleCall(
            "dropout", {"batch": 3, "m": 2}, (), {}, axes, key=3, typed_keys=typed_keys
        )
        keys = call.rngs()
        assert set(keys) == {"params", "dropout"}
        assert jax.dtypes.issubdtype(keys["params"].dtype, jax.dtypes.prng_key) == typed_keys
        assert not np.array_equal(*map(jax.random.key_data, keys.values()))


def test_a_module_call_is_turned_into_its_neighbours() -> None:
    assert NORM.sharing().variable_axes == {"params": None, "batch_stats": 0}
    many = NORM.ensemble(-1)
    assert (many.variable_axes["params"], many.split_rngs["params"]) == (-1, True)
    assert NORM.without_stream("params").split_rngs == {}
    assert NORM.size == 3


@pytest.mark.parametrize("axis", [0, 1, -1, -3])
def test_move_batch_axis_puts_the_leading_axis_there(axis: int) -> None:
    leaf = np.arange(24).reshape(2, 3, 4)
    result = move_batch_axis({"a": leaf}, axis)["a"]
    assert result.shape[axis] == 2
    np.testing.assert_array_equal(np.moveaxis(result, axis, 0), leaf)
    assert move_batch_axis(leaf, None) is leaf


def test_variables_are_unlike_any_initialisers() -> None:
    shapes = {
        "params": {"kernel": jax.ShapeDtypeStruct((3, 4), np.float32)},
        "batch_stats": {"var": jax.ShapeDtypeStruct((50,), np.float32)},
        "cache": {"index": jax.ShapeDtypeStruct((), np.int32)},
    }
    drawn = variables_like(shapes, 3)
    chex.assert_trees_all_equal_shapes_and_dtypes(drawn, shapes)
    assert len(np.unique(drawn["params"]["kernel"])) == 12
    assert drawn["batch_stats"]["var"].min() > 0


@pytest.mark.parametrize("dtype", WIDE)
def test_wide_dtypes_exist_where_a_call_has_them_and_nowhere_else(dtype: str) -> None:
    call = FunctionCall("square", {"batch": 2, "m": 3, "n": 4}, (Axes((0,)),), dtype)
    (values,) = call.batch_first(call.axes[0])
    assert values.dtype == dtype
    with with_dtypes_of(call):
        assert jnp.asarray(values).dtype == dtype
    assert jnp.asarray(values).dtype.itemsize == np.dtype(dtype).itemsize // 2
