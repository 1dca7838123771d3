"""Other lifts of Linen under a map. What they give is computed without: the unmapped module has them, too."""

import inspect
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import (
    FEATURES,
    OUTPUTS,
    Net,
    Setting,
    Use,
    roll,
)

STEPS = 3
"""How many steps a scan takes."""
MOST = 200
"""A loop that goes on with probability 0.8 ends before, but for one in 10^19."""
UNCHECKED: dict[str, Any] = (
    {"check_constancy_invariants": False}
    if "check_constancy_invariants" in inspect.signature(nn.scan).parameters
    else {}
)
"""What has a scan not trace its step twice."""


class Step(nn.Module):
    """x w times a unit, which is added to twice the carry and to a total that may be written to."""

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the new carry and x w times the unit, for `x` of shape (FEATURES,)."""
        unit = self.variable("units", "unit", jnp.ones, OUTPUTS)
        y = unit.value * jnp.dot(x, self.param("w", roll, (FEATURES, OUTPUTS)))
        total = self.variable("cache", "total", jnp.zeros, OUTPUTS)
        total.value = total.value + y
        return 2 * carry + y, y


class Scanned(nn.Module):
    """Two scans: of one step for all inputs, which carries its total, and back, of a step for each input."""

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
            reverse=True,
            **UNCHECKED,
        )
        zero = jnp.zeros(OUTPUTS)
        return shared(name="shared")(zero, xs), own(name="own")(zero, xs.T)


class Waiting(nn.Module):
    """A loop whose condition draws a number in each turn, and whose body draws another one."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give whether the loop ended by itself, and no number was drawn twice in a row."""

        def waits(module: Any, carry: Any) -> Any:
            turn, *_ = carry
            drawn = jax.random.uniform(module.make_rng("noise"))
            return (turn < 2) | (drawn < 0.8) & (turn < MOST)

        def draws(module: Any, carry: Any) -> Any:
            turn, before, differ = carry
            drawn = jax.random.bits(module.make_rng("noise"))
            return turn + 1, drawn, differ & ((turn == 0) | (drawn != before))

        start = 0, jnp.uint32(0), True
        turns, _, differ = nn.while_loop(waits, draws, self, start, split_rngs={"noise": True})
        return (turns < MOST) & differ


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
    last = 2.0 ** np.arange(STEPS)
    results = ((shared * last[::-1]).sum(-1), shared), ((each * last).sum(-1), each)
    cache = {"shared": {"total": total + shared.sum(-1)}, "own": {"total": totals + each}}
    return mapped, (results, {"cache": cache, "units": units})


def waited(s: Setting) -> Any:
    """A condition and a body draw other numbers in each turn, so that the loop of every member ends."""

    def mapped() -> Any:
        split = {"params": True, "noise": True}
        lifted = s.ensemble(Waiting, split_rngs=split)()
        return lifted.apply({}, s.inputs(), rngs={"noise": s.key})

    return mapped, np.ones(s.size, bool)


class Product(nn.Module):
    """x w."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give x w for `x` of shape (FEATURES,)."""
        return jnp.dot(x, self.param("w", roll, (FEATURES, OUTPUTS)))


class Lifting(nn.Module):
    """A `Net` that is differentiated and switched, and a `Product` whose parameters are doubled."""

    @nn.compact
    def __call__(self, i: Any, x: Any) -> Any:
        """Give what each lift gives, for `x` of shape (FEATURES,), by the branch `i`."""
        net = Net(name="net")
        y, back, more = nn.vjp(lambda net, x: (net(x), x + 1), net, x, has_aux=True)
        branches = [lambda net, x: net(x), lambda net, x: 2 * net(x), lambda net, x: -net(x)]
        branch = nn.switch(i, branches, net, x)
        either = nn.cond(i > 1, lambda net, x: 3 * net(x), lambda net, x: net(x + 1), net, x)
        doubled: Any = nn.map_variables(
            Product,
            "params",
            trans_in_fn=lambda tree: jax.tree_util.tree_map(lambda leaf: 2 * leaf, tree),
            init=self.is_initializing(),
        )
        return y, back(jnp.ones(OUTPUTS))[1], more, branch, either, doubled(name="product")(x)


def lifts_inside(s: Setting) -> Any:
    """A module differentiates, switches and maps the variables of others; indices are clipped."""
    x, (w, other) = s.inputs(), s.whole(4, 2, s.size, FEATURES, OUTPUTS)
    b, total = s.whole(6, 2, s.size, OUTPUTS)
    index = s.whole(8, s.size).astype(jnp.int32)

    def mapped() -> Any:
        lifted = s.ensemble(Lifting)()
        params = {"net": {"w": w, "b": b}, "product": {"w": other}}
        variables = s.placed({"params": params, "cache": {"net": {"total": total}}})
        made = lifted.init(s.key, index, x)["params"]
        shapes = jax.tree_util.tree_map(jnp.shape, made) == jax.tree_util.tree_map(
            jnp.shape, variables["params"]
        )
        return lifted.apply(variables, index, x, mutable=["cache"]), np.array(shapes)

    y = jnp.einsum("bf,bfo->bo", x, w) + b
    next_y = y + w.sum(1)
    which, first = jnp.clip(index, 0, 2)[:, None], (index > 1)[:, None]
    branch, either = (
        jnp.select([which == 0, which == 1], [y, 2 * y], -y),
        jnp.where(first, 3 * y, next_y),
    )
    after = total + 2 * y + jnp.where(first, y, next_y)
    gradient, doubled = w.sum(-1), 2 * jnp.einsum("bf,bfo->bo", x, other)
    results = (y, gradient, x + 1, branch, either, doubled)
    return mapped, ((results, {"cache": {"net": {"total": after}}}), np.array(True))


USES: dict[str, Use] = {
    "use.scanned": scanned,
    "use.waited": waited,
    "use.lifts-inside": lifts_inside,
}
