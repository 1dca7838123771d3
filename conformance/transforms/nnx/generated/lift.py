"""A generated module in NNX, under `nnx.vmap` and beside the loop over the unmapped module.

A standalone script of a violation holds this whole file: it imports Flax, JAX and NumPy only.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.generated.modules import APART, MODULUS, WIDTH, called, reduced


@dataclasses.dataclass(frozen=True)
class Generated:
    """A map of a generated module, and what it must give.

    `make` is its class; `variable_axes` are those of the parameters and of all other variables
    ("state"), `split` says whether each example has streams of its own; `options` are the mode of the
    map ("graph", "graph_updates"), or how it is written ("form"): of a method, or of the pure state;
    and whether the gradient is taken.
    """

    mapping: Any
    make: Any
    size: int
    in_axis: Any
    out_axis: int
    variable_axes: Mapping[str, Any]
    split: Mapping[str, bool]
    seed: int
    jitted: bool
    options: Mapping[str, Any]

    @property
    def mode(self) -> dict[str, bool]:
        """What says that no graph is updated."""
        return {
            name: self.options[name] for name in ("graph", "graph_updates") if name in self.options
        }

    @property
    def filters(self) -> dict[Any, Any]:
        """The axes of variables, by kind."""
        return {
            nnx.Param: self.variable_axes["params"],
            nnx.RngState: 0 if self.split["noise"] else None,
            ...: self.variable_axes["state"],
        }

    @property
    def inputs(self) -> Any:
        """What each example is given, stacked in front; one input where none is mapped."""
        shape = (WIDTH,) if self.in_axis is None else (self.size, WIDTH)
        random = np.random.RandomState(self.seed % 2**32)
        return jnp.asarray(random.randint(0, MODULUS, shape), jnp.float32)

    def input(self, i: int) -> Any:
        """What one example is given."""
        return self.inputs if self.in_axis is None else self.inputs[i]

    def streams(self, i: int | None = None) -> Any:
        """The streams that the module of one example is made of; None for those of the map."""
        streams = {}
        for n, name in enumerate(("params", "noise")):
            streams[name] = jax.random.key(self.seed + n)
            if i is not None and self.split[name]:
                # The keys that `nnx.split_rngs` makes of a stream that nothing was drawn from.
                root = jax.random.fold_in(streams[name], 0)
                streams[name] = jax.random.split(root, self.size)[i]
        return nnx.Rngs(**streams)

    def parts(self, module: Any) -> tuple[Any, ...]:
        """The graph of a module, its parameters, the state of its streams and all other variables."""
        parts: tuple[Any, ...] = nnx.split(module, nnx.Param, nnx.RngState, ...)
        return parts

    def together(self, each: list[Any]) -> tuple[Any, ...]:
        """Such variables of all examples: of what is shared, the first one's."""
        return tuple(
            trees[0]
            if axis is None
            else jax.tree_util.tree_map(lambda *leaves, a=axis: jnp.stack(leaves, a), *trees)
            for axis, trees in zip(self.filters.values(), zip(*each, strict=True), strict=True)
        )

    def answers(self) -> tuple[Callable[[], Any], Any]:
        """A function that gives what the map gives, and what it must give."""
        modules = [self.make(self.streams(i)) for i in range(self.size)]
        graph = self.parts(modules[0])[0]
        made = [self.parts(module)[1:] for module in modules]
        initial = [self.moved(one, i) for i, one in enumerate(made)]
        x = self.inputs if self.in_axis is None else jnp.moveaxis(self.inputs, 0, self.in_axis)
        constructed = all(self.split.values()) and not self.mode

        def mapped() -> Any:
            module = nnx.merge(graph, *self.together(initial))
            if self.options.get("form") == "state":
                result = self.of_state(module, x)
            else:
                run: Any = nnx.jit if self.jitted and not self.mode else lambda function: function
                lifted = self.lifted(module)
                both = run(lambda module, x: [lifted(module, x), lifted(module, x + 1)])
                result = self.gradient(both)(module, x), self.values(module)
            return (result, self.constructed()) if constructed else result

        @jax.jit
        def one(parts: Any, x: Any) -> Any:
            module = nnx.merge(graph, *parts)
            result = self.gradient(lambda module, x: [module(x), module(x + 1)])(module, x)
            return result, self.values(module)

        each = [one(parts, self.input(i)) for i, parts in enumerate(initial)]
        outputs = self.outputs([result[0] for result in each])
        right = outputs, self.together([result[1] for result in each])
        return mapped, (right, self.values_of(self.together(made))) if constructed else right

    def values(self, module: Any) -> Any:
        """The arrays of a module's parameters, of its streams and of all other variables."""
        return self.values_of(self.parts(module)[1:])

    def values_of(self, parts: Any) -> Any:
        """The arrays of each part, keys as numbers."""
        return tuple(
            [
                jax.random.key_data(leaf)
                if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
                else leaf
                for leaf in jax.tree_util.tree_leaves(part)
            ]
            for part in parts
        )

    def moved(self, parts: Any, i: int) -> Any:
        """The parts, with another state in each example."""
        params, streams, state = parts
        return params, streams, jax.tree_util.tree_map(lambda leaf: reduced(leaf + i), state)

    def lifted(self, module: Any) -> Any:
        """The map of what calls the module."""
        axes: Any = nnx.StateAxes(self.filters)
        if self.mode:
            prefix: Any = nnx.prefix
            axes = prefix(module, self.filters, graph=self.mode.get("graph", True))
        function = type(module).__call__ if self.options.get("form") == "method" else called
        return self.mapping(
            function,
            in_axes=(axes, self.in_axis),
            out_axes=self.out_axis,
            axis_size=self.size,
            **self.mode,
        )

    def of_state(self, module: Any, x: Any) -> Any:
        """`jax.vmap` of the pure state, which is split off before and merged within."""
        graph, *given = self.parts(module)
        graphs = [graph]

        def pure(parts: Any, x: Any) -> Any:
            inner = nnx.merge(graphs[-1], *parts)
            y = inner(x)
            graph, *after = self.parts(inner)
            # What a module sows is another node of its graph.
            graphs.append(graph)
            return y, tuple(after)

        axes, outputs, state = tuple(self.filters.values()), [], tuple(given)
        lifted = jax.vmap(pure, (axes, self.in_axis), (self.out_axis, axes), axis_size=self.size)
        for each in (x, x + 1):
            y, state = lifted(state, each)
            outputs.append(y)
        return outputs, self.values_of(state)

    def gradient(self, both: Any) -> Any:
        """A function that gives what `both` gives and, where it is taken, the gradient by parameters."""
        if not self.options.get("gradient"):
            return both

        def loss(module: Any, x: Any) -> Any:
            outputs = both(module, x)
            return sum(map(jnp.sum, outputs)), outputs

        def differentiated(module: Any, x: Any) -> Any:
            grad: Any = nnx.grad(loss, has_aux=True)
            gradient, outputs = grad(module, x)
            return outputs, jax.tree_util.tree_leaves(gradient)

        return differentiated

    def outputs(self, each: list[Any]) -> Any:
        """What the map gives, from what each example gives: outputs and perhaps gradients."""

        def stacked(trees: Any, axis: int) -> Any:
            return jax.tree_util.tree_map(lambda *leaves: jnp.stack(leaves, axis), *trees)

        if not self.options.get("gradient"):
            return stacked(each, self.out_axis)
        outputs, gradients = zip(*each, strict=True)
        axis = self.variable_axes["params"]
        gradient = stacked(gradients, axis or 0)
        if axis is None:
            gradient = [leaf.sum(0) for leaf in gradient]
        return stacked(outputs, self.out_axis), gradient

    def constructed(self) -> Any:
        """The variables of a module that is made under the map, from split streams."""
        make = self.mapping(self.make, in_axes=0, out_axes=nnx.StateAxes(self.filters))
        return self.values(APART(splits=self.size)(make)(self.streams()))
