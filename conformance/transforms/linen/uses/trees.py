"""Trees that make new arrays whenever they are flattened, through the lifts of Linen under a map."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance.transforms.linen.uses.base import FEATURES, Setting, Use, roll
from conformance.transforms.new_leaves import Fresh

STEPS = 3
"""How many turns a loop takes."""


class Step(nn.Module):
    """The carry and x w, and twice that, as trees."""

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        """Give both."""
        carry = Fresh(carry.value + x.value * self.param("w", roll, (FEATURES,)))
        return carry, Fresh(2 * carry.value)


class Repeated(nn.Module):
    """A step that takes its carry for x."""

    @nn.compact
    def __call__(self, carry: Any) -> Any:
        """Give the new carry."""
        return Step(name="step")(carry, carry)[0]


class Lifting(nn.Module):
    """A step under each lift, all with parameters of their own but those that are given one by the name."""

    @nn.compact
    def __call__(self, xs: Any) -> Any:
        """Give what each gives."""
        x, step = Fresh(xs.value[0]), Step(name="given")
        step(x, x)
        lifts: Any = nn
        shared = {"variable_broadcast": "params", "split_rngs": {"params": False}}
        over = {"variable_axes": {"params": None}, "split_rngs": {"params": False}}
        doubled = partial(
            lifts.map_variables, Step, "params", lambda tree: tree, init=self.is_initializing()
        )
        y, back = lifts.vjp(lambda step, *given: step(*given)[0], step, x, x)
        tangents = (
            (x, x),
            {"params": jax.tree_util.tree_map(jnp.zeros_like, step.variables["params"])},
        )
        return {
            "scan": lifts.scan(Step, **shared)(name="scan")(x, xs),
            "vmap": lifts.vmap(Step, in_axes=(None, 0), **over)(name="vmap")(x, xs)[0],
            "deep": lifts.remat_scan(
                Repeated, (STEPS,), variable_broadcast="params", variable_axes={}
            )(name="deep")(x),
            "remat": lifts.remat(Step)(name="remat")(x, x),
            "jit": lifts.jit(Step)(name="jit")(x, x),
            "mapped": doubled()(name="mapped")(x, x),
            "cond": lifts.cond(x.value[0] > 0, *[lambda step, x: step(x, x)] * 2, step, x),
            "switch": lifts.switch(1, [lambda step, x: step(x, x)] * 2, step, x),
            "while": lifts.while_loop(
                lambda _, given: given[0] < STEPS,
                lambda step, given: (given[0] + 1, step(given[1], x)[0]),
                step,
                (0, x),
            )[1],
            "vjp": (y, back(x)[1:]),
            "jvp": lifts.jvp(lambda step, *given: step(*given)[0], step, (x, x), *tangents)[1],
        }


def new_leaves(s: Setting) -> Any:
    """Arguments, carries and results of lifts are trees that make new arrays when they are flattened."""
    xs, w = s.whole(5, s.size, STEPS, FEATURES), s.whole(6, s.size, FEATURES)
    names = ("given", "scan", "vmap", "deep", "remat", "jit", "mapped")
    weights = {name: {"w": w} for name in names}
    weights["deep"] = {"step": {"w": w}}

    def mapped() -> Any:
        lifted = s.ensemble(Lifting)()
        apply = jax.jit(lambda *given: _values(lifted.apply(*given)))
        return apply(s.placed({"params": weights}), Fresh(xs))

    x = xs[:, 0]
    once, w_of_steps = x + w * x, w[:, None]
    sums = x[:, None] + jnp.cumsum(xs, 1) * w_of_steps
    right = {
        "scan": (sums[:, -1], 2 * sums),
        "vmap": x[:, None] + xs * w_of_steps,
        "deep": x * (1 + w) ** STEPS,
        **dict.fromkeys(("remat", "jit", "mapped", "cond", "switch"), (once, 2 * once)),
        "while": x + STEPS * w * x,
        "vjp": (once, (x, w * x)),
        "jvp": once,
    }
    return mapped, right


def _values(tree: Any) -> Any:
    return jax.tree_util.tree_map(
        lambda each: each.value, tree, is_leaf=lambda each: isinstance(each, Fresh)
    )


USES: dict[str, Use] = {"use.new-leaves": new_leaves}

NEEDS: dict[str, str] = dict.fromkeys(USES, "0.12.8")
"""The first release of Flax that has what a use is of, where the oldest has not."""
