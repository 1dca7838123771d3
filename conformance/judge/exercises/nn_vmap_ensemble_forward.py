"""Lift `nn.Dense` over a batch with a Dense of its own for every example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import dense, rounded
from conformance.judge.exercises.exercise import Arguments, Exercise, Finding, Pitfall
from conformance.judge.exercises.other_arguments import other_features, other_seeds
from conformance.judge.exercises.rounded import flat, moved
from reference import keys
from reference.error_bounds.evaluate import Rounded


def reference(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    """The outputs with one Dense per example, flattened to (B * features,), and their error bounds."""
    return flat(dense.ensemble(jax.random.PRNGKey(seed), x_batch, features))


def _shared(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    return flat(dense.shared(jax.random.PRNGKey(seed), x_batch, features))


def _features_first(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    result = dense.ensemble(jax.random.PRNGKey(seed), x_batch, features)
    return moved(result, lambda leaf: leaf.T.ravel())


def _mapped_over_inputs(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    return flat(dense.ensemble(jax.random.PRNGKey(seed), x_batch.T.copy(), features))


def _mapped_over_inputs_and_out(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    result = dense.ensemble(jax.random.PRNGKey(seed), x_batch.T.copy(), features)
    return moved(result, lambda leaf: leaf.T.ravel())


def _row_zero(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    rows = np.broadcast_to(x_batch[:1], x_batch.shape)
    return flat(dense.ensemble(jax.random.PRNGKey(seed), rows, features))


def _all_pairs(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    split = jax.random.split(jax.random.PRNGKey(seed), len(x_batch))
    members = [dense.params(key, x_batch.shape[1], features) for key in split]
    return flat(
        dense.answers(
            [each for each in members for _ in x_batch],
            np.tile(x_batch, (len(members), 1)),
            features,
        )
    )


def _averaged(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    """Every example with the mean of what all members give for it."""
    split = jax.random.split(jax.random.PRNGKey(seed), len(x_batch))
    every = [dense.shared(key, x_batch, features).value for key in split]
    return rounded.roughly(np.mean(every, axis=0).astype(np.float32).ravel())


def _first_member(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    first = jax.random.split(jax.random.PRNGKey(seed), len(x_batch))[0]
    return flat(dense.shared(first, x_batch, features))


def _chained(key: Any, size: int, kept: int) -> list[Any]:
    """A key for each member, split from what the one before left; `kept` is the half that goes on."""
    found = []
    for _ in range(size):
        halves = jax.random.split(key)
        key = halves[kept]
        found.append(halves[1 - kept])
    return found


def _derived(number: int) -> Any:
    def wrong(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
        key, size = jax.random.PRNGKey(seed), len(x_batch)
        first, second = jax.random.split(key)
        ways = (
            lambda: [jax.random.fold_in(key, i) for i in range(size)],
            lambda: jax.random.split(first, size),
            lambda: jax.random.split(second, size),
            lambda: [jax.random.PRNGKey(seed + i) for i in range(size)],
            lambda: list(jax.random.split(key, size))[::-1],
            lambda: jax.random.split(key, size + 1)[1:],
            lambda: _chained(key, size, 0),
            lambda: _chained(key, size, 1),
            lambda: jax.random.split(jax.random.PRNGKey(seed + 1), size),
            lambda: np.roll(jax.random.split(key, size), 1, 0),
            lambda: np.roll(jax.random.split(key, size), -1, 0),
        )
        inputs = x_batch.shape[1]
        members = [dense.params(k, inputs, features) for k in ways[number]()]
        return flat(dense.answers(members, x_batch, features))

    return wrong


def _inside(path: tuple[str, ...]) -> Pitfall:
    def wrong(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
        split = jax.random.split(jax.random.PRNGKey(seed), len(x_batch))
        members = [dense.params_inside(path, key, x_batch.shape[1], features) for key in split]
        return flat(dense.answers(members, x_batch, features))

    return dense.drawn_inside(path, wrong)


def suspects(notes: Mapping[str, Any]) -> tuple[Pitfall, ...]:
    """The places inside other modules where `init` was seen to draw kernels."""
    paths = dense.paths_inside(notes)
    others = (each for path in paths for each in dense.other_initializers(True, path))
    return (*map(_inside, paths), *others)


def _jit_of_the_lift(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    handed = jax.random.split(keys.derive(jax.random.PRNGKey(seed), (), 1), len(x_batch))
    members = [dense.params_handed(key, x_batch.shape[1], features) for key in handed]
    return flat(dense.answers(members, x_batch, features))


def _lift_of_the_jit(seed: int, x_batch: np.ndarray, features: int) -> Rounded:
    split = jax.random.split(jax.random.PRNGKey(seed), len(x_batch))
    members = [dense.params_under_jit(key, x_batch.shape[1], features) for key in split]
    return flat(dense.answers(members, x_batch, features))


def _in_64_bits(seed: int, x_batch: np.ndarray, features: int) -> Rounded | None:
    key = dense.key_of_64_bits(seed)
    return None if key is None else flat(dense.ensemble(key, x_batch, features))


def observe(arguments: Arguments, notes: Mapping[str, Any]) -> Finding | None:
    """A Dense without bias."""
    return dense.without_bias(notes)


OPTIONS = (
    Pitfall(
        "keys-split-while-shared",
        "Every example was to draw parameters from a key of its own, but they are shared.",
        "Give them an axis of examples: `variable_axes={'params': 0}`, with `split_rngs={'params': True}`.",
    ),
    Pitfall(
        "params-not-declared",
        "The lifted module was not told what becomes of its parameters.",
        "Name the collection: `variable_axes={'params': 0}` gives every example its own.",
    ),
    Pitfall(
        "keys-not-declared",
        "The lifted module was given no key to draw its parameters from.",
        "Name the stream: `split_rngs={'params': True}` gives every example a key of its own.",
    ),
)
"""Options of `nn.vmap` that an error tells of."""

SOLUTION = """\
import flax.linen as nn
import jax


def nn_vmap_ensemble_forward(seed, x_batch, features):
    mapped = nn.vmap(
        nn.Dense, in_axes=0, out_axes=0, variable_axes={"params": 0}, split_rngs={"params": True}
    )
    layer = mapped(features)
    variables = layer.init(jax.random.PRNGKey(seed), x_batch)
    return layer.apply(variables, x_batch).reshape(-1)
"""

EXERCISE = Exercise(
    name="nn_vmap_ensemble_forward",
    signature="nn_vmap_ensemble_forward(seed, x_batch, features)",
    task="lift nn.Dense over axis 0 with one Dense per example, apply, return it flattened",
    law="sharing.ensemble-members",
    shapes=dense.SHAPES,
    draw=dense.draw,
    reference=reference,
    solution=SOLUTION,
    suspects=suspects,
    observe=observe,
    expects_lift=True,
    also_right=(_in_64_bits, _jit_of_the_lift, _lift_of_the_jit),
    pitfalls=(
        Pitfall(
            "params-not-mapped",
            "Every example was given the same weights.",
            "Use `variable_axes={'params': 0}` and `split_rngs={'params': True}`: with keys "
            "unsplit the copies are identical.",
            _shared,
        ),
        *OPTIONS,
        dense.BIAS_MISSING,
        Pitfall(
            "wrong-out-axes",
            "The values are right but in features-first order.",
            "Keep the examples first: `out_axes=0`, and no `.T` or `transpose` before flattening.",
            _features_first,
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
            "every-member-on-every-example",
            "Every member was applied to every example.",
            "Map the parameters and the examples together: `jax.vmap(layer.apply)(variables, x_batch)`, "
            "with `in_axes=(0, 0)`.",
            _all_pairs,
        ),
        Pitfall(
            "ensemble-averaged",
            "Every example was given the mean of what all members answer to it.",
            "Apply member i to example i alone: map the parameters and `x_batch` together, `in_axes=(0, 0)`.",
            _averaged,
        ),
        Pitfall(
            "first-member-only",
            "Every example was given the first member's weights.",
            "Map the parameters along with the examples: no `[0]` of them.",
            _first_member,
        ),
        dense.squeezed(reference),
        Pitfall(
            "row-zero-broadcast",
            "Every member was given the first example.",
            "Map `x_batch` along with the parameters: `in_axes=0`.",
            _row_zero,
        ),
        *(
            Pitfall(
                "wrong-key-derivation",
                "Member i was drawn from another key than the i-th of B split from the seed's.",
                "Let `nn.vmap` split the key, or `jax.random.split(jax.random.PRNGKey(seed), B)`.",
                _derived(number),
            )
            for number in range(11)
        ),
        *map(_inside, (("VmapDense_0",), ("Dense_0",))),
        *dense.other_initializers(ensemble=True),
        dense.SEED_OVERFLOWS,
    ),
    rare_pitfalls=(
        *other_features(reference),
        *other_seeds(reference),
        *dense.other_bias_initializers(ensemble=True),
    ),
    further_reading=(
        "https://flax.readthedocs.io/en/latest/guides/parallel_training/ensembling.html",
        "https://flax.readthedocs.io/en/latest/api_reference/flax.linen/transformations.html",
    ),
)
