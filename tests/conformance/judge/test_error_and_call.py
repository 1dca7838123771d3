"""Errors that need the line that raised, the call or the exercise to be told apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from conformance.judge.diagnosis import of_error
from conformance.judge.exercises import load_exercises
from conformance.judge.expected_answers import Call
from conformance.judge.removed_apis import of_removed
from tests.conformance.judge.wrong_answers import IMPORTS

SHARED = "nn_vmap_forward(seed, x, features)"
ENSEMBLE = "nn_vmap_ensemble_forward(seed, x, features)"
NETWORK = "neural_network(params, x)"
BY_PLACE = "return run(nn.vmap(nn.Dense, {})(features), key_of(seed), x).reshape(-1)"
IN_THIS_FUNCTION = "return (3).items()"
TOLD: dict[str, tuple[str, str, str | None, str]] = {
    "axes-as-in-jax.vmap": (
        ENSEMBLE,
        BY_PLACE.format("0, 0, {'params': 0}, {'params': True}"),
        "lift-options-by-place",
        "variable_axes",
    ),
    "two-axes": (SHARED, BY_PLACE.format("0, 0"), "lift-options-by-place", "variable_axes"),
    "none-first": (SHARED, BY_PLACE.format("None, 0"), "lift-options-by-place", "variable_axes"),
    "split-is-true": (
        SHARED,
        BY_PLACE.format("variable_axes={'params': None}, split_rngs=True"),
        "lift-options-by-place",
        "split_rngs",
    ),
    "output-and-variables": (
        SHARED,
        (
            "layer = nn.Dense(features)\n"
            "    variables = layer.init_with_output(key_of(seed), x)\n"
            "    return layer.apply(variables, x)"
        ),
        "variables-in-no-dict",
        "init_with_output",
    ),
    "items-of-a-number": (SHARED, IN_THIS_FUNCTION, None, ""),
    "shared-with-keys-split": (
        SHARED,
        "return run(lift(features, split=True), key_of(seed), x).reshape(-1)",
        "keys-split-while-shared",
        "`split_rngs={'params': False}`",
    ),
    "members-shared-with-keys-split": (
        ENSEMBLE,
        "return run(lift(features, split=True), key_of(seed), x).reshape(-1)",
        "keys-split-while-shared",
        "`variable_axes={'params': 0}`",
    ),
    "members-not-declared": (
        ENSEMBLE,
        (
            "layer = nn.vmap(nn.Dense, in_axes=0, out_axes=0, split_rngs={'params': True})(features)\n"
            "    return run(layer, key_of(seed), x)"
        ),
        "params-not-declared",
        "`variable_axes={'params': 0}`",
    ),
    "members-without-keys": (
        ENSEMBLE,
        (
            "layer = nn.vmap(nn.Dense, variable_axes={'params': 0}, split_rngs={})(features)\n"
            "    return run(layer, key_of(seed), x)"
        ),
        "keys-not-declared",
        "`split_rngs={'params': True}`",
    ),
    "none-for-the-squares": (
        "vectorized_square(x)",
        "return jax.vmap(lambda v: v * v, out_axes=None)(x)",
        "none-for-what-differs",
        "`out_axes=0`",
    ),
    "first-and-last-layer": (
        NETWORK,
        (
            "x = jnp.tanh(x @ params[0][0] + params[0][1])\n"
            "    return jnp.tanh(x @ params[-1][0] + params[-1][1]) if len(params) > 1 else x"
        ),
        "layers-do-not-follow",
        "in their order",
    ),
    "layers-backwards": (NETWORK, "return network(params[::-1], x)", "layers-do-not-follow", ""),
    "layers-transposed": (
        NETWORK,
        "for w, b in params:\n        x = jnp.tanh(x @ w.T + b)\n    return x",
        "factors-do-not-fit",
        "no `.T`",
    ),
    "layers-of-another-call": (
        NETWORK,
        "held = globals().setdefault('held', list(params))\n    return network(held, x)",
        "sizes-of-another-call",
        "outside the function",
    ),
    "cut-to-an-integer": (
        "parallel_scale(x, factor)",
        "return jax.pmap(lambda v, f: v * f, in_axes=(0, None))(x, int(factor))",
        "integer-too-large",
        "`int(...)`",
    ),
    "config-module": (
        "vectorized_square(x)",
        "from jax.config import config\n    return x * x",
        "removed-api",
        "`jax.config.update(...)`",
    ),
    "misspelt": (
        "vectorized_square(x)",
        "return jax.vmapp(lambda v: v * v)(x)",
        "no-such-name",
        "spelling",
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_an_error_is_told_with_its_own_remedy(name: str, judge: Callable) -> None:
    signature, body, pitfall, remedy = TOLD[name]
    (verdict,) = judge(f"{IMPORTS}\ndef {signature}:\n    {body}\n", examples=100)
    assert verdict.verdict in ("error", "violates"), verdict
    found = verdict.diagnosis
    assert (None if found is None else found.pitfall) == pitfall, verdict
    assert found is None or remedy in f"{found.symptom} {found.fix}", found


PRODUCT = "dot_general requires contracting dimensions to have the same shape, got ({},) and ({},)."


def _call(*sizes: int, examples: int = 5) -> Call:
    params = [(np.ones((i, o)), np.ones(o)) for i, o in itertools.pairwise(sizes)]
    return Call(0, 0, {"params": params, "x": np.ones((examples, sizes[0]))})


@pytest.mark.parametrize(
    ("met", "call", "right", "pitfall"),
    [
        ((18, 2), _call(20, 18, 2, 3), [_call(2, 3)], "layers-do-not-follow"),
        ((18, 2), _call(20, 18, 2, 3), [], "factors-do-not-fit"),
        ((18, 2), _call(20, 18, 2, 3), [_call(3, 3)], "factors-do-not-fit"),
        ((2, 3), _call(2, 3), [_call(1, 1)], "factors-do-not-fit"),
        ((2, 20), _call(2, 3), [], "sizes-of-another-call"),
        ((10, 2), _call(2, 3), [], "factors-do-not-fit"),  # all examples in one row
        ((2, 4), _call(2, 3), [], "factors-do-not-fit"),  # a column of ones beside the others
    ],
)
def test_a_product_is_read_with_the_call(
    met: tuple[int, int], call: Call, right: list[Call], pitfall: str
) -> None:
    error: dict[str, Any] = {"type": "TypeError", "message": PRODUCT.format(*met), "frames": []}
    found = of_error(error, load_exercises()["neural_network"], call, right)
    assert found is not None
    assert found.pitfall == pitfall


@pytest.mark.parametrize(
    ("text", "pitfall", "words"),
    [
        ("No module named 'jax.experimental.maps'", "removed-api", "`jax.pmap`"),
        ("cannot import name 'xmap' from 'jax.experimental.maps' (x.py)", "removed-api", "shard_map"),
        ("module 'jax' has no attribute 'tree_map'", "removed-api", "`jax.tree.map`"),
        ("module 'jax.ops' has no attribute 'index_update'", "removed-api", "x.at[index].set"),
        ("No module named 'flax.optim'", "removed-api", "Optax"),
        ("jax.numpy.fix was deprecated in JAX v0.9.0, and will be removed", "removed-api", "jax.numpy.trunc"),
        ("No module named 'jax.config'", "removed-api", "jax.config.update"),
        ("cannot import name 'Primitive' from 'jax.core'", "removed-api", "`jax.extend.core.Primitive`"),
        ("jax.something was removed in JAX v0.4.26", "removed-api", "the message"),
        ("cannot import name 'vmpa' from 'jax' (jax/__init__.py)", "no-such-name", "`jax.vmpa`"),
        ("No module named 'jaxtyping'", None, ""),
        ("module 'numpy' has no attribute 'product'", None, ""),
    ],
)  # fmt: skip
def test_a_name_that_is_gone_is_told_with_its_successor(
    text: str, pitfall: str | None, words: str
) -> None:
    found = of_removed(f"AttributeError: {text}")
    assert (None if found is None else found.pitfall) == pitfall
    assert found is None or words in f"{found.symptom} {found.fix}"
