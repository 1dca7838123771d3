"""Errors whose sizes and lines say what is wrong, and those near them that must not be told so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from conformance.judge.diagnosis import of_error
from conformance.judge.exercises import load_exercises
from conformance.judge.expected_answers import Call
from tests.conformance.judge.told_here import told_of_error
from tests.conformance.judge.wrong_answers import IMPORTS

ADD = "vectorized_add(a, b, in_axes, out_axes)"
DOT = "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
SQUARE = "vectorized_square(x)"
NETWORK = "neural_network(params, x)"
LOSS = "loss_fn(params, x, y)"
UPDATE = "update(params, x, y, learning_rate)"
SHARED = "nn_vmap_forward(seed, x, features)"
ENSEMBLE = "nn_vmap_ensemble_forward(seed, x, features)"
LAYERS = "jax.vmap(lambda w, b, x: {}, in_axes={})(weights, biases, inputs)"
LIFTED = "layer = lift(features)\n    variables = layer.init(key_of(seed), x)\n    return {}"
COPIES = (
    "layer = nn.Dense(features)\n"
    "    v = jax.vmap(layer.init, in_axes=(0, None))(jax.random.split(key_of(seed), {}), x[0])\n"
    "    return jax.vmap(layer.apply)(v, {}).reshape(-1)"
)
STEP = "jax.tree_util.tree_map(lambda p, g: p - learning_rate * g, params, {})"

TOLD: tuple[tuple[str, str, str | None], ...] = (
    (ADD, "return jax.vmap(jnp.matmul, in_axes, out_axes)(a, b)", "another-operation"),
    (ADD, "return jax.vmap(jnp.add, in_axes[0], out_axes)(a, b)", "wrong-in-axes"),
    (ADD, "return jax.vmap(jnp.add, tuple(map(abs, in_axes)), out_axes)(a, b)", "wrong-in-axes"),
    (ADD, ("a, b = jnp.swapaxes(a, 0, in_axes[0]), jnp.swapaxes(b, 0, in_axes[1])\n"
     "    return jnp.swapaxes(a + b, 0, out_axes)"), "axes-swapped"),
    (ADD, "return a + b", "shapes-do-not-fit"),
    (DOT, "return jax.vmap(jnp.dot, in_axes=(0, None))(x, y)", "factors-do-not-fit"),
    (DOT, "return np.dot(x, y)", "factors-do-not-fit"),
    (DOT, "return jax.vmap(jnp.dot, in_axes=(0, 1))(x, y)", "wrong-in-axes"),
    (LAYER, "return " + LAYERS.format("x @ w + b", "(None, None, 1)"), "examples-multiplied"),
    (LAYER, "return weights @ inputs + biases", "factors-do-not-fit"),
    (LAYER, "return " + LAYERS.format("w @ x + b", "(None, None, 0)"), "factors-do-not-fit"),
    (LAYER, "return " + LAYERS.format("x @ w.T + b", "(None, None, 0)"), "factors-do-not-fit"),
    (LAYER, "return " + LAYERS.format("x * w + b", "(None, None, 0)"), "elementwise-product"),
    (LAYER, "return inputs * weights + biases", "elementwise-product"),
    (LAYER, "return inputs @ weights + biases[:, None]", "bias-as-a-column"),
    (LAYER, "return jnp.squeeze(inputs) @ weights + biases", "number-in-a-product"),
    (LAYER, "return inputs @ weights + biases[1:]", "shapes-do-not-fit"),
    (NETWORK, "return jax.vmap(network, in_axes=(None, 1))(params, x)", "examples-multiplied"),
    (NETWORK, "h = x\n    for w, b in params:\n        h = jnp.tanh(x @ w + b)\n    return h",
     "layers-do-not-follow"),
    (NETWORK, "for w, b in params:\n        x = jnp.tanh(w @ x + b)\n    return x",
     "examples-multiplied"),
    (NETWORK, "for w, b in params:\n        x = jnp.tanh(x @ w.T + b)\n    return x",
     "factors-do-not-fit"),
    (LOSS, "return jnp.mean((x - y) ** 2)", "network-not-applied"),
    (LOSS, "return jnp.mean(jax.vmap(lambda a, b: jnp.sum((a - b) ** 2))(x, y))", "network-not-applied"),
    (LOSS, "return jnp.mean((network(params, x) - y[:, 1:]) ** 2)", "shapes-do-not-fit"),
    (LOSS, "return jnp.mean((network(params, x)[:, 1:] - y) ** 2)", "shapes-do-not-fit"),
    (UPDATE, "return " + STEP.format("jax.value_and_grad(loss)(params, x, y)"), "value-and-gradient"),
    (UPDATE, "return " + STEP.format("tuple(jax.grad(loss)(params, x, y)[0])"), "value-and-gradient"),
    (UPDATE, "return " + STEP.format("jax.grad(loss, 1)(params, x, y)"), "one-array-as-gradient"),
    (SQUARE, "return jax.vmap(vectorized_square)(x)", "calls-itself"),
    (SQUARE, "return vectorized_square(x)", "calls-itself"),
    (SQUARE, "return jax.vmap(jax.vmap(lambda v: v * v))(x)", "one-map-too-many"),
    (LAYER, "return (inputs + biases) @ weights", "factors-do-not-fit"),
    (LAYER, "return jax.vmap(lambda x: (x[:, None] * weights).sum(1) + biases)(inputs)",
     "biases-meet-the-inputs"),
    (LAYER, "return inputs @ weights + biases[:-1]", "shapes-do-not-fit"),
    (SHARED, LIFTED.format("layer(x).reshape(-1)"), "module-without-parameters"),
    (SHARED, LIFTED.format("layer.apply(x).reshape(-1)"), "variables-in-no-dict"),
    (SHARED, ("layer = lift(features)\n    variables = layer.init(key_of(seed), x[0])\n"
     "    return layer.apply(variables, x).reshape(-1)"), "one-example-to-the-lift"),
    (SHARED, LIFTED.format("layer.apply(variables, x.reshape(x.shape[2], -1))"), None),
    (SHARED, "np.random.seed(seed)\n    return right(np.random.randint(99), x, features)", "numpy-random"),
    (SHARED, "return nn.vmap(nn.Dense, variable_axis={'params': None})(features)", "misspelt-option"),
    (SHARED, "return nn.vmap(nn.Dense, shared={'params': None})(features)", None),
    (SQUARE, "return jax.vmap(lambda v: v * v, in_axis=0)(x)", "misspelt-option"),
    (SQUARE, "return jax.vmap(lambda v: v * v, variable_axes=0)(x)", None),
    (ENSEMBLE, COPIES.format(8, "x"), "fixed-size"),
    (ENSEMBLE, COPIES.format("len(x)", "jnp.repeat(x, 6, 0)"), "fixed-size"),
    (ENSEMBLE, COPIES.format("x.shape[1]", "x"), "wrong-in-axes"),
    (ENSEMBLE, COPIES.format("len(x) + 1", "x"), "wrong-in-axes"),
)  # fmt: skip


@pytest.mark.parametrize(("signature", "body", "pitfall"), TOLD)
def test_an_error_is_told_by_its_sizes_and_lines(
    signature: str, body: str, pitfall: str | None
) -> None:
    found = told_of_error(signature, body)
    assert (None if found is None else found.pitfall) == pitfall, found


@pytest.mark.parametrize(
    ("devices", "entries", "sizes", "pitfall"),
    [
        (8, 1, (1, 1, 1), "fixed-size"),
        (8, 3, (3, 8, 2), "wrong-in-axes"),  # the call has an axis of 8
        (8, 16, (16, 1, 2), "more-elements-than-devices"),
    ],
)
def test_a_number_of_devices_that_no_argument_has_is_fixed(
    devices: int, entries: int, sizes: tuple[int, ...], pitfall: str
) -> None:
    text = f"implies that array axis 0 is partitioned {devices} times, but the dimension size is {entries}"
    error: dict[str, Any] = {"type": "IndivisibleError", "message": text, "frames": []}
    params = [(np.ones((sizes[-1], 1)), np.ones(1))]
    call = Call(0, 0, {"params": params, "x": np.ones(sizes), "y": np.ones((*sizes[:2], 1))})
    found = of_error(error, load_exercises()["parallel_update"], call)
    assert found is not None
    assert found.pitfall == pitfall


WHAT_CAME: dict[str, tuple[str, str | None, str]] = {
    SQUARE: ("answer = x * x,\n    return answer", "tuple-of-one", "tuple of 1 array"),
    DOT: ("return [(x * y).sum(1)]", "list-of-one", "list of 1 array"),
    LAYER: ("return 3 * (inputs @ weights + biases),", None, "tuple of 1 array"),
    NETWORK: (
        "return params, network(params, x)",
        "more-returned",
        "made of [[[array, array]], array]",
    ),
    LOSS: ("return loss(params, x, y), jnp.zeros(())", "more-returned", "tuple of 2 arrays"),
    SHARED: (
        "return lift(features).init(key_of(seed), x)",
        "variables-returned",
        "made of {params",
    ),
    ENSEMBLE: (
        "return {'weights': x, 'bias': seed}",
        None,
        "made of {bias: array, weights: array}",
    ),
}


def test_what_came_beside_the_answer_is_told(judge: Callable) -> None:
    bodies = "\n".join(f"def {name}:\n    {body}" for name, (body, _, _) in WHAT_CAME.items())
    told = {verdict.exercise: verdict for verdict in judge(f"{IMPORTS}\n{bodies}\n")}
    for signature, (_, pitfall, words) in WHAT_CAME.items():
        verdict = told[signature.partition("(")[0]]
        assert verdict.verdict == "violates"
        assert words in verdict.message, verdict
        found = verdict.diagnosis
        assert (None if found is None else found.pitfall) == pitfall, verdict
    got = told["vectorized_square"].counterexample.got
    assert isinstance(got, tuple)
    assert len(got) == 1


def test_rows_in_a_list_or_a_tuple_are_still_an_answer(judge: Callable) -> None:
    source = (
        f"{IMPORTS}\n"
        f"def {LAYER}:\n    return [x @ weights + biases for x in inputs]\n"
        f"def {NETWORK}:\n    return tuple(network(params, row) for row in x)\n"
        f"def {SQUARE}:\n    return [v * v for v in x]\n"
    )
    assert {verdict.verdict for verdict in judge(source)} == {"conforms"}


def test_a_mistake_that_nearly_vanishes_is_shown_where_it_does_not(judge: Callable) -> None:
    mean = "return jax.vmap(lambda a, b: (a * b).mean().astype(a.dtype))(x, y)"
    (verdict,) = judge(f"{IMPORTS}\ndef {DOT}:\n    {mean}\n")
    assert verdict.diagnosis.pitfall == "averaged-not-summed", verdict
    found = verdict.counterexample
    assert found.arguments["x"].shape[1] > 1, verdict
    assert np.max(np.abs(found.got - found.expected)) > 0.1 * np.max(np.abs(found.expected))
    (rounded,) = judge(f"{IMPORTS}\ndef {DOT}:\n    return (x * y).astype(np.float16).sum(1)\n")
    assert rounded.counterexample is not None
