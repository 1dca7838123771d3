"""The contract of `nn.vmap` on shared and own parameters, spelled out on Dense and BatchNorm.

The laws say the same of every subject; this is the version to read first.
"""

from typing import Any

import chex
import flax.errors
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reference import keys, layers, scope
from reference.error_bounds.evaluate import evaluate

BATCH, IN, FEATURES = 5, 3, 4
X = np.random.RandomState(0).standard_normal((BATCH, IN)).astype(np.float32)
KEY = jax.random.PRNGKey(11)


def lifted(module: Any = nn.Dense, params: int | None = None, split: bool = False) -> Any:
    return nn.vmap(
        module,
        in_axes=0,
        out_axes=0,
        variable_axes={"params": params},
        split_rngs={"params": split},
    )(FEATURES)


def dense(scope: Any, x: Any) -> Any:
    return layers.dense(scope, x, features=FEATURES)


def within_rounding(got: Any, function: Any, *arguments: Any) -> None:
    """Within the bound that float32 has for this function; its slack is the suite's."""
    right = evaluate(function, *arguments)
    assert np.all(np.abs(np.asarray(got, np.float64) - right.value) <= 2 * right.error)


def test_shared_params_are_those_of_one_dense_and_serve_every_row() -> None:
    variables = lifted().init(KEY, X)
    shapes = {"params": {"kernel": (IN, FEATURES), "bias": (FEATURES,)}}
    assert jax.tree_util.tree_map(jnp.shape, variables) == shapes
    chex.assert_trees_all_close(variables, scope.init(dense, KEY, X[0]), rtol=2**-22)
    got = lifted().apply(variables, X)
    assert got.shape == (BATCH, FEATURES)

    def product(x: Any, kernel: Any, bias: Any) -> Any:
        return jnp.dot(x, kernel) + bias

    kernel, bias = variables["params"]["kernel"], variables["params"]["bias"]
    for row, x in zip(got, X, strict=True):
        within_rounding(row, product, x, kernel, bias)
    # Dense takes the whole batch by itself, too.
    within_rounding(nn.Dense(FEATURES).apply(variables, X), product, X, kernel, bias)


def test_an_ensemble_has_a_dense_of_its_own_for_each_row() -> None:
    variables = lifted(params=0, split=True).init(KEY, X)
    shapes = {"params": {"kernel": (BATCH, IN, FEATURES), "bias": (BATCH, FEATURES)}}
    assert jax.tree_util.tree_map(jnp.shape, variables) == shapes
    for i, key in enumerate(jax.random.split(KEY, BATCH)):
        member = jax.tree_util.tree_map(lambda leaf, i=i: leaf[i], variables)
        chex.assert_trees_all_close(member, nn.Dense(FEATURES).init(key, X[i]), rtol=2**-22)
    kernels = np.asarray(variables["params"]["kernel"])
    assert len({kernel.tobytes() for kernel in kernels}) == BATCH


def test_mapped_params_of_an_unsplit_key_are_copies() -> None:
    kernels = np.asarray(lifted(params=0).init(KEY, X)["params"]["kernel"])
    assert kernels.shape == (BATCH, IN, FEATURES)
    assert len({kernel.tobytes() for kernel in kernels}) == 1


def test_a_split_key_cannot_draw_shared_params_but_they_can_be_applied() -> None:
    module = lifted(split=True)
    with pytest.raises(ValueError, match="axes"):
        module.init(KEY, X)
    variables = lifted().init(KEY, X)
    rngs = {"params": KEY}
    chex.assert_trees_all_close(
        module.apply(variables, X, rngs=rngs), lifted().apply(variables, X), rtol=1e-6
    )


def test_a_module_that_draws_nothing_is_accepted_with_a_split_key() -> None:
    norm = nn.vmap(nn.LayerNorm, variable_axes={"params": None}, split_rngs={"params": True})
    assert norm().init(KEY, X)["params"]["scale"].shape == (IN,)


def test_a_stream_left_out_of_split_rngs_is_an_error() -> None:
    module = nn.vmap(nn.Dense, variable_axes={"params": None}, split_rngs={})(FEATURES)
    with pytest.raises(flax.errors.InvalidRngError):
        module.init(KEY, X)


def batch_norm(stats: int | None, **options: Any) -> Any:
    return nn.vmap(
        nn.BatchNorm,
        variable_axes={"params": None, "batch_stats": stats},
        split_rngs={"params": False},
        **options,
    )(use_running_average=False, axis_name=options.get("axis_name"))


SETS = np.random.RandomState(1).standard_normal((BATCH, 6, IN)).astype(np.float32)


def test_batch_norm_with_shared_params_has_statistics_of_its_own_where_they_are_mapped() -> None:
    module = batch_norm(stats=0)
    variables = module.init(KEY, SETS)
    assert variables["params"]["scale"].shape == (IN,)
    _, updated = module.apply(variables, SETS, mutable=["batch_stats"])
    means = updated["batch_stats"]["mean"]
    # The running mean starts at 0 and moves by 1 - momentum, momentum being 0.99.
    chex.assert_trees_all_close(means, 0.01 * SETS.mean(axis=1), atol=1e-6)


def test_batch_norm_cannot_share_statistics_that_differ() -> None:
    module = batch_norm(stats=None)
    variables = module.init(KEY, SETS)
    with pytest.raises(ValueError, match="axes"):
        module.apply(variables, SETS, mutable=["batch_stats"])


def test_batch_norm_synchronised_by_axis_name_shares_statistics_of_the_whole_batch() -> None:
    module = batch_norm(stats=None, axis_name="batch")
    variables = module.init(KEY, SETS)
    assert variables["batch_stats"]["mean"].shape == (IN,)
    got, updated = module.apply(variables, SETS, mutable=["batch_stats"])
    whole, expected = scope.apply(
        lambda own, x: layers.batch_norm(own, x, use_running_average=False),
        variables,
        SETS.reshape(-1, IN),
        mutable="batch_stats",
    )
    chex.assert_trees_all_close(got, whole.reshape(SETS.shape), atol=1e-5)
    chex.assert_trees_all_close(updated, expected, atol=1e-6)


def test_the_reference_splits_the_root_key_and_folds_the_path_afterwards() -> None:
    (first, *_) = keys.lift({"params": KEY}, {"params": True}, BATCH)
    assert np.array_equal(first["params"], jax.random.split(KEY, BATCH)[0])
