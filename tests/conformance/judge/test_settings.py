"""Settings of JAX in a file: those that change draws, or refuse what is right, stay as they are."""

from collections.abc import Callable

import pytest

SQUARE = "def vectorized_square(x):\n    return x * x\n"
SET = "import jax\nimport jax.numpy as jnp\n"
DRAWS = (
    "jax.config.update('jax_threefry_partitionable', False)\n"
    "jax.config.update('jax_default_prng_impl', 'rbg')\n"
    "jax.config.update('jax_random_seed_offset', 7)\n"
    "import flax.linen as nn\n"
    "def nn_vmap_forward(seed, x, features):\n    layer = nn.Dense(features)\n"
    "    return layer.apply(layer.init(jax.random.PRNGKey(seed), x), x).reshape(-1)\n"
)
REFUSALS = (
    "jax.config.update('jax_numpy_rank_promotion', 'raise')\n"
    "jax.config.update('jax_numpy_dtype_promotion', 'strict')\n"
    "jax.config.update('jax_transfer_guard', 'disallow')\n"
    "def parallel_scale(x, factor):\n"
    "    return jax.pmap(lambda v: v * factor * jnp.ones(1))(x)[:, 0]\n"
)


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [(DRAWS, "PRNGKey(seed)", "PRNGKey(seed + 1)"), (REFUSALS, "v * factor", "v + factor")],
    ids=["draws", "refusals"],
)
def test_a_file_is_judged_with_the_defaults(
    source: str, right: str, wrong: str, judge: Callable
) -> None:
    (verdict,) = judge(SET + source, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    assert source.count(right) == 1
    (verdict,) = judge(SET + source.replace(right, wrong), patience=20.0, name="wrong.py")
    assert verdict.verdict == "violates", verdict


def test_what_is_kept_is_named_and_nothing_else(judge: Callable) -> None:
    (verdict,) = judge(
        f"{SET}was = jax.config.jax_threefry_partitionable\n"
        "jax.config.update('jax_threefry_partitionable', not was)\n"
        "jax.config.update('jax_numpy_rank_promotion', 'allow')\n"
        f"jax.config.update('jax_enable_x64', True)\n{SQUARE}"
    )
    assert verdict.verdict == "conforms", verdict
    assert [each for each in verdict.remarks if "jax_" in each] == [
        "the file sets jax_threefry_partitionable: it was judged with JAX's default, as all files are"
    ]


def test_an_option_that_jax_does_not_have_is_the_files_own_error(judge: Callable) -> None:
    (verdict,) = judge(f"{SET}jax.config.update('jax_no_such_option', 1)\n{SQUARE}")
    assert verdict.verdict == "error", verdict
