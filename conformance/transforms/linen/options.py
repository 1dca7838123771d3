"""`nn.vmap` with options other than axes, and with other lifts.

A standalone script of a violation holds this whole file: it imports Flax, JAX and Python only.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax

WRAPPERS: dict[str, Callable[..., Any]] = {"remat": nn.remat, "jit": nn.jit}


def lifted_with(
    module: Any, given: Mapping[str, Any], kwargs: dict[str, Any], options: Mapping[str, Any]
) -> Any:
    """`nn.vmap(module, **kwargs)(**given)`, or what `options` make of it, with `init` and `apply`.

    Options are those of `nn.vmap`, and: `spelling`, how collections and streams are named;
    `by_method`, the method that is given the others; `of="function"`, a function of the module
    is lifted; `inside` and `around`, another lift; `synchronised`, a name of the batch axis, along
    which the module takes its statistics.
    """
    options = dict(options)
    spelling, by_method = options.pop("spelling", None), options.pop("by_method", None)
    inside, around = options.pop("inside", None), options.pop("around", None)
    synchronised = options.pop("synchronised", None)
    if synchronised:
        given, options["axis_name"] = {**given, "axis_name": synchronised}, synchronised
    of_function = options.pop("of", None) == "function"
    kwargs = {**kwargs, **options}
    collections, streams = kwargs["variable_axes"], kwargs["split_rngs"]
    kwargs["variable_axes"] = spelt(collections, spelling)
    kwargs["split_rngs"] = spelt(streams, spelling)
    if inside:
        module = WRAPPERS[inside](module)
    if of_function:
        return Within(OfFunction(module(**given), kwargs))
    lifted = nn.vmap(module, **({"methods": {by_method: kwargs}} if by_method else kwargs))
    if around == "vmap":
        shared: dict[Any, Any] = {"variable_axes": dict.fromkeys(collections)}
        unsplit: dict[Any, Any] = {"split_rngs": dict.fromkeys(streams, False)}
        named = {k: v for k, v in kwargs.items() if k == "metadata_params"}
        twice = nn.vmap(lifted, in_axes=None, axis_size=2, **shared, **unsplit, **named)
        return FirstOfTwo(twice(**given))
    if around == "scan":
        return Within(InScan(lifted(**given)))
    return (WRAPPERS[around](lifted) if around else lifted)(**given)


def spelt(by_name: Mapping[str, Any], spelling: str | None) -> dict[Any, Any]:
    """A mapping by collection or stream, with other filters that choose the same of them."""
    if spelling == "together":
        groups: dict[Any, list[str]] = {}
        for name, value in by_name.items():
            groups.setdefault(value, []).append(name)
        return {tuple(names): value for value, names in groups.items()}
    if spelling == "all but" and len(by_name) == 2:
        (one, first), (_, second) = by_name.items()
        return {one: first, nn.DenyList(one): second}
    if spelling == "all" and len(set(by_name.values())) == 1:
        return {True: next(iter(by_name.values()))}
    return dict(by_name)


class OfFunction(nn.Module):
    """`nn.vmap` of a function of a module and of one tree of inputs."""

    inner: nn.Module
    kwargs: Mapping[str, Any]

    @nn.compact
    def __call__(self, *inputs: Any) -> Any:
        """Give the output of the mapped function, which takes the inputs as one tree."""
        of_trees = {
            "in_axes": ({"inputs": self.kwargs["in_axes"]},),
            "out_axes": {"output": self.kwargs["out_axes"]},
        }
        lifted: Any = nn.vmap(
            lambda module, tree: {"output": module(*tree["inputs"])}, **{**self.kwargs, **of_trees}
        )
        return lifted(self.inner, {"inputs": inputs})["output"]


class InScan(nn.Module):
    """A lifted module twice over in `nn.scan`, with the same parameters and inputs."""

    inner: nn.Module

    @nn.compact
    def __call__(self, *inputs: Any) -> Any:
        """Give what the module gives in the second of the two steps."""

        def body(module: Any, carry: Any, _: Any) -> Any:
            return carry, module(*inputs)

        scan = nn.scan(body, variable_broadcast=True, split_rngs={True: False}, length=2)
        return jax.tree_util.tree_map(lambda leaf: leaf[1], scan(self.inner, (), None)[1])


class Within:
    """A module whose `inner` is the one that counts, as if it were that."""

    def __init__(self, outer: nn.Module) -> None:
        self.outer = outer

    def init(self, rngs: Any, *inputs: Any) -> Any:
        """Initialise the outer module, and give the variables of `inner` by collection."""
        return {name: tree["inner"] for name, tree in self.outer.init(rngs, *inputs).items()}

    def apply(self, variables: Any, *inputs: Any, rngs: Any, mutable: Any) -> Any:
        """Apply the outer module to variables of `inner`: give its output and the updates of `inner`."""
        wrapped = {name: {"inner": tree} for name, tree in variables.items()}
        output, updates = self.outer.apply(wrapped, *inputs, rngs=rngs, mutable=mutable)
        return output, {name: tree["inner"] for name, tree in updates.items()}


class FirstOfTwo:
    """A module whose output has one more axis in front, without it."""

    def __init__(self, twice: nn.Module) -> None:
        self.twice = twice
        self.init = twice.init

    def apply(self, variables: Any, *inputs: Any, rngs: Any, mutable: Any) -> Any:
        """Apply the module: give the first entry of its output along the axis in front, and its updates."""
        output, updates = self.twice.apply(variables, *inputs, rngs=rngs, mutable=mutable)
        return jax.tree_util.tree_map(lambda leaf: leaf[0], output), updates
