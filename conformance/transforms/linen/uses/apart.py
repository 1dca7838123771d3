"""What lifts take for the same: modules of other attributes, and filters of each form."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import (
    FEATURES,
    OUTPUTS,
    Setting,
    Use,
    bits,
    of_all,
    roll,
)

STEPS = 2
"""How many turns a scan and a loop take."""


class Along(nn.Module):
    """Sums along an axis, which is an attribute."""

    axis: int

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give them for `x` of shape (STEPS, FEATURES), times a parameter."""
        return jnp.sum(x, self.axis) * self.param("w", roll, ())


def compiled_apart(s: Setting) -> Any:
    """Compiled modules of one class have attributes that differ and are hashed alike, as -1 and -2 are."""
    x, w = s.whole(5, s.size, STEPS, FEATURES), s.whole(6, s.size)

    def mapped() -> Any:
        made: Any = s.ensemble(nn.jit(Along), variable_axes={"params": 0})
        return [made(axis).apply({"params": {"w": w}}, x) for axis in (-1, -2)]

    return mapped, [x.sum(axis) * w[:, None] for axis in (-1, -2)]


class Noted(nn.Module):
    """x w, unit and drawn numbers of two streams, of which it keeps the count."""

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the carry, and what is drawn."""
        w = self.param("w", roll, (FEATURES, OUTPUTS))
        unit = self.variable("units", "unit", jnp.ones, OUTPUTS)
        count = self.variable("cache", "count", jnp.zeros, ())
        count.value = count.value + 1
        y = jnp.dot(x, w) * unit.value + count.value
        return carry + y, (y, [bits(self.make_rng(name)) for name in ("noise", "other")])


class Filtered(nn.Module):
    """A scan, a loop and a map of `Noted`, which are told by filters of each form what they do."""

    @nn.compact
    def __call__(self, xs: Any) -> Any:
        """Give what each gives, for `xs` of shape (STEPS, FEATURES)."""
        lifts, deny, zero = nn, nn.DenyList, jnp.zeros(OUTPUTS)
        both: Any = {deny("other"): True, "other": False}
        scan: Any = lifts.scan(
            Noted,
            variable_axes={deny(("units", "cache")): 0},
            variable_broadcast="units",
            variable_carry=("cache",),
            split_rngs=both,
        )
        # Two filters that both match no name: they are told apart by what they deny.
        none: Any = {deny(True): True, deny(deny(False)): True, **both}
        over: Any = lifts.vmap(
            Noted,
            variable_axes={("params", "cache"): 0, deny(("params", "cache")): None},
            split_rngs=none,
            in_axes=(None, 0),
        )
        held = Noted(name="held")

        def turn(module: Any, given: Any) -> Any:
            count, carry, drawn = given
            carry, (_, numbers) = module(carry, xs[0])
            return count + 1, carry, drawn.at[count].set(jnp.stack(numbers))

        loop = lifts.while_loop(
            lambda _, given: given[0] < STEPS,
            turn,
            held,
            (0, zero, jnp.zeros((STEPS, 2, 2), jnp.uint32)),
            carry_variables="cache",
            broadcast_variables=deny("cache"),
            split_rngs=both,
        )
        return scan(name="scan")(zero, xs), over(name="over")(zero, xs), loop[1:]


NAMES = ("scan", "over", "held")


def filters_of_lifts(s: Setting) -> Any:
    """Collections and streams of a map, a scan and a loop are named by what they are not, too."""
    xs, w = s.whole(5, s.size, STEPS, FEATURES), s.whole(4, 3, s.size, STEPS, FEATURES, OUTPUTS)
    unit, count = s.whole(6, OUTPUTS), s.whole(7, 3, s.size, STEPS)
    weights, counts = (w[0], w[1], w[2, :, 0]), (count[0, :, 0], count[1], count[2, :, 0])
    deny: Any = nn.DenyList

    def mapped() -> Any:
        lifted = s.ensemble(
            Filtered,
            variable_axes={deny(("units",)): 0, "units": None},
            split_rngs={deny("other"): True, deny(deny("other")): False},
        )()
        variables = {
            "params": {name: {"w": each} for name, each in zip(NAMES, weights, strict=True)},
            "units": {name: {"unit": unit} for name in NAMES},
            "cache": {name: {"count": each} for name, each in zip(NAMES, counts, strict=True)},
        }
        rngs = {"noise": s.key, "other": jax.random.key(s.seed + 1)}
        apply = jax.jit(partial(lifted.apply, rngs=rngs, mutable=["cache"]))
        (scan, over, loop), state = apply(variables, xs)
        drawn = [*zip(scan[1][1], over[1][1], jnp.moveaxis(loop[1], 2, 0), strict=True)]
        numbers = [[of_all(each) for each in stream] for stream in drawn]
        return (scan[0], scan[1][0], over[0], over[1][0], loop[0]), numbers, state["cache"]

    turns = jnp.arange(1, STEPS + 1)[:, None]
    y = jnp.einsum("bsf,nbsfo->nbso", xs, w[:2]) * unit
    first = y[0] + count[0, :, :1, None] + turns
    other = y[1] + count[1][..., None] + 1
    last = jnp.einsum("bf,bfo->bo", xs[:, 0], w[2, :, 0])[:, None] * unit
    last = last + count[2, :, :1, None] + turns
    after = {
        "scan": {"count": counts[0] + STEPS},
        "over": {"count": counts[1] + 1},
        "held": {"count": counts[2] + STEPS},
    }
    numbers = [[np.array(n)] * 3 for n in (s.size * STEPS, 1)]
    return mapped, ((first.sum(1), first, other, other, last.sum(1)), numbers, after)


USES: dict[str, Use] = {
    "use.filters-of-lifts": filters_of_lifts,
    "use.compiled-apart": compiled_apart,
}

NEEDS: dict[str, str] = {"use.filters-of-lifts": "0.12.8"}
"""The first release of Flax that has what a use is of, where the oldest has not."""
