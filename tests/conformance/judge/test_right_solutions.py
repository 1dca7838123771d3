"""Right solutions in many styles: none is refused, over the calls of twenty seeds."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from conformance.judge.exercises import load_exercises
from conformance.judge.expected_answers import Call, ExpectedAnswers, draw_calls
from conformance.judge.session import JudgeSession

IMPORTS = """\
import functools
import jax, jax.numpy as jnp, numpy as np, flax.linen as nn
SHARED = dict(in_axes=0, out_axes=0, variable_axes={"params": None}, split_rngs={"params": False})
"""
SEEDS, CALLS_OF_A_SEED = 20, 8

RIGHT: dict[str, str] = {
    "lifted": """\
layer = nn.vmap(nn.Dense, **SHARED)(features)
return layer.apply(layer.init(jax.random.PRNGKey(seed), x_batch), x_batch).reshape(-1)""",
    "lifted-and-jitted": """\
layer = nn.vmap(nn.Dense, **SHARED)(features)
key = jax.random.PRNGKey(seed)
both = jax.jit(lambda key, x: layer.apply(layer.init(key, x), x).reshape(-1))
return both(key, x_batch)""",
    "init-with-output": """\
layer = nn.vmap(nn.Dense, **SHARED)(features)
return jnp.ravel(layer.init_with_output(jax.random.PRNGKey(seed), x_batch)[0])""",
    "plain-dense": """\
layer = nn.Dense(features)
return layer.apply(layer.init(jax.random.PRNGKey(seed), x_batch), x_batch).flatten()""",
    "dense-from-one-row": """\
layer = nn.Dense(features)
variables = layer.init(jax.random.PRNGKey(seed), x_batch[0])
return layer.apply(variables, x_batch).reshape(x_batch.shape[0] * features)""",
    "vmap-of-apply": """\
layer = nn.Dense(features)
variables = layer.init(jax.random.PRNGKey(seed), x_batch[0])
return jax.vmap(layer.apply, in_axes=(None, 0))(variables, jnp.asarray(x_batch)).reshape(-1)""",
    "jitted-vmap-of-apply": """\
layer = nn.Dense(features)
variables = jax.jit(layer.init)(jax.random.PRNGKey(seed), x_batch[0])
return jax.jit(jax.vmap(layer.apply, in_axes=(None, 0)))(variables, x_batch).ravel()""",
    "python-loop": """\
layer = nn.Dense(features)
variables = layer.init(jax.random.PRNGKey(seed), x_batch[0])
return jnp.concatenate([layer.apply(variables, x) for x in x_batch])""",
    "scan": """\
layer = nn.Dense(features)
variables = layer.init(jax.random.PRNGKey(seed), x_batch[0])
return jax.lax.scan(lambda c, x: (c, layer.apply(variables, x)), 0, jnp.asarray(x_batch))[1].ravel()""",
    "lax-map": """\
layer = nn.Dense(features)
variables = layer.init(jax.random.PRNGKey(seed), x_batch[0])
return jax.lax.map(functools.partial(layer.apply, variables), jnp.asarray(x_batch)).ravel()""",
    "einsum-by-hand": """\
params = nn.Dense(features).init(jax.random.PRNGKey(seed), x_batch)["params"]
return (jnp.einsum("bi,io->bo", x_batch, params["kernel"]) + params["bias"]).reshape(-1)""",
    "numpy-by-hand": """\
params = nn.Dense(features).init(jax.random.PRNGKey(seed), x_batch)["params"]
return (x_batch @ np.asarray(params["kernel"]) + np.asarray(params["bias"])).ravel()""",
    "sums-of-products": """\
params = nn.Dense(features).init(jax.random.PRNGKey(seed), x_batch)["params"]
products = x_batch[:, :, None] * params["kernel"][None]
return (jnp.sum(products, axis=1) + params["bias"]).ravel()""",
    "float64-inside": """\
params = nn.Dense(features).init(jax.random.PRNGKey(seed), x_batch)["params"]
exact = x_batch.astype(np.float64) @ np.asarray(params["kernel"], np.float64)
return exact.ravel().astype(np.float32)""",
    "negative-axes": """\
layer = nn.vmap(nn.Dense, **{**SHARED, "in_axes": -2, "out_axes": -2})(features)
return layer.apply(layer.init(jax.random.PRNGKey(seed), x_batch), x_batch).reshape(-1)""",
    "axis-moved-and-back": """\
layer = nn.vmap(nn.Dense, **{**SHARED, "in_axes": 1, "out_axes": 1})(features)
x = x_batch.T
return layer.apply(layer.init(jax.random.PRNGKey(seed), x), x).T.reshape(-1)""",
    "every-option-stated": """\
layer = nn.vmap(nn.Dense, variable_axes={"params": None}, split_rngs={"params": False},
                in_axes=(0,), out_axes=0, axis_size=x_batch.shape[0], axis_name="batch",
                methods=["__call__"])(features)
return layer.apply(layer.init(jax.random.PRNGKey(seed), x_batch), x_batch).reshape(-1)""",
    "typed-key": """\
layer = nn.vmap(nn.Dense, **SHARED)(features)
key = jax.random.key(seed)
return layer.apply(layer.init(key, x_batch), x_batch).reshape(-1)""",
    "streams-by-name": """\
layer = nn.vmap(nn.Dense, **SHARED)(features)
variables = layer.init({"params": jax.random.PRNGKey(seed)}, x_batch)
return np.asarray(layer.apply(variables, x_batch)).reshape(-1)""",
    "bound": """\
layer = nn.vmap(nn.Dense, **SHARED)(features)
return layer.bind(layer.init(jax.random.PRNGKey(seed), x_batch))(x_batch).reshape(-1)""",
    "list-of-numbers": """\
layer = nn.vmap(nn.Dense, **SHARED)(features)
return layer.apply(layer.init(jax.random.PRNGKey(seed), x_batch), x_batch).reshape(-1).tolist()""",
}


def source_of(body: str) -> str:
    lines = "\n    ".join(body.splitlines())
    return f"{IMPORTS}\n\ndef nn_vmap_forward(seed, x_batch, features):\n    {lines}\n"


def over_seeds(session: JudgeSession, name: str) -> ExpectedAnswers:
    """The calls of twenty seeds, one after another; of every other one those far from one."""
    exercise = session.exercises[name]
    calls: list[Call] = []
    for seed in range(SEEDS):
        first = CALLS_OF_A_SEED * (seed % 2)
        for call in draw_calls(exercise, first + CALLS_OF_A_SEED, seed)[first:]:
            calls.append(attrs.evolve(call, number=len(calls)))
    return ExpectedAnswers(exercise, calls)


@pytest.mark.parametrize("style", RIGHT)
def test_a_right_solution_is_never_refused(
    style: str, judge: Callable, sessions: Callable, best_level: str
) -> None:
    session = sessions(best_level, patience=30.0, only="nn_vmap_forward")
    if len(session.expectations) == 0:
        session.expectations["nn_vmap_forward"] = over_seeds(session, "nn_vmap_forward")
    (verdict,) = judge(source_of(RIGHT[style]), patience=30.0, only="nn_vmap_forward")
    assert verdict.verdict == "conforms", verdict
    assert verdict.calls == SEEDS * CALLS_OF_A_SEED
    assert verdict.shapes == 8


def test_there_are_as_many_styles_as_promised() -> None:
    assert len(set(RIGHT.values())) >= 15


@pytest.mark.parametrize("name", [n for n in load_exercises() if n != "nn_vmap_forward"])
def test_the_solution_of_an_exercise_conforms(name: str, judge: Callable) -> None:
    exercise = load_exercises()[name]
    (verdict,) = judge(exercise.solution, only=name, patience=30.0, examples=24)
    assert verdict.verdict == "conforms", verdict
    assert verdict.shapes >= 8
    assert verdict.remarks == ()
