"""Layers and cells against closed forms in NumPy, and against the installed Linen.

Outputs are compared in float64, where a wrong formula and a rounding error cannot be mistaken for
each other; initial values to two units in the last place.
"""

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src.interpreters.batching import BatchTrace

from reference import cells, layers
from reference.scope import apply, init

SAME = {"rtol": 1e-12, "atol": 1e-12}


class Block(nn.Module):
    features: int

    @nn.compact
    def __call__(self, x):
        return jnp.tanh(nn.Dense(self.features)(x))


class MLP(nn.Module):
    features: Sequence[int]

    @nn.compact
    def __call__(self, x):
        for width in self.features[:-1]:
            x = Block(width)(x)
        return nn.Dense(self.features[-1])(x)


def np_dense(p, x):
    return np.einsum("...i,if->...f", x, p["kernel"]) + p.get("bias", 0.0)


def np_mlp(p, x):
    for block in ("Block_0", "Block_1"):
        x = np.tanh(np_dense(p[block]["Dense_0"], x))
    return np_dense(p["Dense_0"], x)


def np_conv(p, x):
    size, length = p["kernel"].shape[0], len(x)
    y = np.zeros((length, p["kernel"].shape[-1])) + p["bias"]
    for i in range(length):
        for j in range(size):
            at = i + j - (size - 1) // 2
            if 0 <= at < length:
                y[i] += x[at] @ p["kernel"][j]
    return y


def np_layer_norm(p, x):
    std = np.sqrt(np.var(x, axis=-1, keepdims=True) + 1e-6)
    return (x - x.mean(axis=-1, keepdims=True)) / std * p["scale"] + p["bias"]


def np_batch_norm(p, x):
    return (x - x.mean(axis=0)) / np.sqrt(np.var(x, axis=0) + 1e-5) * p["scale"] + p["bias"]


def np_embed(p, ids):
    return np.array([p["embedding"][i] for i in ids])


def np_attention(p, x):
    query, key, value = (
        np.einsum("li,ihc->hlc", x, p[name]["kernel"]) + p[name]["bias"][:, None]
        for name in ("query", "key", "value")
    )
    scores = np.exp(np.einsum("hqc,hkc->hqk", query, key) / np.sqrt(query.shape[-1]))
    heads = np.einsum("hqk,hkc->qhc", scores / scores.sum(axis=-1, keepdims=True), value)
    return np.einsum("qhc,hcf->qf", heads, p["out"]["kernel"]) + p["out"]["bias"]


def np_simple_cell(p, carry, x):
    h = np.tanh(np_dense(p["i"], x) + np_dense(p["h"], carry))
    return h, h


def np_gru_cell(p, carry, x):
    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    r = sigmoid(np_dense(p["ir"], x) + np_dense(p["hr"], carry))
    z = sigmoid(np_dense(p["iz"], x) + np_dense(p["hz"], carry))
    n = np.tanh(np_dense(p["in"], x) + r * np_dense(p["hn"], carry))
    h = (1 - z) * n + z * carry
    return h, h


class Case(NamedTuple):
    """A module, as the reference and as Linen have it, its inputs' shapes and its closed form."""

    module: Callable[..., Any]
    linen: nn.Module
    shapes: tuple[tuple[int, ...], ...]
    closed_form: Callable[..., Any] | None


CASES = {
    "dense": Case(partial(layers.dense, features=4), nn.Dense(4), ((5,),), np_dense),
    "dense-broadcast": Case(partial(layers.dense, features=4), nn.Dense(4), ((2, 3, 5),), np_dense),
    "mlp": Case(partial(layers.mlp, features=(4, 6, 2)), MLP((4, 6, 2)), ((5,),), np_mlp),
    **{
        f"conv-{size}": Case(
            partial(layers.conv, features=4, kernel_size=size),
            nn.Conv(4, (size,)),
            ((6, 5),),
            np_conv,
        )
        for size in (1, 2, 3, 4, 9)
    },
    "layer-norm": Case(layers.layer_norm, nn.LayerNorm(), ((6, 5),), np_layer_norm),
    "batch-norm": Case(
        layers.batch_norm, nn.BatchNorm(use_running_average=False), ((6, 5),), np_batch_norm
    ),
    "dropout": Case(
        partial(layers.dropout, rate=0.3), nn.Dropout(0.3, deterministic=False), ((6, 5),), None
    ),
    "embed": Case(
        partial(layers.embed, num_embeddings=7, features=5), nn.Embed(7, 5), ((4,),), np_embed
    ),
    "self-attention": Case(
        partial(layers.self_attention, num_heads=2),
        nn.MultiHeadDotProductAttention(2),
        ((3, 6),),
        np_attention,
    ),
    "simple-cell": Case(
        partial(cells.simple_cell, features=4), nn.SimpleCell(4), ((4,), (3,)), np_simple_cell
    ),
    "gru-cell": Case(partial(cells.gru_cell, features=4), nn.GRUCell(4), ((4,), (3,)), np_gru_cell),
}

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def x64():
    """JAX in float64, by the name this release has for it."""
    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()


@contextlib.contextmanager
def strict():
    """JAX refusing to change a rank or dtype unasked, as in the suite's own runs."""
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        yield


def inputs(case, dtype=np.float64):
    random = np.random.RandomState(0)
    if case.closed_form is np_embed:
        return tuple(random.randint(0, 7, shape).astype(np.int32) for shape in case.shapes)
    return tuple(random.standard_normal(shape).astype(dtype) for shape in case.shapes)


def streams():
    return {"params": jax.random.key(3), "dropout": jax.random.key(5)}


def start(case):
    """The variables a case starts with."""
    return init(case.module, streams(), *inputs(case, np.float32))


def any_values(variables):
    """Variables of the same shapes with no zero bias or unit scale to hide behind."""
    random = np.random.RandomState(1)
    return jax.tree_util.tree_map(lambda a: random.uniform(0.5, 1.5, a.shape), variables)


@every_case
def test_initial_variables_are_linens(case):
    with strict():
        ours = start(case)
    linens = case.linen.init(streams(), *map(jnp.asarray, inputs(case, np.float32)))
    chex.assert_trees_all_equal_shapes_and_dtypes(ours, linens)
    chex.assert_trees_all_close_ulp(ours, linens, maxulp=2)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.closed_form])
def test_output_is_the_closed_form(name):
    case = CASES[name]
    values, variables = inputs(case), any_values(start(case))
    with x64(), strict():
        arrays = jax.tree_util.tree_map(jnp.asarray, (variables, values))
        output, _ = apply(case.module, arrays[0], *arrays[1], mutable=("batch_stats",))
    expected = case.closed_form(variables["params"], *values)
    chex.assert_type(jax.tree_util.tree_leaves(output), np.float64)
    chex.assert_trees_all_close(output, expected, **SAME)


@every_case
def test_output_and_updates_are_linens(case):
    variables = any_values(start(case))
    call = {"rngs": streams(), "mutable": ["batch_stats"]}
    with x64():
        values = [jnp.asarray(x) for x in inputs(case)]
        ours = apply(case.module, variables, *values, **call)
        linens = case.linen.apply(variables, *values, **call)
    chex.assert_trees_all_equal_shapes_and_dtypes(ours, linens)
    chex.assert_trees_all_close(ours, linens, **SAME)


def test_batch_norm_keeps_a_running_average():
    x = np.random.RandomState(0).standard_normal((6, 5)).astype(np.float32)
    variables = init(layers.batch_norm, streams(), x)
    assert not np.any(variables["batch_stats"]["mean"])
    assert np.all(variables["batch_stats"]["var"] == 1)
    _, updates = apply(layers.batch_norm, variables, x, mutable="batch_stats")
    stats = updates["batch_stats"]
    np.testing.assert_allclose(stats["mean"], 0.01 * x.mean(axis=0), rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(stats["var"], 0.99 + 0.01 * np.var(x, axis=0), rtol=1e-5)
    assert not np.any(variables["batch_stats"]["mean"])  # what went in is as it was


def test_batch_norm_with_the_running_average():
    module = partial(layers.batch_norm, use_running_average=True)
    x = np.random.RandomState(0).standard_normal((6, 5))
    v = any_values(init(module, streams(), x.astype(np.float32)))
    with x64():
        got = apply(module, v, jnp.asarray(x))
        linen = nn.BatchNorm(use_running_average=True).apply(v, jnp.asarray(x))
    p, stats = v["params"], v["batch_stats"]
    expected = (x - stats["mean"]) / np.sqrt(stats["var"] + 1e-5) * p["scale"] + p["bias"]
    np.testing.assert_allclose(got, expected, **SAME)
    np.testing.assert_allclose(got, linen, **SAME)


def test_dropout_drops_its_share_and_scales_the_rest():
    x = jnp.arange(1.0, 4001.0)
    y = np.asarray(apply(partial(layers.dropout, rate=0.3), {}, x, rngs=streams()))
    kept = y != 0
    np.testing.assert_allclose(y[kept], np.asarray(x)[kept] / 0.7, rtol=1e-6)
    assert abs(kept.mean() - 0.7) <= 5 * np.sqrt(0.3 * 0.7 / x.size)


@pytest.mark.parametrize(
    ("settings", "factor"),
    [({"rate": 0.0}, 1.0), ({"rate": 0.5, "deterministic": True}, 1.0), ({"rate": 1.0}, 0.0)],
)
def test_dropout_that_draws_nothing(settings, factor):
    x = jnp.arange(1.0, 6.0)
    # Without keys a draw would raise.
    np.testing.assert_array_equal(apply(partial(layers.dropout, **settings), {}, x), factor * x)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32])
def test_embed_takes_any_integer(dtype):
    module = partial(layers.embed, num_embeddings=7, features=5)
    ids = np.array([[0, 6], [3, 0]], dtype)
    variables = init(module, streams(), ids)
    rows = np.asarray(variables["params"]["embedding"])[ids]
    np.testing.assert_array_equal(apply(module, variables, ids), rows)
    np.testing.assert_array_equal(nn.Embed(7, 5).apply(variables, jnp.asarray(ids)), rows)


def test_embed_out_of_range():
    module, ids = partial(layers.embed, num_embeddings=3, features=2), jnp.array([-1, -4, 3])
    variables = init(module, streams(), ids)
    rows = apply(module, variables, ids)
    np.testing.assert_array_equal(rows, nn.Embed(3, 2).apply(variables, ids))
    np.testing.assert_array_equal(rows[0], variables["params"]["embedding"][2])
    assert np.isnan(rows[1:]).all()


@pytest.mark.parametrize(
    ("case", "shapes"),
    [
        ("layer-norm", ((6, 1),)),
        ("batch-norm", ((1, 5),)),
        ("batch-norm", ((5,),)),
        ("batch-norm", ((2, 3, 5),)),
        ("self-attention", ((1, 2),)),
        ("conv-3", ((1, 1),)),
        ("gru-cell", ((4,), (1,))),
    ],
)
def test_edge_shapes_are_linens(case, shapes):
    test_output_and_updates_are_linens(CASES[case]._replace(shapes=shapes))


@pytest.mark.parametrize("name", ["layer-norm", "batch-norm", "self-attention"])
@pytest.mark.parametrize("level", [1000.1, 1000.2, 1000.3, 1e4 / 3, 1e5 / 7])
def test_large_inputs_stay_finite(name, level):
    # Rounding puts the variance of equal numbers below zero, and exp of a large score is infinite.
    equal = np.full((7, 6), level, np.float32)
    variables = any_values(init(CASES[name].module, streams(), equal))
    output, _ = apply(CASES[name].module, variables, equal, mutable="batch_stats")
    assert np.isfinite(output).all()


x = np.ones((3, 6), np.float32)


@pytest.mark.parametrize(
    ("module", "variables", "arguments", "error", "message"),
    [
        (layers.layer_norm, {}, (x,), KeyError, "params/scale"),
        (
            layers.layer_norm,
            {"params": {"scale": np.ones(5)}},
            (x,),
            ValueError,
            r"parameter scale has shape \(5,\), expected \(6,\)",
        ),
        (partial(layers.dropout, rate=0.5), {}, (x,), KeyError, "no key for stream 'dropout'"),
        (partial(layers.embed, num_embeddings=2, features=2), {}, (x,), ValueError, "float32"),
        (partial(layers.self_attention, num_heads=4), {}, (x,), ValueError, "does not divide"),
        (partial(layers.conv, features=1, kernel_size=(2, 2)), {}, (x,), ValueError, "unpack"),
        (partial(cells.gru_cell, features=4), {}, (x[0], x[0]), ValueError, "carry has 6"),
    ],
)
def test_misuse(module, variables, arguments, error, message):
    with pytest.raises(error, match=message):
        apply(module, variables, *arguments)


def test_batch_stats_must_be_mutable_to_be_updated():
    variables = init(layers.batch_norm, streams(), x)
    with pytest.raises(ValueError, match="'batch_stats' must be among mutable"):
        apply(layers.batch_norm, variables, x)


def test_no_module_maps(monkeypatch):
    def refuse(self, primitive, *arguments):
        raise AssertionError(f"{primitive} was mapped")

    monkeypatch.setattr(BatchTrace, "process_primitive", refuse)
    jax.clear_caches()  # a function that maps inside would go unseen if it were already traced
    for case in CASES.values():
        call = {"rngs": streams(), "mutable": "batch_stats"}
        traced = partial(apply, case.module, **call)
        jax.eval_shape(traced, jax.eval_shape(partial(start, case)), *inputs(case, np.float32))
    with pytest.raises(AssertionError, match="sin was mapped"):
        jax.vmap(jax.lax.sin)(jnp.ones(2))
