"""Wrong solutions, and what the judge has to recognise in each."""

from __future__ import annotations

import attrs

IMPORTS = """\
import jax, jax.numpy as jnp, numpy as np, flax.linen as nn
def lift(features, in_axes=0, out_axes=0, params=None, split=False, **options):
    return nn.vmap(nn.Dense, in_axes=in_axes, out_axes=out_axes, variable_axes={"params": params},
                   split_rngs={"params": split})(features, **options)
def run(layer, key, x):
    return layer.apply(layer.init(key, x), x)
def key_of(seed):
    return jax.random.PRNGKey(seed)
def right(seed, x, features):
    return run(lift(features), key_of(seed), x).reshape(-1)
def ensemble(seed, x, features):
    return run(lift(features, params=0, split=True), key_of(seed), x).reshape(-1)
def network(params, x):
    for w, b in params:
        x = jnp.tanh(jnp.dot(x, w) + b)
    return x
def loss(params, x, y):
    return jnp.mean((network(params, x) - y) ** 2)
"""


@attrs.frozen
class WrongAnswer:
    """A wrong body of a function, and what the judge has to recognise in it, if anything.

    "none" is for what it must not mistake for a pitfall.
    """

    body: str
    diagnosis: str | None = None
    exercise: str = "nn_vmap_forward(seed, x, features)"
    verdicts: tuple[str, ...] = ("violates",)


def member(body: str, diagnosis: str | None = None) -> WrongAnswer:
    return WrongAnswer(body, diagnosis, "nn_vmap_ensemble_forward(seed, x, features)")


FLAT = ".reshape(-1)"
RIGHT = "return right(seed, x, features)"
LIFTED = "return run(lift({}), key_of(seed), x).reshape(-1)"

SPLIT = "keys-split-while-shared wrong-key-derivation none-for-what-differs"
"""Partitionable threefry: the first of any number of split keys is fold_in(key, 0)."""

WRONG: dict[str, WrongAnswer] = {
    # other modules and other frameworks
    "inside-a-module-of-another-name": WrongAnswer(
        "class Net(nn.Module):\n"
        "        @nn.compact\n"
        "        def __call__(self, x):\n"
        "            return lift(features, name='of_my_own')(x)\n"
        "    return run(Net(), key_of(seed), x).reshape(-1)",
        "wrong-key-derivation",
    ),
    "nnx-shared": WrongAnswer(
        "from flax import nnx\n"
        "    layer = nnx.Linear(x.shape[1], features, rngs=nnx.Rngs(seed))\n"
        "    return layer(x).reshape(-1)",
        "nnx-parameters",
    ),
    "column-vector": WrongAnswer("return x[:, None] ** 2", "column-vector", "vectorized_square(x)"),
    # sharing and splitting
    "ensemble": WrongAnswer(LIFTED.format("features, params=0, split=True"), "ensemble-params"),
    "copies": WrongAnswer(LIFTED.format("features, params=0"), "params-carry-batch-axis"),
    "copies-along-the-second-axis": WrongAnswer(
        LIFTED.format("features, params=1"), "params-carry-batch-axis"
    ),
    "copies-from-init-with-output": WrongAnswer(
        "layer = lift(features, params=0)\n"
        "    return layer.init_with_output(key_of(seed), x)[0].reshape(-1)",
        "params-carry-batch-axis",
    ),
    "split-while-shared": WrongAnswer(
        LIFTED.format("features, split=True"), "keys-split-while-shared", verdicts=("error",)
    ),
    "shared-from-split-key": WrongAnswer(
        "return run(nn.Dense(features), jax.random.split(key_of(seed), len(x))[0], x).reshape(-1)",
        SPLIT,
    ),
    "params-not-declared": WrongAnswer(
        "layer = nn.vmap(nn.Dense, in_axes=0, out_axes=0, split_rngs={'params': False})(features)\n"
        "    return run(layer, key_of(seed), x).reshape(-1)",
        "params-not-declared",
        verdicts=("error",),
    ),
    "keys-not-declared": WrongAnswer(
        "layer = nn.vmap(nn.Dense, in_axes=0, variable_axes={'params': None})(features)\n"
        "    return run(layer, key_of(seed), x).reshape(-1)",
        "keys-not-declared",
        verdicts=("error",),
    ),
    "params-mapped-at-one": WrongAnswer(
        LIFTED.format("features, params=1, split=True"), "ensemble-params"
    ),
    "ensemble-by-hand": WrongAnswer(
        "keys = jax.random.split(key_of(seed), len(x)); layer = nn.Dense(features)\n"
        "    return jnp.concatenate([run(layer, k, row) for k, row in zip(keys, x)])",
        "ensemble-params",
    ),
    # axes
    "in-axis-one": WrongAnswer(LIFTED.format("features, in_axes=1"), "wrong-in-axes"),
    "in-axis-last": WrongAnswer(LIFTED.format("features, in_axes=-1"), "wrong-in-axes"),
    "out-axis-one": WrongAnswer(LIFTED.format("features, out_axes=1"), "wrong-out-axes"),
    "out-axis-last": WrongAnswer(LIFTED.format("features, out_axes=-1"), "wrong-out-axes"),
    "both-axes-one": WrongAnswer(LIFTED.format("features, in_axes=1, out_axes=1")),
    "transposed-before-flattening": WrongAnswer(
        "return run(lift(features), key_of(seed), x).T.reshape(-1)", "wrong-out-axes"
    ),
    "flattened-in-fortran-order": WrongAnswer(
        "return np.asarray(run(lift(features), key_of(seed), x)).reshape(-1, order='F')",
        "wrong-out-axes",
    ),
    "not-flattened": WrongAnswer("return run(lift(features), key_of(seed), x)", "not-flattened"),
    "one-axis-too-many": WrongAnswer("return right(seed, x, features)[:, None]", "column-vector"),
    "reversed": WrongAnswer("return right(seed, x, features)[::-1]"),
    "examples-reversed": WrongAnswer("return right(seed, x[::-1], features)"),
    "row-zero": WrongAnswer(
        "return run(lift(features), key_of(seed), jnp.broadcast_to(x[:1], x.shape)).reshape(-1)",
        "row-zero-broadcast",
    ),
    "rolled": WrongAnswer("return right(seed, np.roll(x, 1, axis=0), features)"),
    # seeds and keys
    "seed-zero": WrongAnswer("return right(0, x, features)", "seed-ignored"),
    "seed-fixed": WrongAnswer("return right(42, x, features)", "seed-ignored"),
    "seed-plus-one": WrongAnswer("return right(seed + 1, x, features)", "wrong-key-derivation"),
    "first-of-two-keys": WrongAnswer(
        "return run(lift(features), jax.random.split(key_of(seed))[0], x).reshape(-1)",
        SPLIT,
    ),
    "second-of-two-keys": WrongAnswer(
        "return run(lift(features), jax.random.split(key_of(seed))[1], x).reshape(-1)",
        "wrong-key-derivation",
    ),
    "folded-in": WrongAnswer(
        "return run(lift(features), jax.random.fold_in(key_of(seed), 0), x).reshape(-1)",
        SPLIT,
    ),
    "inside-another-module": WrongAnswer(
        "class Model(nn.Module):\n"
        "        @nn.compact\n"
        "        def __call__(self, x): return lift(features)(x)\n"
        "    return run(Model(), key_of(seed), x).reshape(-1)",
        "wrong-key-derivation",
    ),
    "seed-without-sign": WrongAnswer("return right(abs(seed), x, features)"),
    "only-small-seeds": WrongAnswer("return right(seed % 2**31, x, features)"),
    "seed-as-float": WrongAnswer("return right(int(np.float32(seed)) % 2**32, x, features)"),
    "seed-overflows": WrongAnswer(
        "return right(int(np.array(seed, dtype=np.int32)), x, features)",
        None,
        verdicts=("violates", "error"),
    ),
    # dtype
    "float64": WrongAnswer(
        "return np.asarray(right(seed, x, features), np.float64)", "wrong-dtype"
    ),
    "bfloat16": WrongAnswer("return right(seed, x, features).astype(jnp.bfloat16)", "wrong-dtype"),
    "float16": WrongAnswer("return right(seed, x, features).astype(jnp.float16)", "wrong-dtype"),
    "bfloat16-inside": WrongAnswer(LIFTED.format("features, dtype=jnp.bfloat16"), "wrong-dtype"),
    "whole-numbers": WrongAnswer("return right(seed, x, features).astype(int)"),
    "float16-and-back": WrongAnswer(
        "return right(seed, x, features).astype(jnp.float16).astype(jnp.float32)"
    ),
    "inputs-rounded": WrongAnswer("return right(seed, np.float32(np.float16(x)), features)"),
    # bias and initialisers
    "no-bias": WrongAnswer(LIFTED.format("features, use_bias=False"), "bias-missing"),
    "ensemble-without-bias": member(
        "return run(lift(features, params=0, split=True, use_bias=False), key_of(seed), x)" + FLAT,
        "bias-missing",
    ),
    "bias-of-ones": WrongAnswer(LIFTED.format("features, bias_init=nn.initializers.ones")),
    "bias-drawn": WrongAnswer(LIFTED.format("features, bias_init=nn.initializers.normal()")),
    "kernel-normal": WrongAnswer(
        LIFTED.format("features, kernel_init=nn.initializers.normal(1.0)")
    ),
    "kernel-xavier": WrongAnswer(
        LIFTED.format("features, kernel_init=nn.initializers.xavier_normal()")
    ),
    "kernel-he": WrongAnswer(LIFTED.format("features, kernel_init=nn.initializers.he_normal()")),
    "kernel-uniform": WrongAnswer(
        LIFTED.format("features, kernel_init=nn.initializers.lecun_uniform()")
    ),
    "kernel-zeros": WrongAnswer(LIFTED.format("features, kernel_init=nn.initializers.zeros")),
    # what is computed
    "relu": WrongAnswer("return nn.relu(right(seed, x, features))"),
    "inputs-returned": WrongAnswer("return x.reshape(-1)"),
    "more-features": WrongAnswer(
        "return run(lift(features + 1), key_of(seed), x)[:, :features]" + FLAT
    ),
    "features-fixed": WrongAnswer("return right(seed, x, 4)"),
    "inputs-centred": WrongAnswer("return right(seed, x - x.mean(0), features)"),
    "mean-of-examples": WrongAnswer(
        "y = run(lift(features), key_of(seed), x); return jnp.broadcast_to(y.mean(0), y.shape)"
        + FLAT
    ),
    "params-returned": WrongAnswer("return lift(features).init(key_of(seed), x)"),
    "nothing-returned": WrongAnswer("right(seed, x, features)", "nothing-returned"),
    "squeezed": WrongAnswer(
        "return run(lift(features), key_of(seed), x).squeeze(0)", "none", verdicts=("error",)
    ),
    "list-of-rows": WrongAnswer(
        "return run(lift(features), key_of(seed), x).tolist()", "not-flattened"
    ),
    "applied-twice": WrongAnswer("return right(seed, x, features) * 2"),
    # only sometimes
    "only-one-example": WrongAnswer(
        "y = right(seed, x, features); return y * (1 if len(x) > 1 else 2)"
    ),
    "only-square-inputs": WrongAnswer(
        "return right(seed, x.T if x.shape[0] == x.shape[1] else x, features)"
    ),
    "only-one-input": WrongAnswer("y = right(seed, x, features); return y + (x.shape[1] == 1)"),
    "only-one-feature": WrongAnswer(
        "y = right(seed, x, features); return y if features > 1 else -y"
    ),
    "only-beyond-a-size": WrongAnswer(
        "y = right(seed, x, features); return y.at[64:].set(0.0) if y.size > 64 else y"
    ),
    "only-negative-seeds": WrongAnswer("return right(seed if seed >= 0 else 0, x, features)"),
    "only-the-last-feature": WrongAnswer(
        "y = run(lift(features), key_of(seed), x); return y.at[:, -1].add(1e-3)" + FLAT
    ),
    "some-hundred-ulps": WrongAnswer("return right(seed, x, features) * np.float32(1 + 3e-5)"),
    "ulps-on-one-value": WrongAnswer(
        "y = right(seed, x, features); return y.at[0].multiply(1 + 4e-5)"
    ),
    # conduct
    "input-changed": WrongAnswer(
        "y = np.asarray(right(seed, x.copy(), features)); x += 1; return y", "input-mutated"
    ),
    "random": WrongAnswer(
        "return right(seed, x, features) + np.random.rand()", "not-deterministic"
    ),
    "kept-between-calls": WrongAnswer(
        "held = globals().setdefault('held', {}); k = (x.shape, features)\n"
        "    held.setdefault(k, lift(features).init(key_of(seed), x))\n"
        "    return lift(features).apply(held[k], x).reshape(-1)",
    ),
    "removed-api": WrongAnswer(
        "return jax.tree_multimap(lambda y: y, right(seed, x, features))",
        "removed-api",
        verdicts=("error",),
    ),
    # the ensemble
    "ensemble-shared": member("return right(seed, x, features)", "params-not-mapped"),
    "ensemble-copies": member(LIFTED.format("features, params=0"), "params-not-mapped"),
    "ensemble-of-seeds": member(
        "layer = nn.Dense(features)\n    return jnp.concatenate([run(layer, key_of(seed + i), row) "
        "for i, row in enumerate(x)])",
        "wrong-key-derivation",
    ),
    "ensemble-features-first": member(
        LIFTED.format("features, params=0, split=True, out_axes=1"), "wrong-out-axes"
    ),
    "ensemble-over-inputs": member(
        LIFTED.format("features, params=0, split=True, in_axes=1"), "wrong-in-axes"
    ),
    "ensemble-reversed": member(
        "layer = nn.Dense(features); keys = jax.random.split(key_of(seed), len(x))[::-1]\n"
        "    return jnp.concatenate([run(layer, k, row) for k, row in zip(keys, x)])",
        "wrong-key-derivation",
    ),
    "ensemble-seed-ignored": member("return ensemble(7, x, features)", "seed-ignored"),
    "ensemble-row-zero": member(
        "return ensemble(seed, jnp.broadcast_to(x[:1], x.shape), features)", "row-zero-broadcast"
    ),
    "ensemble-not-flattened": member(
        "return ensemble(seed, x, features).reshape(len(x), -1)", "not-flattened"
    ),
    # the relatives
    "square-first": WrongAnswer(
        "return jnp.broadcast_to(x[0] ** 2, x.shape)", "row-zero-broadcast", "vectorized_square(x)"
    ),
    "dot-of-columns": WrongAnswer(
        "return (x * y).sum(0)", "wrong-in-axes", "vectorized_dot_product(x, y)"
    ),
    "dot-in-floats": WrongAnswer(
        "return (x.astype(np.float32) * y).sum(1)", "wrong-dtype", "vectorized_dot_product(x, y)"
    ),
    "dot-rounded-to-floats": WrongAnswer(
        "y = (x.astype(np.float32) * y.astype(np.float32)).sum(1)\n    return y.astype(x.dtype)",
        None,
        "vectorized_dot_product(x, y)",
    ),
    "dot-in-16-bits": WrongAnswer(
        "kind = np.int16 if x.dtype.kind == 'i' else np.float32\n"
        "    return (x.astype(kind) * y.astype(kind)).sum(1).astype(x.dtype)",
        None,
        "vectorized_dot_product(x, y)",
    ),
    "factor-rounded": WrongAnswer(
        "return jax.pmap(lambda v: v * round(factor, 2))(x)", None, "parallel_scale(x, factor)"
    ),
    "dot-of-every-pair": WrongAnswer(
        "return x @ y.T", "every-pair", "vectorized_dot_product(x, y)"
    ),
    "add-axes-ignored": WrongAnswer(
        "return jax.vmap(jnp.add, out_axes=out_axes)(a, b)",
        "wrong-in-axes shapes-do-not-fit",
        "vectorized_add(a, b, in_axes, out_axes)",
        ("violates", "error"),
    ),
    "add-out-axis-ignored": WrongAnswer(
        "return jax.vmap(jnp.add, in_axes=in_axes)(a, b)",
        "wrong-out-axes",
        "vectorized_add(a, b, in_axes, out_axes)",
    ),
    "linear-no-bias": WrongAnswer(
        "return inputs @ weights",
        "bias-missing",
        "vectorized_linear_layer(weights, biases, inputs)",
    ),
    "linear-all-mapped": WrongAnswer(
        "return jax.vmap(lambda w, b, x: x @ w + b)(weights, biases, inputs)",
        "wrong-in-axes",
        "vectorized_linear_layer(weights, biases, inputs)",
        ("error", "violates"),
    ),
    "linear-transposed": WrongAnswer(
        "return jnp.dot(inputs, weights.T) + biases",
        "factors-do-not-fit",
        "vectorized_linear_layer(weights, biases, inputs)",
        ("error",),
    ),
    "scalar-mapped": WrongAnswer(
        "return jax.pmap(lambda x, f: x * f)(x, factor)",
        "scalar-not-broadcast",
        "parallel_scale(x, factor)",
        ("error",),
    ),
    "more-than-the-devices": WrongAnswer(
        "return jax.pmap(lambda v: v ** 2)(jnp.tile(data, (9,) + (1,) * (data.ndim - 1)))",
        "more-elements-than-devices",
        "parallel_compute(data)",
        ("error",),
    ),
    "network-no-bias": WrongAnswer(
        "return network([(w, 0 * b) for w, b in params], x)",
        "bias-missing",
        "neural_network(params, x)",
    ),
    "network-last-linear": WrongAnswer(
        "return network(params[:-1], x) @ params[-1][0] + params[-1][1]",
        "last-layer-linear",
        "neural_network(params, x)",
    ),
    "network-linear-beyond-two-layers": WrongAnswer(
        "x = network(params[:2], x)\n"
        "    for w, b in params[2:]:\n        x = x @ w + b\n    return x",
        None,
        "neural_network(params, x)",
    ),
    "loss-summed": WrongAnswer(
        "return jnp.sum((network(params, x) - y) ** 2)",
        "summed-not-averaged",
        "loss_fn(params, x, y)",
    ),
    "keys-reused": WrongAnswer(
        "w, b = jax.random.split(key)\n"
        "    return [(jax.random.normal(w, (i, o)), jax.random.normal(b, (o,)))\n"
        "            for i, o in zip(layer_sizes, layer_sizes[1:])]",
        "wrong-key-derivation",
        "init_params(layer_sizes, key)",
    ),
    "update-uphill": WrongAnswer(
        "g = jax.grad(loss)(params, x, y)\n    return jax.tree_util.tree_map(lambda p, d: p + "
        "learning_rate * d, params, g)",
        "gradient-added",
        "update(params, x, y, learning_rate)",
    ),
    "params-changed-in-place": WrongAnswer(
        "g = jax.grad(loss)(params, x, y)\n"
        "    for i, (w, b) in enumerate(params):\n"
        "        params[i] = (w - learning_rate * g[i][0], b - learning_rate * g[i][1])\n"
        "    return params",
        "input-mutated",
        "update(params, x, y, learning_rate)",
    ),
    "params-static": WrongAnswer(
        "step = jax.jit(lambda p, x, y: jax.grad(loss)(p, x, y), static_argnums=0)\n"
        "    return step(params, x, y)",
        "unhashable-static-argument",
        "update(params, x, y, learning_rate)",
        ("error",),
    ),
    "gradient-not-averaged": WrongAnswer(
        "step = lambda p, x, y: jax.tree_util.tree_map(lambda a, g: a - learning_rate * g, p, "
        "jax.grad(loss)(p, x, y))\n    return jax.pmap(step, in_axes=(None, 0, 0))(params, x, y)",
        "gradient-not-averaged",
        "parallel_update(params, x, y, learning_rate)",
    ),
}
