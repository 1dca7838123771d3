"""Errors of Python itself and of one line of JAX are read, and those near them are told otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.judge.error_texts import of_text
from tests.conformance.judge.told_here import told_of_error

SQUARE, DOT = "vectorized_square(x)", "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
NETWORK, LOSS = "neural_network(params, x)", "loss_fn(params, x, y)"
DRAW = "init_params(layer_sizes, key)"
UPDATE = "update(params, x, y, learning_rate)"
PARALLEL = "parallel_update(params, x, y, learning_rate)"
SHARED = "nn_vmap_forward(seed, x, features)"
STEP = "[(w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, {})]"
LIFTED = "layer = lift(features)\n    variables = layer.init({}, x)\n    return layer.apply({}, x)"

TOLD: tuple[tuple[str, str, str | None], ...] = (
    (NETWORK, "return jnp.tanh(x @ params[0]['w'])", "pair-is-no-dict"),
    (NETWORK, "return jnp.tanh(x @ params[:, 0])", "list-is-no-array"),
    (NETWORK, "return params[0.5]", None),
    (DRAW, "return [layer_sizes[i + 1] for i in range(len(layer_sizes))]", "beyond-the-last-entry"),
    (SQUARE, "return jax.vmap(lambda v: v[0] ** 2)(x)", "too-many-indices"),
    (SQUARE, "return x[:, 0] ** 2", "too-many-indices"),
    (SQUARE, "return np.asarray(x)[99] ** 2", "fixed-size"),
    (DRAW, "return jax.random.split(jax.random.PRNGKey(key))", "key-of-a-key"),
    (SHARED, LIFTED.format("seed", "variables"), "seed-in-place-of-a-key"),
    (SHARED, LIFTED.format("{'dropout': key_of(seed)}", "variables"), "keys-not-declared"),
    (SHARED, LIFTED.format("key_of(seed)", "variables['params']"), "variables-in-no-dict"),
    (SHARED, "return jax.vmap(nn.Dense(features)).init(key_of(seed), x)",
     "module-mapped-as-a-function"),
    (SHARED, "return jax.vmap(nn.Dense(features)).parameters(x)", None),
    (DOT, "sum = 0\n    return jax.vmap(lambda a, b: sum(a * b))(x, y)", "no-function-called"),
    (LAYER, "return (inputs @ weights)(biases)", "no-function-called"),
    (LAYER, "return jax.vmap(inputs @ weights)(biases)", "array-in-place-of-function"),
    (NETWORK, "import math\n    return math.tanh(x @ params[0][0])", "array-in-place-of-a-number"),
    (SQUARE, "return jax.vmap(lambda v: float(v) ** 2)(x)", "branch-on-a-traced-value"),
    (NETWORK, "(w, b), (v, c) = params\n    return jnp.tanh(x @ w + b)", "taken-apart-otherwise"),
    (UPDATE, f"g = jax.grad(lambda x, p: loss(p, x, y))(x, params)\n    return {STEP.format('g')}",
     "taken-apart-otherwise"),
    (LAYER, "a, b = weights[:, 0], *biases\n    return a", None),
    (LAYER, ("out = jnp.zeros((len(inputs), 7))\n"
     "    return out.at[0].set(inputs[0] @ weights + biases)"), "place-of-another-shape"),
    (LAYER, "return weights.t() @ inputs + biases", "no-such-method"),
    (LAYER, "return jnp.asarray(weights).unsqueeze(0)", "no-such-method"),
    (LAYER, "return jax.vmap(lambda x: x.tanh())(inputs)", "no-such-method"),
    (LAYER, "return jnp.asarray(weights).wieghts", None),
    (NETWORK, ("both = jax.vmap(jax.vmap(lambda w, x: x @ w, (None, 0)), (None, 0))\n"
     "    return both(params[0][0], x)"), "number-in-a-product"),
    (PARALLEL, ("return jax.pmap(lambda p, x, y, r: p)"
     "([p for p, _ in params], x, y, learning_rate)"), "scalar-not-broadcast"),
)  # fmt: skip


@pytest.mark.parametrize(("signature", "body", "pitfall"), TOLD)
def test_a_line_that_raised_is_told(signature: str, body: str, pitfall: str | None) -> None:
    found = told_of_error(signature, body)
    assert (None if found is None else found.pitfall) == pitfall, found


@pytest.mark.parametrize(
    ("text", "pitfall"),
    [
        ("BdbQuit: ", "debugger-left-in"),
        ("SystemExit: 2", "ends-python"),
        ("TypeError: exit expected at most 1 argument", None),
        ("AttributeError: 'DynamicJaxprTracer' object has no attribute 't'", "no-such-method"),
        ("AttributeError: 'list' object has no attribute 't'", None),
        ("AttributeError: 'tuple' object has no attribute 'shape'", None),
        (("ValueError: One of pjit arguments implies that array axis 0 is partitioned 2 times, but the "
         "dimension size is 3"), "wrong-in-axes"),
        (("InvalidRngError: RNGs should be of shape (2,) or PRNGKey in Module VmapDense, but rngs are: "
         "{'params': None}"), "keys-not-declared"),
    ],
)  # fmt: skip
def test_a_text_is_told(text: str, pitfall: str | None) -> None:
    found = of_text(text, {})
    assert (None if found is None else found.pitfall) == pitfall, found


def test_the_words_name_what_the_call_takes() -> None:
    assert "(None, 0, 0, None)" in str(
        told_of_error(*next(t[:2] for t in TOLD if t[0] == PARALLEL))
    )
    skipped = "for w, b in params[1:]:\n        x = jnp.tanh(x @ w + b)\n    return x"
    found = told_of_error(NETWORK, skipped)
    assert found is not None
    assert "`params[1:]`, which leaves it out" in found.fix


def test_a_list_that_was_emptied_is_told_as_one(judge: Callable) -> None:
    body = (
        "while params:\n        w, b = params.pop(0)\n        x = jnp.tanh(x @ w + b)\n    return x"
    )
    (verdict,) = judge(f"import jax.numpy as jnp\ndef {NETWORK}:\n    {body}\n")
    assert verdict.diagnosis.pitfall == "input-mutated"
    assert "`pop`" in verdict.diagnosis.fix
