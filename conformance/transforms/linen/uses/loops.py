"""Loops of Linen under a map. What they give is computed without them: the unmapped module has them, too."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import FEATURES, OUTPUTS, Setting, Use, roll

STEPS = 3
"""How many steps a scan takes."""
MOST = 200
"""A loop that goes on with probability 0.8 ends before, but for one in 10^19."""


class Step(nn.Module):
    """x w times a unit, which is added to the carry and, where the cache may be written to, to the total."""

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the new carry and x w times the unit, for `x` of shape (FEATURES,)."""
        unit = self.variable("units", "unit", jnp.ones, OUTPUTS)
        y = unit.value * jnp.dot(x, self.param("w", roll, (FEATURES, OUTPUTS)))
        total = self.variable("cache", "total", jnp.zeros, OUTPUTS)
        total.value = total.value + y
        return carry + y, y


class Scanned(nn.Module):
    """Two scans: of one step for all inputs, which carries its total, and of a step for each input."""

    @nn.compact
    def __call__(self, xs: Any) -> Any:
        """Give both scans' results for `xs` of shape (STEPS, FEATURES); axes count from the end."""
        shared = nn.scan(
            Step,
            variable_broadcast=["params", "units"],
            variable_carry="cache",
            split_rngs={"params": False},
            out_axes=-1,
        )
        own = nn.scan(
            Step,
            variable_axes={"params": -1, "cache": -1},
            variable_broadcast="units",
            split_rngs={"params": True},
            in_axes=-1,
            out_axes=-1,
        )
        zero = jnp.zeros(OUTPUTS)
        return shared(name="shared")(zero, xs), own(name="own")(zero, xs.T)


class Waiting(nn.Module):
    """A loop whose condition draws a number in each turn."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give whether the loop ended by itself."""

        def waits(module: Any, turn: Any) -> Any:
            drawn = jax.random.uniform(module.make_rng("noise"))
            return (drawn < 0.8) & (turn < MOST)

        turns = nn.while_loop(
            waits, lambda module, turn: turn + 1, self, 0, split_rngs={"noise": True}
        )
        return turns < MOST


def scanned(s: Setting) -> Any:
    """A module scans another one; parameters that no step may write to, units and a total are kept apart."""
    xs, total = s.whole(5, s.size, STEPS, FEATURES), s.whole(6, s.size, OUTPUTS)
    w, own = s.whole(7, s.size, FEATURES, OUTPUTS), s.whole(8, s.size, FEATURES, OUTPUTS, STEPS)
    totals, unit = s.whole(9, s.size, OUTPUTS, STEPS), s.whole(10, OUTPUTS)
    units = {name: {"unit": unit} for name in ("shared", "own")}

    def mapped() -> Any:
        params = s.placed({"params": {"shared": {"w": w}, "own": {"w": own}}})
        cache = {"shared": {"total": total}, "own": {"total": totals}}
        axes = {"params": s.axis, "cache": 0, "units": None}
        lifted = s.ensemble(Scanned, variable_axes=axes)()
        # The steps draw nothing, but have as many keys as there are steps.
        return lifted.apply(
            {**params, "cache": cache, "units": units},
            xs,
            rngs={"params": s.key},
            mutable=["cache", "units"],
        )

    shared = unit[:, None] * jnp.einsum("bsf,bfo->bos", xs, w)
    each = unit[:, None] * jnp.einsum("bsf,bfos->bos", xs, own)
    results = tuple((ys.sum(-1), ys) for ys in (shared, each))
    cache = {"shared": {"total": total + shared.sum(-1)}, "own": {"total": totals + each}}
    return mapped, (results, {"cache": cache, "units": units})


def waited(s: Setting) -> Any:
    """A condition draws another number in each turn, so that the loop of every member ends."""

    def mapped() -> Any:
        split = {"params": True, "noise": True}
        lifted = s.ensemble(Waiting, split_rngs=split)()
        return lifted.apply({}, s.inputs(), rngs={"noise": s.key})

    return mapped, np.ones(s.size, bool)


USES: dict[str, Use] = {"use.scanned": scanned, "use.waited": waited}
