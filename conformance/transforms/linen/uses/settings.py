"""Lifts under settings of JAX and of Flax that check more or draw otherwise, and what no call is given."""

import contextlib
import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.configurations import config
from flax.core import FrozenDict, unfreeze

from conformance.transforms.linen.uses.base import FEATURES, Setting, Use

STEPS = 2


class Counted(nn.Module):
    """x w, the calls so far, and a key that is drawn."""

    @nn.compact
    def __call__(self, x: Any, _: Any = None) -> Any:
        """Give x w and the key, as a step of a scan does."""
        w = self.param("w", nn.initializers.ones, (FEATURES,))
        count = self.variable("count", "calls", jnp.zeros, (), jnp.int32)
        count.value = count.value + 1
        return x * w, jax.random.key_data(self.make_rng("noise"))


class Plain(nn.Module):
    """Modules called by themselves: what `Lifted` must give of one example."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what each gives, or gives of what it has given."""
        y = [Counted(name=name)(x) for name in ("remat", "cond")]
        twice = [Counted(name=name) for name in ("scan", "while")]
        ends = [each(each(x)[0])[0] for each in twice]
        return y, Counted(name="jit")(x)[0], ends, jnp.array(True)


class Lifted(nn.Module):
    """The same modules, each by another lift."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what `Plain` gives."""
        y = [nn.remat(Counted)(name="remat")(x)]
        branch = Counted(name="cond")
        y.append(nn.cond(jnp.array(True), lambda m, x: m(x), lambda m, x: m(2 * x), branch, x))
        over: Any = {"variable_carry": "count", "variable_broadcast": "params", "length": STEPS}
        scan: Any = nn.scan(Counted, **over, split_rngs={"noise": False})
        last, keys = scan(name="scan")(x, None)

        def turn(m: Any, carry: Any) -> Any:
            n, x = carry
            return n + 1, m(x)[0]

        turned = Counted(name="while")
        kinds: Any = {"carry_variables": "count", "split_rngs": {"noise": False}}
        _, z = nn.while_loop(lambda m, carry: carry[0] < 2, turn, turned, (0, x), **kinds)
        # Compiled ones and steps of a scan draw otherwise; each step draws what the first one does.
        same = jnp.all(keys[0] == keys[1])
        return y, nn.jit(Counted)(name="jit")(x)[0], [last, z], same


def _strict() -> contextlib.ExitStack:
    """All that JAX can be asked to refuse, without what it cannot trace twice."""
    stack = contextlib.ExitStack()
    stack.enter_context(jax.debug_key_reuse(True))
    stack.enter_context(jax.numpy_rank_promotion("raise"))
    stack.enter_context(jax.numpy_dtype_promotion("strict"))
    stack.enter_context(jax.debug_nans(True))
    stack.enter_context(jax.enable_custom_prng(True))
    return stack


@contextlib.contextmanager
def _flags(**values: bool) -> Iterator[None]:
    """Flags of Flax, set for a while."""
    before = {name: getattr(config, name) for name in values}
    try:
        for name, value in values.items():
            config.update(name, value)
        yield
    finally:
        for name, value in before.items():
            config.update(name, value)


FLAGS = (
    {"flax_fix_rng_separator": True},
    {"flax_return_frozendict": True},
    {"flax_fix_rng_separator": True, "flax_preserve_adopted_names": True, "flax_profile": False},
)
NAMES = ("jit", "remat", "cond", "scan", "while")


def _variables(s: Setting) -> Any:
    """The variables of `Plain` for each member, stacked in front."""
    params = {name: {"w": s.whole(10 + n, s.size, FEATURES)} for n, name in enumerate(NAMES)}
    counts = {name: {"calls": jnp.zeros(s.size, jnp.int32)} for name in NAMES}
    return {"params": params, "count": counts}


def _call(s: Setting, root: Any) -> Any:
    """What the map of `Lifted` gives, under jit."""
    axes: Any = {"params": 0, "count": 0}
    lifted: Any = nn.vmap(Lifted, variable_axes=axes, split_rngs={"noise": True})
    call = partial(lifted().apply, mutable=["count"], rngs={"noise": root})
    y, state = jax.jit(call)(_variables(s), s.inputs())
    return y, unfreeze(state)


def _loop(s: Setting, root: Any) -> Any:
    """What `Plain` gives of each member."""
    keys, variables, x = jax.random.split(root, s.size), _variables(s), s.inputs()

    def one(variables: Any, key: Any, x: Any) -> Any:
        y, state = Plain().apply(variables, x, mutable=["count"], rngs={"noise": key})
        return y, unfreeze(state)

    one = jax.jit(one)
    at = lambda i: jax.tree_util.tree_map(lambda leaf: leaf[i], variables)  # noqa: E731
    return s.loop(lambda i: one(at(i), keys[i], x[i]))


def under_settings(s: Setting) -> Any:
    """Lifts within a map are checked for leaks, with other keys, for keys used twice and for types."""
    roots = [jax.random.key(s.seed, impl=kind) for kind in ("rbg", "threefry2x32")]

    def mapped() -> Any:
        with jax.check_tracer_leaks(True):
            checked = _call(s, roots[0])
        with _strict():
            return checked, _call(s, roots[1])

    return mapped, tuple(_loop(s, root) for root in roots)


def _by_hand(key: Any, names: tuple[Any, ...], separated: bool) -> Any:
    """The key that a module of this path draws: its names are hashed, with or without what parts them."""
    told = hashlib.sha1(usedforsecurity=False)
    for name in names:
        told.update(b"\00" if separated else b"")
        told.update(name.encode() if isinstance(name, str) else bytes([name]))
    number = int.from_bytes(told.digest()[:4], "big")
    return jax.random.key_data(jax.random.fold_in(key, jnp.uint32(number)))


class Deep(nn.Module):
    """A module within a module, which draws twice."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give both keys of the inner one, and two of its own."""
        own = [jax.random.key_data(self.make_rng("noise")) for _ in range(2)]
        return own, nn.remat(Counted)(name="in")(x)[1]


class Adopting(nn.Module):
    """A module that calls one which was made outside with a name of its own."""

    of: Any

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what it gives."""
        return self.of(x)[0]


def under_flags(s: Setting) -> Any:
    """Each flag of Flax: streams are those of hashed names, states are frozen, names are kept."""
    axes: Any = {"params": 0, "count": 0}
    root, x = jax.random.key(s.seed), s.inputs()
    of_params = {"in": {"w": jnp.ones((s.size, FEATURES))}}

    def run(frozen: bool, kept: bool) -> Any:
        lifted: Any = nn.vmap(Deep, variable_axes=axes, split_rngs={"noise": True})
        counts = {"in": {"calls": jnp.zeros(s.size, jnp.int32)}}
        given = {"params": of_params, "count": counts}
        y, state = lifted().apply(given, x, mutable=["count"], rngs={"noise": root})
        split: Any = {"params": True, "noise": True}
        adopting: Any = nn.vmap(Adopting, variable_axes=axes, split_rngs=split)
        made = adopting(Counted(name="own")).init({"params": root, "noise": root}, x)
        # What is made outside has the name of the attribute, or the one that it was given.
        right = list(made["params"]) == (["own"] if kept else ["of"])
        right &= isinstance(state, FrozenDict) is frozen
        return y, unfreeze(state), np.array(right)

    def mapped() -> Any:
        found = [run(False, False)]
        for flags in FLAGS:
            with _flags(**flags):
                names = ("flax_return_frozendict", "flax_preserve_adopted_names")
                found.append(run(*(flags.get(name, False) for name in names)))
        return found

    keys = jax.random.split(root, s.size)
    right = []
    for flags in ({}, *FLAGS):
        parted = "flax_fix_rng_separator" in flags
        paths: tuple[tuple[Any, ...], ...] = ((1,), (2,), ("in", 1))
        drawn = [jnp.stack([_by_hand(key, path, parted) for key in keys]) for path in paths]
        state = {"count": {"in": {"calls": jnp.ones(s.size, jnp.int32)}}}
        right.append(((drawn[:2], drawn[2]), state, np.array(True)))
    return mapped, right


USES: dict[str, Use] = {
    "use.under-settings": under_settings,
    "use.under-flags": under_flags,
}

NEEDS: dict[str, str] = {
    # Before, lifts were seen to leak by jax 0.4.
    "use.under-settings": "0.12",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""
