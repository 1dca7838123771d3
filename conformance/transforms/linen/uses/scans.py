"""What scans of Linen do to variables, their names and their streams, under a map."""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import (
    FEATURES,
    MEMBERS,
    OUTPUTS,
    Setting,
    Use,
    bits,
    of_all,
    roll,
)
from conformance.transforms.linen.uses.loops import STEPS, Product

LAYERS = "layers"
"""What the axis of a scan is called."""
DEPTH = (2, 3)
"""How many steps two scans take, of which one holds the other."""


class Boxed(nn.Module):
    """x w + b, of variables that say what their axes are called."""

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the names within the step, and y, which is added to the carry and to a total."""
        box = nn.with_partitioning
        w: Any = self.param("w", box(roll, ("in", "out")), (FEATURES, OUTPUTS))
        b: Any = self.param("b", box(roll, ("out",)), (OUTPUTS,))
        total: Any = self.variable("cache", "total", box(jnp.zeros, ("out",)), (OUTPUTS,))
        boxes: list[Any] = [self.get_variable("params", name) for name in ("w", "b")]
        within = [each.names for each in (*boxes, self.get_variable("cache", "total"))]
        y = jnp.dot(x, w) + b
        total.value = total.value + y
        return carry + y, (y, np.array(within == [("in", "out"), ("out",), ("out",)]))


class Layers(nn.Module):
    """A scan, each of whose steps has parameters of its own along axis 1."""

    @nn.compact
    def __call__(self, xs: Any) -> Any:
        """Give the last carry, and what each step gives."""
        scan = nn.scan(
            Boxed,
            variable_axes={"params": 1, "cache": 0},
            split_rngs={"params": True},
            metadata_params={nn.PARTITION_NAME: LAYERS},
        )
        return scan(name="steps")(jnp.zeros(OUTPUTS), xs)


def scanned_names(s: Setting) -> Any:
    """A module scans another one, whose boxes say where both axes are, within and afterwards."""
    xs, axis = s.whole(5, s.size, STEPS, FEATURES), s.axis
    w = s.whole(6, s.size, FEATURES, STEPS, OUTPUTS)
    b, total = s.whole(7, s.size, OUTPUTS, STEPS), s.whole(8, s.size, STEPS, OUTPUTS)
    own = {"w": ("in", LAYERS, "out"), "b": ("out", LAYERS), "total": (LAYERS, "out")}
    axes = {"w": axis, "b": axis, "total": 0}
    names = {name: (*n[: axes[name]], MEMBERS, *n[axes[name] :]) for name, n in own.items()}

    def mapped() -> Any:
        lifted = s.ensemble(Layers, metadata_params={nn.PARTITION_NAME: MEMBERS})()
        made = jax.eval_shape(lifted.init, s.key, xs)
        values = s.placed(
            {"params": {"steps": {"w": w, "b": b}}, "cache": {"steps": {"total": total}}}
        )
        variables = nn.meta.replace_boxed(made, values)
        y, state = lifted.apply(variables, xs, mutable=["cache"])
        boxes = {**made["params"]["steps"], **state["cache"]["steps"]}
        right = {name: box.names for name, box in boxes.items()} == names
        return y, nn.unbox(state), np.array(right)

    y = jnp.einsum("bsf,bfso->bso", xs, w) + jnp.moveaxis(b, 2, 1)
    state = {"cache": {"steps": {"total": total + y}}}
    return mapped, ((y.sum(1), (y, np.ones((s.size, STEPS), bool))), state, np.array(True))


class Layer(nn.Module):
    """A layer that adds to x, counts, and writes what it draws from two streams."""

    @nn.compact
    def __call__(self, carry: Any) -> Any:
        """Give 2 x + w unit and both draws at the place of the count, for `x` of shape (OUTPUTS,)."""
        x, drawn = carry
        w = self.param("w", roll, (OUTPUTS,))
        unit = self.variable("units", "unit", jnp.ones, OUTPUTS)
        count = self.variable("cache", "count", lambda: jnp.int32(0))
        draws = jnp.stack([bits(self.make_rng(name)) for name in ("noise", "other")])
        drawn, count.value = drawn.at[count.value].set(draws), count.value + 1
        return 2 * x + w * unit.value, drawn


class Deep(nn.Module):
    """Two scans of a layer, one within the other."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what the last layer gives, and what each drew."""
        deep: Any = nn.remat_scan(
            Layer,
            lengths=DEPTH,
            variable_axes={"params": 0},
            variable_broadcast="units",
            variable_carry="cache",
            split_rngs={"params": True, "noise": True, "other": False},
        )
        return deep(name="layers")((x, jnp.zeros((math.prod(DEPTH), 2, 2), jnp.uint32)))


def scanned_deep(s: Setting) -> Any:
    """A scan within a scan: parameters are split, a count is carried, units and a stream are shared."""
    x, w = s.whole(5, s.size, OUTPUTS), s.whole(6, s.size, *DEPTH, OUTPUTS)
    unit, number = s.whole(7, OUTPUTS), math.prod(DEPTH)
    zeros = jnp.zeros(s.size, jnp.int32)
    roots = {"noise": s.key, "other": jax.random.key(s.seed + 1), "params": s.key}
    axes = {"params": s.axis, "cache": 0, "units": None}
    split = {"params": True, "noise": True, "other": False}

    def mapped() -> Any:
        lifted = s.ensemble(Deep, variable_axes=axes, split_rngs=split)()
        params = s.placed({"params": {"layers": {"w": w}}})
        rest = {"cache": {"layers": {"count": zeros}}, "units": {"layers": {"unit": unit}}}
        variables = {**params, **rest}
        (y, drawn), state = lifted.apply(variables, x, rngs=roots, mutable=["cache"])
        return y, of_all(drawn[:, :, 0]), of_all(drawn[:, :, 1]), state

    flat, last = w.reshape(s.size, number, OUTPUTS), 2.0 ** np.arange(number)[::-1]
    y = 2.0**number * x + unit * jnp.einsum("bno,n->bo", flat, last)
    state = {"cache": {"layers": {"count": zeros + number}}}
    return mapped, (y, np.array(s.size * number), np.array(1), state)


class Drawing(nn.Module):
    """A step that adds an input of all steps, one of its own and a parameter, and draws twice."""

    @nn.compact
    def __call__(self, carry: Any, shared: Any, own: Any) -> Any:
        """Give a tree of results."""
        noise, other = (bits(self.make_rng(name)) for name in ("noise", "other"))
        y = shared * own["x"]
        return carry + y, {"y": y, "drawn": [noise, other]}


class InTrees(nn.Module):
    """A scan whose axes are trees."""

    @nn.compact
    def __call__(self, shared: Any, xs: Any) -> Any:
        """Give the carry and the tree of results, for `xs` of shape (OUTPUTS, STEPS)."""
        scan = nn.scan(
            Drawing,
            split_rngs={"noise": True, "other": False},
            in_axes=(nn.broadcast, {"x": 1}),
            out_axes={"y": 1, "drawn": [0, 0]},
            length=STEPS,
        )
        return scan(name="steps")(jnp.zeros(OUTPUTS), shared, {"x": xs})


def scanned_trees(s: Setting) -> Any:
    """A scan has axes in trees; of two streams the map splits one, and the scan the other."""
    shared, xs = s.whole(4, OUTPUTS), s.whole(5, s.size, OUTPUTS, STEPS)
    roots = {"noise": s.key, "other": jax.random.key(s.seed + 1)}

    def mapped() -> Any:
        lifted = s.ensemble(InTrees, split_rngs={"noise": False, "other": True}, in_axes=(None, 0))
        carry, results = lifted().apply({}, shared, xs, rngs=roots)
        noise, other = results["drawn"]
        # What each member draws, and what is drawn in each step.
        numbers = [of_all(noise), of_all(noise[0]), of_all(other), of_all(other[:, 0])]
        return carry, results["y"], numbers

    y = shared[:, None] * xs
    return mapped, (y.sum(-1), y, [np.array(n) for n in (STEPS, STEPS, s.size, s.size)])


class Logging(nn.Module):
    """A step that adds up what it sows, and that is perturbed."""

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        """Add the perturbed x w to the carry."""
        y = self.perturb("y", Product(name="product")(x))
        for each in (y, 2 * y):
            self.sow("log", "sum", each, init_fn=lambda: 0, reduce_fn=lambda a, b: a + b)
        self.sow("log", "each", y)
        return carry + y, None


class Logged(nn.Module):
    """A scan of steps that sow along axis 1."""

    @nn.compact
    def __call__(self, xs: Any) -> Any:
        """Give the last carry, and sow it."""
        scan = nn.scan(
            Logging,
            variable_axes={"log": 1, "perturbations": 0},
            variable_broadcast="params",
            split_rngs={"params": False},
        )
        last, _ = scan(name="steps")(jnp.zeros(OUTPUTS), xs)
        self.sow("log", "last", last)
        return last


def sown_by_steps(s: Setting) -> Any:
    """Steps of a scan sow and are perturbed: of both there is one for each step of each member."""
    xs, w = s.whole(5, s.size, STEPS, FEATURES), s.whole(4, s.size, FEATURES, OUTPUTS)
    more = s.whole(6, s.size, STEPS, OUTPUTS)

    def mapped() -> Any:
        axes = {"params": s.axis, "perturbations": 0, "log": 0}
        lifted = s.ensemble(Logged, variable_axes=axes)()
        params = s.placed({"params": {"steps": {"product": {"w": w}}}})
        given = {**params, "perturbations": {"steps": {"y": more}}}
        return lifted.apply(given, xs, mutable=["log"])

    y = jnp.einsum("bsf,bfo->bso", xs, w) + more
    log = {"sum": jnp.moveaxis(3 * y, 1, 2), "each": (jnp.moveaxis(y, 1, 2),)}
    return mapped, (y.sum(1), {"log": {"steps": log, "last": (y.sum(1),)}})


class Bits(nn.Module):
    """A draw."""

    @nn.compact
    def __call__(self) -> Any:
        """Give it."""
        return bits(self.make_rng("noise"))


class Jitted(nn.Module):
    """A module that draws before, between and after calls of a compiled one, for which it draws, too."""

    of: Any

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give the draws."""
        inner = self.of(name="inner")
        drawn = [bits(each.make_rng("noise")) for each in (self, inner)]
        drawn += [inner(), inner(), bits(inner.make_rng("noise")), inner()]
        return jnp.stack([*drawn, bits(self.make_rng("noise"))])


def jitted_streams(s: Setting) -> Any:
    """Draws of and beside a module that is compiled are all different, and in a second apply the same."""

    def mapped() -> Any:
        # A lifted class keeps what it has compiled: made here, each call of this use is like the first.
        lifted = s.ensemble(Jitted, split_rngs={"noise": True})(nn.jit(Bits))
        first, second = (lifted.apply({}, s.inputs(), rngs={"noise": s.key}) for _ in range(2))
        return of_all(first), np.array(np.array_equal(first, second))

    return mapped, (np.array(7 * s.size), np.array(True))


USES: dict[str, Use] = {
    "use.jitted-streams": jitted_streams,
    "use.scanned-names": scanned_names,
    "use.scanned-deep": scanned_deep,
    "use.scanned-trees": scanned_trees,
    "use.sown-by-steps": sown_by_steps,
}
