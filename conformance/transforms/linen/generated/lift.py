"""A generated module in Linen, under `nn.vmap` and beside the loop over the unmapped module.

A standalone script of a violation holds this whole file: it imports Flax, JAX and NumPy only.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.generated.modules import MODULUS, STATE, WIDTH, called, reduced


class Outer(nn.Module):
    """A module that calls another one twice, itself or a map of it."""

    make: Any
    lift: Any = None
    of_function: bool = False

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give both outputs."""
        if self.of_function:
            inner, lifted = self.make(name="inner"), self.lift(called)
            return [lifted(inner, x), lifted(inner, x + 1)]
        lifted = self.make if self.lift is None else self.lift(self.make)
        inner = lifted(name="inner")
        return [inner(x), inner(x + 1)]


@dataclasses.dataclass(frozen=True)
class Generated:
    """A lift of a generated module, and what it must give.

    `make` is its class; `variable_axes` and `split` are those of the lift, with the axis of all
    collections but the parameters under "state"; `options` say what is lifted: the class by itself, or
    inside another module the class or a function ("form"); and whether the gradient is taken.
    """

    make: Any
    size: int
    in_axis: Any
    out_axis: int
    variable_axes: Mapping[str, Any]
    split: Mapping[str, bool]
    seed: int
    jitted: bool
    options: Mapping[str, Any]

    def lift(self, target: Any) -> Any:
        """The map of a class or of a function of a module and x."""
        axes = dict.fromkeys(STATE, self.variable_axes["state"])
        split: dict[Any, bool] = dict(self.split)
        return nn.vmap(
            target,
            in_axes=self.in_axis,
            out_axes=self.out_axis,
            axis_size=self.size,
            variable_axes={"params": self.variable_axes["params"], **axes},
            split_rngs=split,
        )

    @property
    def inputs(self) -> Any:
        """What each example is given, stacked in front; one input where none is mapped."""
        shape = (WIDTH,) if self.in_axis is None else (self.size, WIDTH)
        random = np.random.RandomState(self.seed % 2**32)
        return jnp.asarray(random.randint(0, MODULUS, shape), jnp.float32)

    def input(self, i: int) -> Any:
        """What one example is given."""
        return self.inputs if self.in_axis is None else self.inputs[i]

    @property
    def keys(self) -> dict[str, Any]:
        """The root key of each stream."""
        names = ("params", "noise")
        return {name: jax.random.key(self.seed + n) for n, name in enumerate(names)}

    def key(self, i: int, *names: str) -> dict[str, Any]:
        """The keys of one example."""
        return {
            name: jax.random.split(self.keys[name], self.size)[i]
            if self.split[name]
            else self.keys[name]
            for name in names
        }

    def together(self, each: list[Any], axis: int) -> Any:
        """What the examples have, stacked along an axis."""
        return jax.tree_util.tree_map(lambda *leaves: jnp.stack(leaves, axis), *each)

    def placed(self, each: list[Any]) -> dict[str, Any]:
        """The variables of all examples: of what is shared, the first one's."""
        names = dict.fromkeys(each[0])
        return {
            name: each[0][name]
            if self.axis(name) is None
            else self.together([one[name] for one in each], self.axis(name))
            for name in names
        }

    def axis(self, collection: str) -> Any:
        """The axis of a collection."""
        return self.variable_axes["params" if collection == "params" else "state"]

    def answers(self) -> tuple[Callable[[], Any], Any]:
        """A function that gives what the map gives, and what it must give."""
        run = jax.jit if self.jitted else lambda function: function
        initial = self.members()
        variables = self.placed([self.moved(one, i) for i, one in enumerate(initial)])
        inside = "form" in self.options
        plain: Any = Outer(self.make) if inside else self.make()
        given = self.inputs if self.in_axis is None else jnp.moveaxis(self.inputs, 0, self.in_axis)

        def mapped() -> Any:
            if inside:
                lifted = Outer(self.make, self.lift, self.options["form"] == "function")
                return run(lambda v: self.applied(lifted, v, self.keys, given))(variables)
            lifted = self.lift(self.make)()
            first = run(lambda keys: lifted.init(keys, given))(self.keys)
            return first, run(lambda v: self.applied(lifted, v, self.keys, given))(variables)

        one = jax.jit(lambda v, keys, x: self.applied(plain, v, keys, x))
        each = [
            one(self.moved(v, i), self.key(i, "noise"), self.input(i))
            for i, v in enumerate(initial)
        ]
        right = self.gathered(each)
        return mapped, right if inside else (self.placed(initial), right)

    def members(self) -> list[Any]:
        """The variables that each example starts with, drawn by the unmapped module."""
        init = jax.jit(self.make().init)
        return [init(self.key(i, "params", "noise"), self.input(i)) for i in range(self.size)]

    def moved(self, variables: Any, i: int) -> Any:
        """The variables, with another state in each example."""
        return {
            name: tree
            if name == "params"
            else jax.tree_util.tree_map(lambda leaf: reduced(leaf + i), tree)
            for name, tree in variables.items()
        }

    def applied(self, module: Any, variables: Any, keys: Any, x: Any) -> Any:
        """The output, the updated collections and, where it is taken, the gradient by the parameters."""
        inside = isinstance(module, Outer)

        def loss(params: Any) -> Any:
            every = {**variables, "params": params}
            if inside:
                every = {name: {"inner": tree} for name, tree in every.items()}
            noise = {"noise": keys["noise"]}
            y, updates = module.apply(every, x, rngs=noise, mutable=list(STATE))
            total = sum(jnp.sum(leaf) for leaf in jax.tree_util.tree_leaves(y))
            return total, (y, {name: tree for name, tree in updates.items() if tree})

        params = variables.get("params", {})
        if not self.options.get("gradient"):
            return loss(params)[1]
        gradient, result = jax.grad(loss, has_aux=True)(params)
        return *result, gradient

    def gathered(self, each: list[Any]) -> Any:
        """What `applied` gives of the map, from what it gives of each example."""
        outputs, updates, *gradients = zip(*each, strict=True)
        result = [self.together(list(outputs), self.out_axis), self.placed(list(updates))]
        for of_each in gradients:
            axis = self.axis("params")
            stacked = self.together(list(of_each), axis or 0)
            shared = jax.tree_util.tree_map(lambda leaf: leaf.sum(0), stacked)
            result.append(shared if axis is None else stacked)
        return tuple(result)
