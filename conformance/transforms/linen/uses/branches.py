"""Branches and loops of Linen that the examples of a map take differently, and the variables of each."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import FEATURES, OUTPUTS, Setting, Use, roll
from conformance.transforms.linen.uses.loops import STEPS, Product

HEADS = 3
"""How many branches there are."""
OTHERS: Any = nn.DenyList(("fixed",)) if "__lt__" in vars(nn.DenyList) else "noise"
"""All streams but one. Before flax 0.12.6 a filter could not stand beside names in a dictionary."""


class Heads(nn.Module):
    """Branches, each with a part and a count of its own, and two methods of which one is taken."""

    def setup(self) -> None:
        """Make the parts."""
        self.heads = [Product() for _ in range(HEADS)]

    def plus(self, x: Any) -> Any:
        """Give what the first part gives."""
        return self.heads[0](x)

    def minus(self, x: Any) -> Any:
        """Give its negative."""
        return -self.heads[0](x)

    @nn.compact
    def __call__(self, x: Any, index: Any) -> Any:
        """Give what the branch gives, and what the method gives."""
        for i in range(HEADS):
            self.variable("cache", f"count{i}", jnp.zeros, ())

        def branch(i: int, module: Any, x: Any) -> Any:
            count = module.variable("cache", f"count{i}")
            count.value = count.value + 1 + i
            shared = Product(name="shared")(x)
            return module.heads[i](x) + (i + 1) * shared

        if self.is_mutable_collection("params"):
            # What one branch alone makes has to be there before.
            for head in self.heads:
                head(x)
        y = nn.switch(index, [partial(branch, i) for i in range(HEADS)], self, x)
        return y, nn.cond(index > 0, self.plus, self.minus, self, x)


def branches_apart(s: Setting) -> Any:
    """Each example takes a branch with a part and a count of its own; of two methods, it takes one."""
    x, w = s.inputs(), s.whole(4, HEADS + 1, s.size, FEATURES, OUTPUTS)
    index = np.arange(s.seed, s.seed + s.size) % HEADS
    names = [*(f"heads_{i}" for i in range(HEADS)), "shared"]
    params = {name: {"w": each} for name, each in zip(names, w, strict=True)}
    counts = {f"count{i}": jnp.ones(s.size) for i in range(HEADS)}

    def mapped() -> Any:
        lifted = s.ensemble(Heads)()
        made = jax.eval_shape(lifted.init, s.key, x, index)
        right = [set(made["params"]) == set(names), set(made["cache"]) == set(counts)]
        apply = jax.jit(partial(lifted.apply, mutable=["cache"]))
        given = s.placed({"params": params, "cache": counts})
        return np.array(right), apply(given, x, index)

    *heads, shared = np.einsum("bf,nbfo->nbo", x, w)
    each = np.stack([head + (i + 1) * shared for i, head in enumerate(heads)])
    sign = np.where(index > 0, 1, -1)[:, None].astype(np.float32)
    after = {f"count{i}": np.float32(1) + (index == i) * (1 + i) for i in range(HEADS)}
    after = {name: count.astype(np.float32) for name, count in after.items()}
    results = each[index, np.arange(s.size)], sign * heads[0]
    return mapped, (np.ones(2, bool), (results, {"cache": after}))


class Turning(nn.Module):
    """A loop that reads its end and puts its state in variables, with keys that are split or not."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what the loop carries, and add to its state afterwards."""
        part = Product(name="part")
        put = partial(self.put_variable, "cache")
        put("total", part(x))
        put("turn", jnp.int32(0))
        put("keys", jnp.zeros((STEPS, 2, 2), jnp.uint32))

        def waits(module: Any, carry: Any) -> Any:
            turn = module.get_variable("cache", "turn")
            return turn < module.get_variable("ends", "end")

        def turns(module: Any, carry: Any) -> Any:
            turn, total, keys = (
                module.get_variable("cache", name) for name in ("turn", "total", "keys")
            )
            drawn = [jax.random.key_data(module.make_rng(name)) for name in ("fixed", "noise")]
            module.put_variable("cache", "keys", keys.at[turn].set(jnp.stack(drawn)))
            module.put_variable("cache", "total", 2 * total + carry)
            module.put_variable("cache", "turn", turn + 1)
            return carry + x[0]

        split = {"fixed": False, OTHERS: True}
        last = nn.while_loop(waits, turns, self, x[1], carry_variables="cache", split_rngs=split)
        put("total", self.get_variable("cache", "total") + 1)
        return last


def loop_carries(s: Setting) -> Any:
    """A loop carries a collection, as each example asks, and reads others; some of its keys stay the same."""
    x, w = s.inputs(), s.whole(4, s.size, FEATURES, OUTPUTS)
    ends = np.arange(s.seed, s.seed + s.size) % (STEPS + 1)
    roots = {name: jax.random.key(s.seed + i) for i, name in enumerate(("fixed", "noise"))}
    axes = {"params": s.axis, "cache": 0, "ends": 0}

    def mapped() -> Any:
        split = {"fixed": True, "noise": True}
        lifted = s.ensemble(Turning, variable_axes=axes, split_rngs=split)()
        params = s.placed({"params": {"part": {"w": w}}})
        given = {**params, "ends": {"end": jnp.asarray(ends)}}
        y, state = lifted.apply(given, x, rngs=roots, mutable=["cache"])
        keys = np.asarray(state["cache"].pop("keys"))
        each = [keys[i, :end] for i, end in enumerate(ends)]
        numbers = [[len(np.unique(k[:, n], axis=0)) for n in (0, 1)] for k in each]
        return y, state, np.array(numbers)

    inputs = np.asarray(x)
    totals, last = np.einsum("bf,bfo->bo", inputs, w), inputs[:, 1].copy()
    for turn in range(STEPS):
        goes = turn < ends
        totals = np.where(goes[:, None], 2 * totals + last[:, None], totals)
        last = np.where(goes, last + inputs[:, 0], last)
    state = {"total": totals + 1, "turn": ends.astype(np.int32)}
    numbers = np.stack([np.minimum(ends, 1), ends], 1)
    return mapped, (last, {"cache": state}, numbers)


class Layer(nn.Module):
    """A layer of two methods, whose parts and parameter are made in setup."""

    def setup(self) -> None:
        """Make them."""
        self.first, self.second = Square(), Square()
        self.b = self.param("b", roll, (FEATURES,))

    def forwards(self, x: Any) -> Any:
        """Give the carry, and what the layer has been given."""
        return self.first(x) + self.b, x

    def backwards(self, x: Any, before: Any) -> Any:
        """Give the carry with what the layer has been given before."""
        return self.second(x) + before, None


class Square(nn.Module):
    """x w, of whole numbers from -1 to 1."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give an output of the shape of `x`."""
        return jnp.dot(x, self.param("w", roll, (FEATURES, FEATURES)))


class Stacked(nn.Module):
    """Two scans of the layers of one module, and one of a function that makes them."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what all layers give."""
        axes: dict[str, Any] = {
            "variable_axes": {"params": 0},
            "split_rngs": {"params": True},
            "length": STEPS,
        }
        methods = {
            "forwards": {**axes, "in_axes": nn.broadcast},
            "backwards": {**axes, "reverse": True},
        }
        layers: Any = nn.scan(Layer, methods=methods)(name="layers")
        y, before = layers.forwards(x)
        y, _ = layers.backwards(y, before)

        def made(_: Any, carry: Any, times: Any) -> Any:
            return Square()(carry) + times * Square()(carry), None

        return nn.scan(made, **axes)(self, y, jnp.arange(STEPS))[0]


def scanned_methods(s: Setting) -> Any:
    """Two methods of a module are scanned, each in a way of its own, and a function that makes modules."""
    x, random = s.inputs(), np.random.RandomState(s.seed % 2**32)
    names = {"layers": {"first": "w", "second": "w"}, "Square_0": "w", "Square_1": "w"}
    w = random.randint(-1, 2, (4, s.size, STEPS, FEATURES, FEATURES)).astype(np.float32)
    b = np.asarray(s.whole(5, s.size, STEPS, FEATURES))
    each = iter(w)
    params: Any = jax.tree_util.tree_map(lambda leaf: {leaf: next(each)}, names)
    params["layers"]["b"] = b

    def mapped() -> Any:
        lifted = s.ensemble(Stacked)()
        made = jax.eval_shape(lifted.init, s.key, x)["params"]
        given = s.placed({"params": params})
        shapes = [jax.tree_util.tree_map(jnp.shape, tree) for tree in (made, given["params"])]
        return np.array(shapes[0] == shapes[1]), jax.jit(lifted.apply)(given, x)

    def times(y: Any, layer: Any, n: int) -> Any:
        return np.einsum("bf,bfo->bo", y, layer["w"][:, n])

    layers, before, y = params["layers"], [], np.asarray(x)
    for n in range(STEPS):
        before.append(y)
        y = times(y, layers["first"], n) + b[:, n]
    for n in reversed(range(STEPS)):
        y = times(y, layers["second"], n) + before[n]
    for n in range(STEPS):
        y = times(y, params["Square_0"], n) + n * times(y, params["Square_1"], n)
    return mapped, (np.array(True), y)


USES: dict[str, Use] = {
    "use.branches-apart": branches_apart,
    "use.loop-carries": loop_carries,
    "use.scanned-methods": scanned_methods,
}
