"""A lifted `nn.Dense` of another size, or of another number for its key, than the arguments say."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from conformance.judge.exercises.exercise import Pitfall
from reference.error_bounds.evaluate import Rounded

SIZES_WRITTEN = (1, 2, 3, 4, 5, 8, 10, 16, 32, 64, 128)
"""Numbers of features that a file may have as a number."""


def _as_written(number: int, x_batch: np.ndarray, features: int) -> int:
    return number


def other_features(reference: Callable[..., Rounded]) -> tuple[Pitfall, ...]:
    """The pitfalls of layers with another number of features than the argument's.

    Args:
        reference: of the exercise.

    """
    written = (
        (f"{number} features, whatever is asked for", partial(_as_written, number))
        for number in SIZES_WRITTEN
    )
    ways: tuple[tuple[str, Callable[[np.ndarray, int], int]], ...] = (
        ("as many features as there are inputs", lambda x_batch, features: x_batch.shape[1]),
        ("as many features as there are examples", lambda x_batch, features: len(x_batch)),
        ("one feature more than asked for", lambda x_batch, features: features + 1),
        ("twice as many features as asked for", lambda x_batch, features: 2 * features),
        *written,
    )
    return tuple(
        Pitfall(
            "another-number-of-features",
            f"The layer has {which}.",
            "Use the argument: `nn.Dense(features)`, lifted as `nn.vmap(nn.Dense, ...)(features)`.",
            lambda seed, x_batch, features, count=count: reference(
                seed, x_batch, count(x_batch, features)
            ),
        )
        for which, count in ways
    )


def _remainder(number: int, seed: int) -> int:
    return seed % number


SEEDS: tuple[tuple[str, Callable[[int], int]], ...] = (
    *(
        (f"the seed's remainder by {number}", partial(_remainder, number))
        for number in (2, 10, 100, 256, 1000, 10_000, 2**16)
    ),
    ("the seed without its sign", abs),
    ("the seed with the other sign", lambda seed: -seed),
    ("twice the seed", lambda seed: 2 * seed),
    ("the seed's square", lambda seed: seed * seed % 2**32),
    ("one less than the seed", lambda seed: seed - 1),
)
"""What keys are made of in place of the seed."""


def other_seeds(reference: Callable[..., Rounded]) -> tuple[Pitfall, ...]:
    """The pitfalls of keys that are made of another number than the seed.

    Args:
        reference: of the exercise.

    """
    return tuple(
        Pitfall(
            "another-seed",
            f"The key is made of {which}.",
            "Give `jax.random.PRNGKey` the argument as it is: `jax.random.PRNGKey(seed)`.",
            lambda seed, x_batch, features, number=number: reference(
                number(seed), x_batch, features
            ),
        )
        for which, number in SEEDS
    )
