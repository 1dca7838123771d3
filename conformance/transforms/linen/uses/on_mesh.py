"""Documented uses of `nn.vmap` on an Explicit mesh: the members lie on several devices, and types say so."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.explicit_mesh import DEVICES, along, divided, divided_along, mesh_of
from conformance.transforms.linen.uses.base import (
    FEATURES,
    OUTPUTS,
    Setting,
    Use,
    bits,
    of_all,
    roll,
)


class Drawn(nn.Module):
    """y = x w + z, and a draw."""

    @nn.compact
    def __call__(self, z: Any, x: Any) -> Any:
        """Give both for `z` of shape (OUTPUTS,) and `x` of shape (FEATURES,)."""
        w = self.param("w", roll, (FEATURES, OUTPUTS))
        return jnp.dot(x, w) + z, bits(self.make_rng("noise"))


def on_mesh(s: Setting) -> Any:
    """Members whose inputs are divided over devices: their parameters, draws and results lie as they do."""
    streams = {"params": s.key, "noise": jax.random.fold_in(s.key, 1)}
    x, z = s.inputs(), s.whole(4, OUTPUTS)
    split = {"params": True, "noise": True}
    given: dict[str, Any] = {"in_axes": (None, s.axis), "spmd_axis_name": DEVICES}
    ensemble = s.ensemble(Drawn, split_rngs=split, **given)
    shared = s.ensemble(
        Drawn, variable_axes={"params": None}, split_rngs={"params": False, "noise": True}, **given
    )

    def mapped() -> Any:
        with jax.set_mesh(mesh_of(s.size)):
            each = along(jnp.moveaxis(x, 0, s.axis), s.axis)
            y, made = ensemble().init_with_output(streams, z, each)
            again = ensemble().apply(made, z, each, rngs={"noise": streams["noise"]})
            whole = ensemble().init_with_output(streams, z, jnp.moveaxis(x, 0, s.axis))
            common = shared().init(streams, z, each)
            alike = shared().apply(common, z, each, rngs={"noise": streams["noise"]})
            got = y, made, again, alike
            return got, divided(got), common, whole, divided(whole)

    keys = {name: s.keys(key) for name, key in streams.items()}

    def one(i: int) -> Any:
        own = {name: each[i] for name, each in keys.items()}
        y, made = Drawn().init_with_output(own, z, x[i])
        common = Drawn().init({**streams, "noise": own["noise"]}, z, x[i])
        return y, made, Drawn().apply(common, z, x[i], rngs={"noise": own["noise"]})

    y, made, alike = s.loop(one)
    got = y, s.placed(made), y, alike
    parts = [divided_along(each, 0) for each in got]
    parts[1] = divided_along(got[1], s.axis)
    common = Drawn().init(streams, z, x[0])
    whole = got[:2]
    nothing = jax.tree_util.tree_map(np.zeros_like, tuple(parts[:2]))
    return mapped, (got, tuple(parts), common, whole, nothing)


def on_mesh_shared_input(s: Setting) -> Any:
    """Members whose parameters are divided over devices are given one input, and draw."""
    x, z, noise = s.inputs()[0], s.whole(4, OUTPUTS), jax.random.fold_in(s.key, 1)
    w = s.whole(5, s.size, FEATURES, OUTPUTS)
    given: dict[str, Any] = {"in_axes": None, "axis_size": s.size, "spmd_axis_name": DEVICES}
    lifted = s.ensemble(Drawn, split_rngs={"params": True, "noise": True}, **given)

    def mapped() -> Any:
        with jax.set_mesh(mesh_of(s.size)):
            weights = along(jnp.moveaxis(w, 0, s.axis), s.axis)
            got = lifted().apply({"params": {"w": weights}}, z, x, rngs={"noise": noise})
            return got, divided(got)

    keys = s.keys(noise)
    right = s.loop(lambda i: Drawn().apply({"params": {"w": w[i]}}, z, x, rngs={"noise": keys[i]}))
    return mapped, (right, divided_along(right, 0))


TURNS = 3
"""How many turns a scan takes."""


class Adding(nn.Module):
    """Adds x w and what all steps share to what is carried."""

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the sum for `carry` of shape (OUTPUTS,) and `x` of shape (FEATURES,), and a draw."""
        w = self.param("w", roll, (FEATURES, OUTPUTS))
        unit = self.variable("cache", "unit", jnp.ones, OUTPUTS)
        return carry + jnp.dot(x, w) + unit.value, bits(self.make_rng("noise"))


def scanned_on_mesh(s: Setting) -> Any:
    """A scan of members that lie on devices carries what lies there, and stacks its results beside it."""
    xs, w = s.whole(5, TURNS, s.size, FEATURES), s.whole(6, TURNS, s.size, FEATURES, OUTPUTS)
    start, unit = s.whole(7, s.size, OUTPUTS), s.whole(8, s.size, OUTPUTS)
    split: dict[Any, bool] = {"params": True, "noise": True}
    lifted = nn.scan(
        s.ensemble(Adding, split_rngs=split, spmd_axis_name=DEVICES),
        length=TURNS,
        split_rngs=split,
        variable_axes={"params": 0},
        variable_broadcast="cache",
    )

    def mapped() -> Any:
        with jax.set_mesh(mesh_of(s.size)):
            placed = jnp.moveaxis(w, 1, 1 + s.axis)
            weights, units = along(placed, 1 + s.axis), along(unit, 0)
            given = {"params": {"w": weights}, "cache": {"unit": units}}
            run = lifted().apply(given, along(start, 0), along(xs, 1), rngs={"noise": s.key})
            last, draws = run
            return last, of_all(np.asarray(draws)), divided(run)

    last = start + jnp.einsum("sbf,sbfo->bo", xs, w) + TURNS * unit
    parts = np.array([True, False]), np.array([False, True, False])
    return mapped, (last, np.array(TURNS * s.size), parts)


USES: dict[str, Use] = {
    "use.on-explicit-mesh": on_mesh,
    "use.scanned-on-explicit-mesh": scanned_on_mesh,
    "use.on-explicit-mesh-shared-input": on_mesh_shared_input,
}
# The keys are divided over the devices since 0.12.5; 0.12.7 needs jax 0.10, which draws on a mesh.
NEEDS: dict[str, str] = dict.fromkeys(USES, "0.12.7")
