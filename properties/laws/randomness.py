"""What is drawn under a map."""

from typing import Any

import jax
import numpy as np

from properties import oracle as expected
from properties.call import Call, FunctionCall
from properties.compare import Mismatch, assert_agrees
from properties.joint_compile import map_together
from properties.law import attribute_to, law
from properties.recipe import MAP
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.subjects.draws import INEXACT
from properties.transform import Transform

DOCUMENTED = (
    "JAX documents that under a map keys of this PRNG do not draw what each draws alone: "
    "https://docs.jax.dev/en/latest/jax.random.html"
)


def _on_devices(transform: Transform) -> bool:
    """Each example is a device's own, and no batching rule has a part in it."""
    return transform.max_batch_size() is not None


def maps_inexact_keys(transform: Transform, call: Call) -> bool:
    """Whether keys are mapped, of a module's streams, that are documented to draw otherwise then:
    those of the PRNG that the user has chosen, by JAX_DEFAULT_PRNG_IMPL."""
    if isinstance(call, FunctionCall) or _on_devices(transform):
        return False
    config: Any = jax.config
    chosen = config.jax_default_prng_impl
    noisy = any(stream != "params" for stream in call.subject.streams)
    return chosen in dict(INEXACT) and (noisy or any(call.split_rngs.values()))


def _inexact(transform: Transform, subject: FunctionSubject) -> str | None:
    return None if subject.from_first is None or _on_devices(transform) else DOCUMENTED


def _exact(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.from_first is None:
        return "keys of this PRNG draw under a map what they draw alone"
    return "each device draws from its own key" if _on_devices(transform) else None


@law(
    "randomness.keys-draw-independently",
    tier="derived",
    cases=function_calls(unmapped="any"),
    kinds=("draw",),
    skip_if=_inexact,
)
def keys_draw_as_they_do_alone(transform: Transform, call: FunctionCall) -> None:
    """Each key draws what it draws unmapped, no two of them the same; a shared key draws the same."""
    for axes, got in map_together(transform, call):
        single = call.only(axes)
        right = expected.of_function(single)
        with attribute_to(single, MAP):
            assert_agrees(got, right)
            (leaf,) = jax.tree_util.tree_leaves(got)
            rows = np.moveaxis(np.asarray(leaf), axes.out_axes, 0)
            different = len({row.tobytes() for row in rows})
            wanted = len(rows) if axes.in_axes[0] is not None else 1
            if different != wanted:
                raise Mismatch(
                    "value",
                    f"{len(rows)} examples drew {different} different results, not {wanted}",
                    expected=right.value,
                    got=np.asarray(leaf),
                    bound=right.bound,
                )


@law("randomness.first-key-draws-for-all", cases=function_calls(), kinds=("draw",), skip_if=_exact)
def the_first_key_draws_for_all(transform: Transform, call: FunctionCall) -> None:
    """Where JAX documents that a batch of keys draws from the first alone, it does."""
    for axes, got in map_together(transform, call):
        single = call.only(axes)
        right = expected.from_first(single)
        with attribute_to(single, MAP, right=right):
            assert_agrees(got, right)
