"""What the two exercises on lifting `nn.Dense` share: drawing parameters and applying them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.judge.exercises import rounded
from conformance.judge.exercises.exercise import Finding, Pitfall, draw_seed
from conformance.judge.exercises.wide_floats import draw_wide_floats
from reference import keys, layers, scope
from reference.error_bounds.evaluate import Rounded
from reference.initializers import TRUNCATED_STDDEV

SHAPES: tuple[Mapping[str, int], ...] = tuple(
    {"examples": b, "inputs": i, "features": f}
    for b, i, f in (
        (3, 2, 4),
        (17, 3, 21),
        (1, 2, 4),
        (3, 3, 3),
        (4, 20, 1),
        (2, 3, 3),
        (1, 1, 1),
        (3, 1, 2),
    )
)
"""Sizes that share their kernel are two apart, in one process: what is compiled for one serves both."""


LIMITS = (np.float32(-2), np.float32(2))
"""Where the normal draws of a kernel are cut off, in standard deviations."""

BIAS_MISSING = Pitfall(
    "bias-missing",
    "The layer has no bias.",
    "Use `nn.Dense(features)` with its defaults; `use_bias` stays True.",
)


def squeezed(reference: Callable[..., Rounded]) -> Pitfall:
    """The pitfall of answers from which axes of size 1 were dropped, in place of all but one.

    Args:
        reference: of the exercise.

    """

    def wrong(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
        shape = (len(x_batch), features)
        return rounded.moved(
            reference(seed, x_batch, features), lambda leaf: leaf.reshape(shape).squeeze()
        )

    return Pitfall(
        "squeezed-not-flattened",
        "The answer lacks every axis of size 1, and the others are not joined.",
        "`squeeze` drops axes of size 1 and flattens nothing: write `.reshape(-1)` or `.flatten()`.",
        wrong,
    )


SEED_OVERFLOWS = Pitfall(
    "seed-overflows",
    "A seed beyond the range of int32 went through an array or a jitted argument.",
    "Call `jax.random.PRNGKey(seed)` with the Python integer, outside of `jit`.",
)


def draw(shape: Mapping[str, int], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: a seed, float32 `x_batch` (examples, inputs), and `features`."""
    return {
        "seed": draw_seed(random, turn),
        "x_batch": draw_wide_floats(random, turn, shape["examples"], shape["inputs"]),
        "features": shape["features"],
    }


@lru_cache(maxsize=64)
def _module(features: int, bias: bool = True) -> Any:
    return partial(layers.dense, features=features, use_bias=bias)


LARGEST_KERNEL = 64
"""Values of a kernel up to which one compiled program draws for all shapes."""


@lru_cache(maxsize=64)
def _draw(shape: tuple[int, ...]) -> Any:
    return jax.jit(lambda key: rounded.uniforms(keys.derive(key, (), 1), shape))


def _kernel(key: Any, shape: tuple[int, int]) -> np.ndarray:
    """The first draw of a module from the key, as `uniforms` gives it.

    With partitionable threefry a value depends on its place among the others and not on how many
    there are, so that one program serves. Source: `_threefry_random_bits_partitionable`, in JAX.
    """
    size = math.prod(shape)
    config: Any = jax.config  # whose options are no attributes for a type checker
    if size > LARGEST_KERNEL or not config.jax_threefry_partitionable:
        return np.asarray(_draw(shape)(key))
    return np.asarray(_draw((LARGEST_KERNEL,))(key))[:size].reshape(shape)


def params(key: Any, inputs: int, features: int) -> Any:
    """The draws behind `nn.Dense(features)` for one example of `inputs` values.

    Returns:
        Variables whose kernel, (inputs, features), holds the uniform numbers that it is drawn from.

    """
    kernel = _kernel(key, (inputs, features))
    return {"params": {"kernel": kernel, "bias": np.zeros(features, np.float32)}}


def params_inside(path: Sequence[str], key: Any, inputs: int, features: int) -> Any:
    """The draws behind a Dense at `path` inside another module, as `params` gives them."""

    def module(outer: scope.Scope, x: jax.Array) -> jax.Array:
        for name in path:
            outer = outer.child(name)
        return layers.dense(outer, x, features=features, kernel_init=rounded.uniforms)

    drawn = jax.device_get(scope.init(module, key, np.zeros(inputs, np.float32)))
    found = drawn["params"]
    for name in path:
        found = found[name]
    return {"params": found}


MAX_SUSPECTS = 4
"""Places of parameters that are tried."""


def paths_inside(notes: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The places of the kernels that `init` was seen to return inside other modules."""
    paths = {
        tuple(name.split("/"))[1:-1]
        for shapes in notes.get("inits", ())
        for name in shapes
        if name.startswith("params/") and name.endswith("/kernel") and name.count("/") < 8
    }
    return sorted(paths - {()})[:MAX_SUSPECTS]


def drawn_inside(path: Sequence[str], reference: Callable[..., Rounded]) -> Pitfall:
    """The pitfall of a Dense inside another module, whose names go into its keys.

    Args:
        path: the place of its parameters.
        reference: the answer to which that leads.

    """
    return Pitfall(
        "wrong-key-derivation",
        f"The weights are drawn inside another module, at `{'/'.join(path)}`, and that path goes "
        "into their key.",
        "Initialise the lifted `nn.Dense` itself instead of a module that contains it.",
        reference,
    )


def params_of_nnx(key: Any, inputs: int, features: int) -> Any:
    """The draws behind `nnx.Linear(inputs, features, rngs=nnx.Rngs(seed))`, as `params` gives them."""
    drawn = params_like(keys.derive_in_order(key, (), 1), inputs, features)
    return {"params": drawn}


def params_like(key: Any, inputs: int, features: int) -> Any:
    """A Dense's draws where its kernel is drawn from this very key."""
    uniform = rounded.uniforms(key, (inputs, features))
    return {"kernel": jax.device_get(uniform), "bias": np.zeros(features, np.float32)}


INITIALIZERS: dict[str, Callable[..., jax.Array]] = {
    **{
        name: getattr(jax.nn.initializers, name)()
        for name in (
            "glorot_normal",
            "glorot_uniform",
            "he_normal",
            "he_uniform",
            "lecun_uniform",
            "normal",
            "orthogonal",
            "uniform",
        )
    },
    "zeros": jax.nn.initializers.zeros,
    "ones": jax.nn.initializers.ones,
}


def _of_initializer(
    name: str, path: Sequence[str], members: Sequence[Any], x_batch: np.ndarray, features: int
) -> Rounded:
    """Example i with a kernel that another initialiser draws from the i-th of these keys, at a path."""
    shape = (x_batch.shape[1], features)
    drawn_from = [keys.derive(key, path, 1) for key in members]
    kernels = [INITIALIZERS[name](key, shape, jnp.float32) for key in drawn_from]
    pairs = zip(x_batch, np.asarray(kernels), strict=True)
    return rounded.flat(rounded.roughly(np.stack([x @ kernel for x, kernel in pairs])))


def _shared_of(
    name: str, path: Sequence[str], seed: int, x_batch: np.ndarray, features: int
) -> Rounded:
    members = [jax.random.PRNGKey(seed)] * len(x_batch)
    return _of_initializer(name, path, members, x_batch, features)


def _ensemble_of(
    name: str, path: Sequence[str], seed: int, x_batch: np.ndarray, features: int
) -> Rounded:
    members = jax.random.split(jax.random.PRNGKey(seed), len(x_batch))
    return _of_initializer(name, path, list(members), x_batch, features)


def other_initializers(ensemble: bool, path: Sequence[str] = ()) -> tuple[Pitfall, ...]:
    """The pitfalls of kernels that another initialiser than the default draws.

    Args:
        ensemble: whether each example has a key of its own.
        path: the place of the kernel inside another module, which goes into its key.

    """
    where, and_module = "", ""
    if path:
        where = f", inside another module, at `{'/'.join(path)}`"
        and_module = " Lift `nn.Dense` itself: the path goes into the kernel's key."
    return tuple(
        Pitfall(
            "another-initializer",
            f"The kernel comes from the initialiser `{name}`{where}.",
            "Leave `kernel_init` out: the task asks for `nn.Dense(features)` with its defaults."
            + and_module,
            partial(_ensemble_of if ensemble else _shared_of, name, path),
        )
        for name in INITIALIZERS
    )


BIAS_INITIALIZERS: dict[str, Callable[..., jax.Array]] = {
    "normal()": jax.nn.initializers.normal(),
    "normal(1.0)": jax.nn.initializers.normal(1.0),
    "normal(0.1)": jax.nn.initializers.normal(0.1),
    "uniform()": jax.nn.initializers.uniform(),
    "uniform(1.0)": jax.nn.initializers.uniform(1.0),
}
"""Of those that take a bias's shape, what tutorials write."""


def _biased(ensemble: bool, name: str, seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    """The right kernels, and biases that an initialiser draws: a module's second draw."""
    key, inputs = jax.random.PRNGKey(seed), x_batch.shape[1]
    members = list(jax.random.split(key, len(x_batch))) if ensemble else [key]
    variables = []
    for each in members:
        drawn = params(each, inputs, features)["params"]
        bias = BIAS_INITIALIZERS[name](keys.derive(each, (), 2), (features,), jnp.float32)
        variables.append({"params": {**drawn, "bias": np.asarray(bias)}})
    if ensemble:
        return rounded.flat(answers(variables, x_batch, features))
    return rounded.flat(answers_of_one(variables[0], x_batch, features))


def other_bias_initializers(ensemble: bool) -> tuple[Pitfall, ...]:
    """The pitfalls of biases that an initialiser draws, which are zeros by default.

    Args:
        ensemble: whether each example has a key of its own.

    """
    return tuple(
        Pitfall(
            "biases-drawn",
            f"The biases come from the initialiser `{name}`, where they begin at 0.",
            "Leave `bias_init` out: the task asks for `nn.Dense(features)` with its defaults.",
            partial(_biased, ensemble, name),
        )
        for name in BIAS_INITIALIZERS
    )


def params_under_jit(key: Any, inputs: int, features: int) -> Any:
    """The draws behind `nn.jit(nn.Dense)(features)`, as `params` gives them.

    `nn.jit` hands the module a key that it has drawn, and counts on. Source: `pack` and `jit` in
    `flax/core/lift.py` of Flax 0.12.8; in 0.8.5 `nn.jit` changes no key.
    """
    return params_handed(keys.derive(key, (), 1), inputs, features)


def params_handed(key: Any, inputs: int, features: int) -> Any:
    """The draws behind a Dense that `nn.jit` has handed this key, as `params` gives them."""
    return {"params": params_like(keys.derive(key, (), 2), inputs, features)}


def key_of_64_bits(seed: int) -> np.ndarray | None:
    """What `PRNGKey(seed)` is where `jax_enable_x64` is on; None where it is the same as ever.

    A negative seed has 64 bits then, the upper 32 of them ones. Source: `threefry_seed` in
    `jax/_src/prng.py`.
    """
    return None if seed >= 0 else np.asarray([2**32 - 1, seed % 2**32], np.uint32)


@lru_cache(maxsize=64)
def _apply(features: int) -> Any:
    module = _module(features)

    def apply(draws: Any, lower: jax.Array, upper: jax.Array, *rows: jax.Array) -> list[Any]:
        uniform = draws["params"]["kernel"]
        kernel = rounded.truncated_normal(uniform, lower, upper)
        kernel = kernel * (jnp.sqrt(jnp.float32(1 / len(uniform))) / TRUNCATED_STDDEV)
        params = {**draws["params"], "kernel": kernel}
        return [scope.apply(module, {"params": params}, x) for x in rows]

    return apply


def answers(variables: Sequence[Any], x_batch: np.ndarray, features: int) -> Rounded:
    """Example i applied with the parameters drawn as `variables[i]` says: (examples, features)."""
    pairs = zip(variables, x_batch, strict=True)
    applied = [rounded.evaluate(_apply(features), v, *LIMITS, x) for v, x in pairs]
    return rounded.each([Rounded(each.value[0], each.error[0]) for each in applied])


def answers_of_one(variables: Any, x_batch: np.ndarray, features: int) -> Rounded:
    """Every example applied with the same parameters, whose kernel is evaluated once."""
    applied = rounded.evaluate(_apply(features), variables, *LIMITS, *x_batch)
    return Rounded(np.stack(applied.value), np.stack(applied.error))


def shared(key: Any, x_batch: np.ndarray, features: int) -> Rounded:
    """Every example with the parameters drawn from `key`."""
    return answers_of_one(params(key, x_batch.shape[1], features), x_batch, features)


def ensemble(key: Any, x_batch: np.ndarray, features: int) -> Rounded:
    """Example i with the parameters drawn from the i-th split key."""
    keys = jax.random.split(key, len(x_batch))
    members = [params(k, x_batch.shape[1], features) for k in keys]
    return answers(members, x_batch, features)


def without_bias(notes: Mapping[str, Any]) -> Finding | None:
    """What `init` returned without a bias, which is zero, so that no answer shows that it is missing."""
    for shapes in notes.get("inits", ()):
        kernels = [name for name in shapes if name.endswith("kernel")]
        if kernels and not any(name.endswith("bias") for name in shapes):
            return Finding("sharing.equals-per-example", BIAS_MISSING.id, "init returned no bias")
    return None
