"""randomness.*: what is drawn under a map."""

from typing import Any

import jax
import numpy as np

from properties import oracle
from properties.call import Call, FunctionCall
from properties.compare import Mismatch, assert_agrees, exactly
from properties.joint_compile import map_together
from properties.law import attribute_to, law
from properties.recipe import MAP, Recipe
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.subjects.draws import INEXACT
from properties.transform import Transform

DOCUMENTED = (
    "JAX documents that under a map keys of this PRNG do not draw what each draws alone: "
    "https://docs.jax.dev/en/latest/jax.random.html"
)


DIFFERENT = Recipe(
    "number of different results",
    result_code=lambda call: (
        f"rows = np.moveaxis(np.asarray(mapped(*arguments)), {call.axes[0].out_axes}, 0)\n"
        "got = np.array(len({row.tobytes() for row in rows}))"
    ),
)


def _one_device_per_example(transform: Transform) -> bool:
    """Whether every example has a device of its own, and no batching rule takes part."""
    return transform.max_batch_size() is not None


def maps_inexact_keys(transform: Transform, call: Call) -> bool:
    """Whether a module's streams are mapped with keys that JAX documents to draw otherwise then.

    The PRNG is the one that the user chose with JAX_DEFAULT_PRNG_IMPL.
    """
    if isinstance(call, FunctionCall) or _one_device_per_example(transform):
        return False
    draws_noise = any(stream != "params" for stream in call.subject.streams)
    maps_keys = draws_noise or any(call.split_rngs.values())
    config: Any = jax.config  # its options are attributes that it does not declare
    return maps_keys and config.jax_default_prng_impl in dict(INEXACT)


def _inexact(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.from_first is None or _one_device_per_example(transform):
        return None
    return DOCUMENTED


def _exact(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.from_first is None:
        return "keys of this PRNG draw under a map what they draw alone"
    return "each device draws from its own key" if _one_device_per_example(transform) else None


@law(
    "randomness.keys-draw-independently",
    tier="derived",
    cases=function_calls(unmapped="any"),
    kinds=("draw",),
    skip_if=_inexact,
)
def keys_draw_independently(transform: Transform, call: FunctionCall) -> None:
    """Each key draws what it draws alone, no two keys draw the same, and a shared key draws one result."""
    for axes, got in map_together(transform, call):
        single = call.only(axes)
        expected = oracle.of_function(single)
        with attribute_to(single, MAP):
            assert_agrees(got, expected)
        (leaf,) = jax.tree_util.tree_leaves(got)
        rows = np.moveaxis(np.asarray(leaf), axes.out_axes, 0)
        different = len({row.tobytes() for row in rows})
        expected_different = len(rows) if axes.in_axes[0] is not None else 1
        with attribute_to(single, DIFFERENT, expected=exactly(np.array(expected_different))):
            if different != expected_different:
                raise Mismatch(
                    "value",
                    f"{len(rows)} examples drew {different} different results, "
                    f"expected {expected_different}",
                    expected=expected.value,
                    got=np.asarray(leaf),
                    bound=expected.bound,
                )


@law("randomness.first-key-draws-for-all", cases=function_calls(), kinds=("draw",), skip_if=_exact)
def first_key_draws_for_all(transform: Transform, call: FunctionCall) -> None:
    """A batch of keys draws from its first key where JAX documents that it does."""
    for axes, got in map_together(transform, call):
        single = call.only(axes)
        expected = oracle.from_first(single)
        with attribute_to(single, MAP, expected=expected):
            assert_agrees(got, expected)
