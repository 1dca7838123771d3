"""What the documented uses of NNX's maps have in common: a module of whole numbers, and the loop over it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.wording import may_reword

FEATURES, OUTPUTS = 2, 4
"""The sizes of a module's input and output."""
MEMBERS = "members"
"""What the axis of an ensemble is called."""


class Total(nnx.Variable[Any]):
    """What a module has given so far."""


class Net(nnx.Module):
    """y = x w + b, which the module adds to its total."""

    def __init__(self, w: Any, b: Any, total: Any) -> None:
        self.w, self.b, self.total = nnx.Param(w), nnx.Param(b), Total(total)

    def encode(self, x: Any) -> Any:
        """Give y for `x` of shape (FEATURES,), and write nothing."""
        return jnp.dot(x, read(self.w)) + read(self.b)

    def __call__(self, x: Any) -> Any:
        """Give y, and add it to the total."""
        y = self.encode(x)
        write(self.total, read(self.total) + y)
        return y


def variables(net: Any) -> dict[str, Any]:
    """The values of a `Net`'s variables."""
    return {name: read(getattr(net, name)) for name in ("w", "b", "total")}


def state_axes(filters: Mapping[Any, Any]) -> Any:
    """The axes of variables by filter, for a map that updates the graph."""
    return nnx.StateAxes(filters)


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a use is given: a map, a number of examples, and what it may choose."""

    mapping: Callable[..., Any]
    """`nnx.vmap`, or another map that takes the same arguments."""
    size: int
    seed: int
    mode: Mapping[str, bool] = dataclasses.field(default_factory=dict)
    """`graph` or `graph_updates`, where one of them is False."""

    def map(self, function: Any, **axes: Any) -> Any:
        """The map of a function in this mode."""
        return self.mapping(function, **axes, **self.mode)

    def whole(self, number: int, *shape: int) -> Any:
        """Whole numbers of this shape; each `number` gives others."""
        random = np.random.RandomState((self.seed + 7919 * number) % 2**32)
        return jnp.asarray(random.randint(-4, 5, size=shape), jnp.float32)

    @property
    def axis(self) -> int:
        """Where the parameters of an ensemble are stacked: the mode of the map is chosen by `seed % 2`."""
        return self.seed // 2 % 2

    def inputs(self) -> Any:
        """An input for each example, of shape (size, FEATURES)."""
        return self.whole(3, self.size, FEATURES)

    def values(self) -> dict[str, Any]:
        """The variables of a `Net` for each member, stacked in front."""
        shapes = {"w": (FEATURES, OUTPUTS), "b": (OUTPUTS,), "total": (OUTPUTS,)}
        each = enumerate(shapes.items())
        return {name: self.whole(10 + i, self.size, *shape) for i, (name, shape) in each}

    def member(self, i: int) -> Net:
        """Member `i` of the ensemble, by itself."""
        return Net(**{name: value[i] for name, value in self.values().items()})

    def ensemble(self) -> Net:
        """The members stacked: parameters along `axis`, the total in front."""
        return Net(**self.placed(self.values()))

    def placed(self, tree: dict[str, Any]) -> dict[str, Any]:
        """Variables that are stacked in front, with those of parameters along `axis`."""
        moved = {name: jnp.moveaxis(tree[name], 0, self.axis) for name in ("w", "b")}
        return {**tree, **moved}

    def placed_in_front(self, tree: dict[str, Any]) -> dict[str, Any]:
        """Variables whose parameters are stacked along `axis`, with all of them in front."""
        moved = {name: jnp.moveaxis(tree[name], self.axis, 0) for name in ("w", "b")}
        return {**tree, **moved}

    def filters(self) -> dict[Any, Any]:
        """The axes of the ensemble's variables."""
        return {nnx.Param: self.axis, ...: 0}

    def axes_of(self, tree: Any, filters: Mapping[Any, Any]) -> Any:
        """What `in_axes` takes for a module whose variables have these axes, in this mode."""
        if not self.mode:
            return state_axes(filters)
        prefix: Any = nnx.prefix
        return prefix(tree, filters, graph=self.mode.get("graph", True))

    def loop(self, one: Callable[[int], Any]) -> Any:
        """What `one(i)` gives of each example, stacked in front."""
        each = [one(i) for i in range(self.size)]
        return jax.tree_util.tree_map(lambda *leaves: jnp.stack(leaves), *each)

    def expected(self, encode: bool = False) -> dict[str, Any]:
        """What each member gives of its input, and its variables after the call."""

        def one(i: int) -> Any:
            net = self.member(i)
            y = net.encode(self.inputs()[i]) if encode else net(self.inputs()[i])
            return {"y": y, **variables(net)}

        return self.placed(self.loop(one))


Use = Callable[[Setting], tuple[Callable[[], Any], Any]]
"""From a setting to a function that gives what the map gives, and to what it must give."""


def raises(function: Callable[[], Any]) -> Any:
    """Whether the function raises."""
    try:
        function()
    except Exception:
        return np.array(True)
    return np.array(False)


def refused(function: Callable[[], Any]) -> Any:
    """Whether the function raises ValueError."""
    try:
        function()
    except ValueError:
        return np.array(True)
    return np.array(False)


def refuses(function: Callable[[], Any], error: type[Exception], *words: str) -> Any:
    """Whether the function raises this error, whose message has all of the words where they are known."""
    try:
        function()
    except error as raised:
        return np.array(may_reword() or all(word in str(raised) for word in words))
    except Exception:
        return np.array(False)
    return np.array(False)


def refused_or(expected: Any, function: Callable[[], Any]) -> Any:
    """What the function gives; what is expected of it where it raises instead of answering."""
    try:
        return function()
    except (TypeError, ValueError):
        return expected


def has_tracer(module: Any) -> Any:
    """Whether a variable of the module holds a tracer."""
    leaves = jax.tree_util.tree_leaves(nnx.state(module))
    return np.array(any(isinstance(leaf, jax.core.Tracer) for leaf in leaves))
