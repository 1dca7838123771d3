"""Answers that are almost right are told what they lack, and in which array of the answer."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from tests.conformance.judge.wrong_answers import IMPORTS


@attrs.frozen
class Nearly:
    """A body that is wrong, its diagnosis, how the message begins, and words of the remedy."""

    exercise: str
    body: str
    diagnosis: str | None
    message: str = ""
    remedy: str = ""


ADD = "vectorized_add(a, b, in_axes, out_axes)"
DOT = "vectorized_dot_product(x, y)"
UPDATE = "update(params, x, y, learning_rate)"
PARALLEL = "parallel_update(params, x, y, learning_rate)"
STEP = (
    "def step(p, x, y):\n"
    "        g = jax.lax.pmean(jax.grad(loss)(p, x, y), 'd')\n"
    "        return jax.tree_util.tree_map(lambda a, b: a - {}, p, g)\n"
    "    return jax.pmap(step, axis_name='d', in_axes=(None, 0, 0))(params, x, y)"
)

NEARLY = {
    "in-bfloat16": Nearly(
        DOT,
        "if x.dtype.kind == 'f':\n        x = x.astype(jnp.bfloat16).astype(x.dtype)\n"
        "    return (x * y).sum(1)",
        "not-accurate",
    ),
    "in-float16": Nearly(
        "vectorized_square(x)",
        "x = jnp.asarray(x, dtype=jnp.float16)\n    return (x * x).astype(jnp.float32)",
        "not-accurate",
        "",
        "`bfloat16`",
    ),
    "exp-of-a-log": Nearly(
        "vectorized_square(x)",
        "return jnp.exp(2 * jnp.log(jnp.abs(x)))",
        "not-accurate",
        "",
        "`exp` of a `log`",
    ),
    "layer-in-float16": Nearly(
        "vectorized_linear_layer(weights, biases, inputs)",
        "w, b, x = (jnp.asarray(each, jnp.float16) for each in (weights, biases, inputs))\n"
        "    return (x @ w + b).astype(jnp.float32)",
        "not-accurate",
    ),
    "four-examples": Nearly(
        DOT,
        "x, y = jnp.asarray(x), jnp.asarray(y)\n"
        "    return jnp.stack([jnp.dot(x[i], y[i]) for i in jnp.arange(4)])",
        "fixed-size",
        "shape",
    ),
    "one-example-too-many": Nearly(
        DOT, "return jnp.append(jnp.sum(x * y, axis=1), x[0, 0])", None, "shape"
    ),
    "infinite-from-one-on": Nearly(
        "vectorized_square(x)", "return jnp.where(abs(x) > 0.5, jnp.inf, x * x)", None
    ),
    "whole-numbers-in-float32": Nearly(
        DOT,
        "return jnp.sum(jnp.float32(x) * y, axis=1).astype(x.dtype)",
        "whole-numbers-rounded",
    ),
    "axis-by-its-size": Nearly(
        ADD,
        "return jax.vmap(jnp.add, in_axes=in_axes, out_axes=abs(out_axes))(a, b)",
        "axes-in-another-order",
        "shape",
    ),
    "key-used-twice": Nearly(
        "init_params(layer_sizes, key)",
        "out = []\n"
        "    for k, i, o in zip(jax.random.split(key, len(layer_sizes) - 1), layer_sizes, layer_sizes[1:]):\n"
        "        a, b = jax.random.split(k)\n"
        "        out.append((jax.random.normal(a, (i, o)), jax.random.normal(a, (o,))))\n"
        "    return out",
        "key-reused",
        "answer[0][1]: ",
    ),
    "averaged-twice": Nearly(
        PARALLEL,
        STEP.format("learning_rate * b / jax.lax.psum(1, 'd')"),
        "gradient-averaged-twice",
    ),
    "step-too-short": Nearly(PARALLEL, STEP.format("0.999 * learning_rate * b"), "not-accurate"),
    "another-step": Nearly(
        PARALLEL, STEP.format("0.9 * learning_rate * b"), "step-of-another-length"
    ),
    "last-bias-left": Nearly(
        UPDATE,
        "g = jax.grad(loss)(params, x, y)\n"
        "    new = [(w - learning_rate * c, b - learning_rate * d)\n"
        "           for (w, b), (c, d) in zip(params, g)]\n"
        "    return new[:-1] + [(new[-1][0], params[-1][1])] if len(params) > 2 else new",
        "some-left-unchanged",
        "answer[4][1]: ",
    ),
}


@pytest.mark.parametrize("name", NEARLY)
def test_an_answer_that_is_almost_right_is_told_what_it_lacks(name: str, judge: Callable) -> None:
    nearly = NEARLY[name]
    source = f"{IMPORTS}\ndef {nearly.exercise}:\n    {nearly.body}\n"
    (verdict,) = judge(source, examples=100, patience=20.0)
    assert verdict.verdict == "violates", verdict
    found = None if verdict.diagnosis is None else verdict.diagnosis.pitfall
    assert found == nearly.diagnosis, verdict
    assert verdict.counterexample.difference.startswith(nearly.message), verdict
    assert not nearly.remedy or nearly.remedy in verdict.diagnosis.fix, verdict
