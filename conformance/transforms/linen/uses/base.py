"""What the documented uses of `nn.vmap` have in common: modules of whole numbers, and the loop over them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

FEATURES, OUTPUTS = 2, 4
"""The sizes of a module's input and output."""
MEMBERS = "members"
"""What the axis of an ensemble is called."""


def roll(key: Any, shape: Any, dtype: Any = jnp.float32) -> Any:
    """Whole numbers of this shape, drawn from a key."""
    return jax.random.randint(key, shape, -9, 9).astype(dtype)


class Net(nn.Module):
    """y = x w + b, which the module adds to the total in its cache."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give y for `x` of shape (FEATURES,)."""
        w = self.param("w", roll, (FEATURES, OUTPUTS))
        y: Any = jnp.dot(x, w) + self.param("b", roll, (OUTPUTS,))
        total = self.variable("cache", "total", jnp.zeros, OUTPUTS)
        total.value = total.value + y
        return y


class Coder(nn.Module):
    """A module of two methods with the same parameters."""

    def setup(self) -> None:
        """Make the parameter."""
        self.w = self.param("w", roll, (FEATURES, OUTPUTS))

    def encode(self, x: Any) -> Any:
        """Map `x` of shape (FEATURES,) to (OUTPUTS,)."""
        return jnp.dot(x, self.w)

    def decode(self, y: Any) -> Any:
        """Map `y` of shape (OUTPUTS,) to (FEATURES,)."""
        return jnp.dot(self.w, y)

    def __call__(self, x: Any) -> Any:
        """Encode and decode."""
        return self.decode(self.encode(x))


class Noisy(nn.Module):
    """Dropout of x."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give an output of the shape of `x`."""
        return nn.Dropout(0.5, deterministic=False)(x)


class OfTree(nn.Module):
    """A `Net` of what is in a dictionary."""

    @nn.compact
    def __call__(self, tree: Any) -> Any:
        """Give {"y": y, "sums": [y + z]} for {"x": x, "rest": [z]}."""
        y = Net(name="net")(tree["x"])
        return {"y": y, "sums": [y + tree["rest"][0]]}


class Twice(nn.Module):
    """One submodule, called twice."""

    of: Any

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give both outputs."""
        inner = self.of(name="inner")
        return [inner(x), inner(x + 1)]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a use is given: a number of examples, and what it may choose."""

    size: int
    seed: int

    @property
    def axis(self) -> int:
        """Where the parameters of an ensemble are stacked."""
        return self.seed % 2

    @property
    def key(self) -> Any:
        """The root key."""
        return jax.random.key(self.seed)

    def keys(self, root: Any) -> Any:
        """The key of each member."""
        return jax.random.split(root, self.size)

    def whole(self, number: int, *shape: int) -> Any:
        """Whole numbers of this shape; each `number` gives others."""
        random = np.random.RandomState((self.seed + 7919 * number) % 2**32)
        return jnp.asarray(random.randint(-4, 5, size=shape), jnp.float32)

    def inputs(self) -> Any:
        """An input for each example, of shape (size, FEATURES)."""
        return self.whole(3, self.size, FEATURES)

    def ensemble(self, module: Any, **given: Any) -> Any:
        """The lifted class: parameters along `axis`, the cache in front, keys split."""
        axes = {"params": self.axis, "cache": 0}
        split = {"params": True, "dropout": True}
        return nn.vmap(module, **{"variable_axes": axes, "split_rngs": split, **given})

    def loop(self, one: Callable[[int], Any]) -> Any:
        """What `one(i)` gives of each example, stacked in front."""
        each = [one(i) for i in range(self.size)]
        return jax.tree_util.tree_map(lambda *leaves: jnp.stack(leaves), *each)

    def placed(self, variables: Any) -> Any:
        """Variables that are stacked in front, with parameters along `axis`."""
        moved = jax.tree_util.tree_map(
            lambda leaf: jnp.moveaxis(leaf, 0, self.axis), variables["params"]
        )
        return {**variables, "params": moved}

    def members(self, module: Any, *inputs: Any) -> Any:
        """The variables of each member, initialised by its own key, stacked in front."""
        keys = self.keys(self.key)
        return self.loop(lambda i: module.init(keys[i], *(x[i] for x in inputs)))


def bits(key: Any) -> Any:
    """One number of 2^64: no two of a use's draws are alike by chance."""
    return jax.random.bits(key, (2,))


def of_all(drawn: Any) -> Any:
    """How many different numbers are drawn."""
    return np.array(len(np.unique(np.reshape(drawn, (-1, 2)), axis=0)))


Use = Callable[[Setting], tuple[Callable[[], Any], Any]]
"""From a setting to a function that gives what the map gives, and to what it must give."""


def member(variables: Any, i: int) -> Any:
    """Member `i` of variables that are stacked in front."""
    return jax.tree_util.tree_map(lambda leaf: leaf[i], variables)


def error_of(function: Callable[[], Any]) -> str:
    """The name of the class of what the function raises."""
    try:
        function()
    except Exception as error:
        return type(error).__name__
    return "nothing"
