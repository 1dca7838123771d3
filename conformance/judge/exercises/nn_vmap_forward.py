"""Lift `nn.Dense` over a batch with one set of parameters that every example shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import dense, rounded
from conformance.judge.exercises.exercise import Arguments, Exercise, Finding, Pitfall
from conformance.judge.exercises.other_arguments import other_features, other_seeds
from conformance.judge.exercises.rounded import flat, moved
from reference.error_bounds.evaluate import Rounded


def reference(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    """The outputs with shared parameters, flattened to (B * features,), and their error bounds."""
    return flat(dense.shared(jax.random.PRNGKey(seed), x_batch, features))


def _ensemble(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    return flat(dense.ensemble(jax.random.PRNGKey(seed), x_batch, features))


def _split(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    first = jax.random.split(jax.random.PRNGKey(seed), len(x_batch))[0]
    return flat(dense.shared(first, x_batch, features))


def _features_first(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    result = dense.shared(jax.random.PRNGKey(seed), x_batch, features)
    return moved(result, lambda leaf: leaf.T.ravel())


def _mapped_over_inputs(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    return flat(dense.shared(jax.random.PRNGKey(seed), x_batch.T.copy(), features))


def _not_flattened(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    return dense.shared(jax.random.PRNGKey(seed), x_batch, features)


def _mapped_over_inputs_and_out(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    result = dense.shared(jax.random.PRNGKey(seed), x_batch.T.copy(), features)
    return moved(result, lambda leaf: leaf.T.ravel())


def _row_zero(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    rows = np.broadcast_to(x_batch[:1], x_batch.shape)
    return flat(dense.shared(jax.random.PRNGKey(seed), rows, features))


WAYS: tuple[Callable[[Any, int], Any], ...] = (
    lambda key, seed: jax.random.split(key)[0],
    lambda key, seed: jax.random.split(key)[1],
    lambda key, seed: jax.random.fold_in(key, 0),
    lambda key, seed: jax.random.PRNGKey(seed + 1),
)
"""Keys that a detour leads to."""


def _derived(way: Callable[[Any, int], Any]) -> Callable[..., Rounded]:
    def wrong(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
        return flat(dense.shared(way(jax.random.PRNGKey(seed), seed), x_batch, features))

    return wrong


def _averaged(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    """Every example with the mean of an ensemble's weights."""
    members = jax.random.split(jax.random.PRNGKey(seed), len(x_batch))
    every = [
        dense.shared(key, x_batch, features).value for key in members
    ]  # each is linear in its weights
    return rounded.roughly(np.mean(every, axis=0).astype(np.float32).ravel())


def _inside(path: tuple[str, ...]) -> Callable[..., Rounded]:
    def wrong(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
        variables = dense.params_inside(path, jax.random.PRNGKey(seed), x_batch.shape[1], features)
        return flat(dense.answers_of_one(variables, x_batch, features))

    return wrong


def _of_nnx(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    key = jax.random.PRNGKey(seed)
    variables = dense.params_of_nnx(key, x_batch.shape[1], features)
    return flat(dense.answers_of_one(variables, x_batch, features))


def _of_nnx_each(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    keys = jax.random.split(jax.random.PRNGKey(seed), len(x_batch))
    members = [dense.params_of_nnx(key, x_batch.shape[1], features) for key in keys]
    return flat(dense.answers(members, x_batch, features))


def _under_jit(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    variables = dense.params_under_jit(jax.random.PRNGKey(seed), x_batch.shape[1], features)
    return flat(dense.answers_of_one(variables, x_batch, features))


def _in_64_bits(seed: int, x_batch: np.ndarray, features: int) -> Rounded | None:
    key = dense.key_of_64_bits(seed)
    return None if key is None else flat(dense.shared(key, x_batch, features))


def suspects(notes: Mapping[str, Any]) -> tuple[Pitfall, ...]:
    """The places inside other modules where `init` was seen to draw kernels."""
    paths = dense.paths_inside(notes)
    others = (each for path in paths for each in dense.other_initializers(False, path))
    return (*map(_drawn_inside, paths), *others)


def _drawn_inside(path: tuple[str, ...]) -> Pitfall:
    return dense.drawn_inside(path, _inside(path))


def observe(arguments: Arguments, notes: Mapping[str, Any]) -> Finding | None:
    """Parameters with an axis of the batch's size, identical or not; a Dense without bias."""
    batch, inputs = arguments["x_batch"].shape
    features = arguments["features"]
    copies = [[batch, inputs, features], [inputs, batch, features], [inputs, features, batch]]
    for shapes in notes.get("inits", ()):
        for name, shape in shapes.items():
            if batch > 1 and name.endswith("kernel") and list(shape) in copies:
                seen = (
                    f"init returned {name} of shape {tuple(shape)}, one copy per example; shared "
                    f"it has shape {(inputs, features)}"
                )
                return Finding("sharing.no-batch-axis", "params-carry-batch-axis", seen)
    return dense.without_bias(notes)


KEY_HAPPENED = "The weights are drawn from another key than the one `PRNGKey(seed)` gives."
KEY_CHANGE = "Pass `jax.random.PRNGKey(seed)` itself to `init`, unsplit and with nothing folded in."

ENSEMBLE = Pitfall(
    "ensemble-params",
    "Every example got weights of its own: the parameters were mapped and their keys split.",
    "Use `variable_axes={'params': None}` and `split_rngs={'params': False}`. Where `jax.vmap` maps `init`, "
    "call it once, by `PRNGKey(seed)` and `x_batch[0]`, and map `apply` alone, with `in_axes=(None, 0)`.",
    _ensemble,
)

SOLUTION = """\
import flax.linen as nn
import jax


def nn_vmap_forward(seed, x_batch, features):
    mapped = nn.vmap(
        nn.Dense,
        in_axes=0,
        out_axes=0,
        variable_axes={"params": None},
        split_rngs={"params": False},
    )
    layer = mapped(features)
    variables = layer.init(jax.random.PRNGKey(seed), x_batch)
    return layer.apply(variables, x_batch).reshape(-1)
"""

EXERCISE = Exercise(
    name="nn_vmap_forward",
    signature="nn_vmap_forward(seed, x_batch, features)",
    task="lift nn.Dense over axis 0 with shared parameters, initialise, apply, return it flattened",
    law="sharing.equals-per-example",
    shapes=dense.SHAPES,
    draw=dense.draw,
    reference=reference,
    solution=SOLUTION,
    observe=observe,
    suspects=suspects,
    expects_lift=True,
    also_right=(_in_64_bits, _under_jit),
    pitfalls=(
        ENSEMBLE,
        Pitfall(
            "params-carry-batch-axis",
            "The parameters have an axis of the batch's size: there is a copy for every example.",
            "Share them: `variable_axes={'params': None}` makes the kernel (in, features).",
        ),
        Pitfall(
            "keys-split-while-shared",
            "The parameters are shared, but drawn from the first of the keys split from the seed's.",
            "Leave the key whole: `split_rngs={'params': False}`, and `init` gets `jax.random.PRNGKey(seed)` "
            "itself, without `jax.random.split`.",
            _split,
        ),
        Pitfall(
            "wrong-in-axes",
            "The map ran over the inputs' axis instead of the examples'.",
            "Map axis 0 of `x_batch`: `in_axes=0`.",
            _mapped_over_inputs,
        ),
        Pitfall(
            "wrong-in-axes",
            "The map ran over the inputs' axis, and its results went to the second axis.",
            "Map axis 0 of `x_batch`, and keep the examples first: `in_axes=0, out_axes=0`.",
            _mapped_over_inputs_and_out,
        ),
        Pitfall(
            "wrong-out-axes",
            "The values are right but in features-first order.",
            "Keep the examples first: `out_axes=0`, and no `.T` or `transpose` before flattening.",
            _features_first,
        ),
        dense.squeezed(reference),
        Pitfall(
            "not-flattened",
            "The answer has shape (B, features).",
            "Return it flattened to (B * features,), for instance with `.reshape(-1)`.",
            _not_flattened,
        ),
        Pitfall(
            "row-zero-broadcast",
            "Every example was given the answer of the first one.",
            "Map `x_batch` itself instead of passing `x_batch[0]` on.",
            _row_zero,
        ),
        Pitfall(
            "ensemble-averaged",
            "Every example got weights of its own, and their mean was used.",
            "Draw one set: `variable_axes={'params': None}` and `split_rngs={'params': False}`.",
            _averaged,
        ),
        *(Pitfall("wrong-key-derivation", KEY_HAPPENED, KEY_CHANGE, _derived(way)) for way in WAYS),
        *(_drawn_inside((name,)) for name in ("VmapDense_0", "Dense_0")),
        Pitfall(
            "nnx-parameters",
            "The weights are those that `nnx.Rngs(seed)` gives: NNX draws them from other keys than "
            "Linen does.",
            "Lift Linen's `nn.Dense` with `nn.vmap` and initialise it with `PRNGKey(seed)`.",
            _of_nnx,
        ),
        Pitfall(
            "nnx-parameters",
            "Every example got an NNX layer of its own, with weights from a key of its own.",
            "Lift Linen's `nn.Dense` with `nn.vmap`, its parameters shared by "
            "`variable_axes={'params': None}`.",
            _of_nnx_each,
        ),
        dense.BIAS_MISSING,
        *dense.other_initializers(ensemble=False),
        dense.SEED_OVERFLOWS,
    ),
    rare_pitfalls=(
        *other_features(reference),
        *other_seeds(reference),
        *dense.other_bias_initializers(ensemble=False),
    ),
    further_reading=(
        "https://flax.readthedocs.io/en/latest/api_reference/flax.linen/transformations.html",
        "https://flax.readthedocs.io/en/latest/guides/flax_fundamentals/rng_guide.html",
    ),
)
