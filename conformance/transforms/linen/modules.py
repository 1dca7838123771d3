"""Which Linen class each module subject is. Every class takes the subject's hyperparameters."""

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import struct

from properties.call import ModuleCall


class Block(nn.Module):
    """A Dense layer of `features` outputs, then tanh."""

    features: int

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to shape (..., features)."""
        return jnp.tanh(nn.Dense(self.features)(x))


class MLP(nn.Module):
    """A `Block` for each width in `features` but the last, then a Dense layer of the last width."""

    features: Sequence[int]

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to shape (..., features[-1])."""
        for width in self.features[:-1]:
            x = Block(width)(x)
        return nn.Dense(self.features[-1])(x)


class ColumnCell(nn.Module):
    """A recurrent cell without a bias, whose weights multiply columns: tanh(w x + u carry)."""

    features: int

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the new carry of shape (features,) twice, as carry and as output, for `x` of shape (m,)."""
        draw = nn.initializers.lecun_normal()
        w = self.param("w", draw, (self.features, x.shape[-1]), jnp.float32)
        u = self.param("u", draw, (self.features, self.features), jnp.float32)
        h = jnp.tanh(jnp.dot(w, x) + jnp.dot(u, carry))
        return h, h


class KeyProbe(nn.Module):
    """A module whose two parameters are the data of the PRNG keys that their initialisers get."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Add to `x` the lowest bit of the first word of each of the two keys."""
        first = self.param("first", jax.random.key_data)
        second = self.param("second", jax.random.key_data)
        return x + ((first[..., 0] & 1) + (second[..., 0] & 1)).astype(x.dtype)


class Sown(nn.Module):
    """A Dense layer, whose output is sown as `before` in `intermediates`, then tanh."""

    features: int

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to shape (..., features)."""
        y = nn.Dense(self.features)(x)
        self.sow("intermediates", "before", y)
        return jnp.tanh(y)


class Accumulator(nn.Module):
    """A running sum of its inputs, in the variable `total` of the collection `cache`."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Add `x` to the total, except at initialisation, and give the total, of the shape of `x`."""
        total = self.variable("cache", "total", jnp.zeros, x.shape, jnp.float32)
        if not self.is_initializing():
            total.value = total.value + x
        return total.value


class NoisyDense(nn.Module):
    """A Dense layer of `features` outputs, then dropout with probability `rate` in every call."""

    features: int
    rate: float

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to shape (..., features)."""
        return nn.Dropout(self.rate, deterministic=False)(nn.Dense(self.features)(x))


class Labelled(struct.PyTreeNode, nn.meta.AxisMetadata[Any]):
    """A box of a user's own, which names the axes that it is given."""

    value: Any
    names: tuple[str, ...] = struct.field(pytree_node=False)

    def unbox(self) -> Any:
        """Give the value without its box."""
        return self.value

    def replace_boxed(self, val: Any) -> Any:
        """Give a box of the same names that holds `val`."""
        return self.replace(value=val)

    def add_axis(self, index: int, params: dict[Any, Any]) -> Any:
        """Give the box with one more name, that in `params`, for a new axis at `index`."""
        place = index if index >= 0 else index + len(self.names) + 1
        name = params[nn.PARTITION_NAME]
        return self.replace(names=(*self.names[:place], name, *self.names[place:]))

    def remove_axis(self, index: int, params: dict[Any, Any]) -> Any:
        """Give the box without the name of the axis at `index`; `params` is not read."""
        place = index % len(self.names)
        return self.replace(names=(*self.names[:place], *self.names[place + 1 :]))


class PartitionedDense(nn.Module):
    """Its two parameters say what their axes are called in two ways: Flax's, and one of their own."""

    features: int

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to x kernel + bias, of shape (..., features)."""
        draw = nn.with_partitioning(nn.initializers.lecun_normal(), ("in", "out"))
        kernel: Any = self.param("kernel", draw, (x.shape[-1], self.features), jnp.float32)
        bias: Any = self.param(
            "bias", lambda key: Labelled(jnp.zeros(self.features, jnp.float32), ("out",))
        )
        y = jnp.dot(x, kernel)
        return y + jnp.broadcast_to(bias, y.shape)


class ScannedCell(nn.Module):
    """An `nn.SimpleCell` scanned along the first axis of its inputs, with the same parameters throughout."""

    features: int

    @nn.compact
    def __call__(self, carry: Any, xs: Any) -> Any:
        """Give the last carry, (features,), and all outputs, (length, features), of `xs`, (length, m)."""
        scan = nn.scan(nn.SimpleCell, variable_broadcast="params", split_rngs={"params": False})
        return scan(self.features, name="cell")(carry, xs)


class Members(nn.Module):
    """Dense layers, one with its own parameters for each entry of the first axis of the input."""

    features: int

    @nn.compact
    def __call__(self, xs: Any) -> Any:
        """Map `xs` of shape (length, m) to shape (length, features)."""
        lift = nn.vmap(nn.Dense, variable_axes={"params": 0}, split_rngs={"params": True})
        return lift(self.features, name="members")(xs)


class Repeated(nn.Module):
    """A Dense layer applied once, then `times` times more, each followed by tanh, in `nn.while_loop`."""

    times: int

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to the same shape."""
        layer = nn.Dense(x.shape[-1], name="layer")

        def body(module: Any, state: Any) -> Any:
            return state[0] + 1, jnp.tanh(module(state[1]))

        state = (0, layer(x))
        return nn.while_loop(lambda _, state: state[0] < self.times, body, layer, state)[1]


class Rematted(nn.Module):
    """A `Block` under `nn.remat`, then a Dense layer, both of `features` outputs."""

    features: int

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to shape (..., features)."""
        return nn.Dense(self.features)(nn.remat(Block)(self.features, name="block")(x))


CLASSES: dict[str, Any] = {
    "dense": nn.Dense,
    "mlp": MLP,
    "conv": nn.Conv,
    "layer-norm": nn.LayerNorm,
    "batch-norm": nn.BatchNorm,
    "dropout": nn.Dropout,
    "embed": nn.Embed,
    "self-attention": nn.MultiHeadDotProductAttention,
    "simple-cell": nn.SimpleCell,
    "gru-cell": nn.GRUCell,
    "column-cell": ColumnCell,
    "key-probe": KeyProbe,
    "sown": Sown,
    "accumulator": Accumulator,
    "noisy-dense": NoisyDense,
    "partitioned-dense": PartitionedDense,
    "scanned-cell": ScannedCell,
    "members": Members,
    "repeated": Repeated,
    "rematted": Rematted,
}


ORIGINS: dict[str, str] = {}
"""The module of the user's that lists each subject of theirs."""


def source(call: ModuleCall) -> tuple[str, str, str]:
    """Python that defines the class of the call's module, its name, and its hyperparameters."""
    module = CLASSES[call.subject_name]
    if call.subject.own is not None:
        then = "Lifted, given = subject.lifted_class, subject.configure({})"
        subject = own_source(call.subject_name, then)
        return f"import flax.linen as nn\n{subject}\n", "Lifted", "**given"
    given = ", ".join(f"{k}={v!r}" for k, v in call.subject.configure(call.sizes).items())
    if module.__module__ != __name__:
        name = module.__name__
        return f"import flax.linen as nn\nfrom flax.linen import {name}", name, given
    classes = [c for c in CLASSES.values() if c.__module__ == __name__]
    return _ours(Block, Labelled, *classes), module.__name__, given


def own_source(name: str, then: str) -> str:
    """Python that finds one of the user's own subjects where they listed it."""
    if name not in ORIGINS:
        return f"subject = ...  # what {name} was made of\n{then}"
    found = f"subject = next(each for each in SUBJECTS if each.name == {name!r})"
    origin = ORIGINS[name]
    return f"{made_importable(origin)}\nfrom {origin} import SUBJECTS\n\n{found}\n{then}"


def made_importable(origin: str) -> str:
    """The line of a script that makes a user's module importable: here, and where this run found it."""
    file = getattr(sys.modules.get(origin), "__file__", None)
    places = ["os.getcwd()"]
    if file is not None:
        above = origin.count(".") + (Path(file).name == "__init__.py")
        places.append(repr(str(Path(file).resolve().parents[above])))
    return f"sys.path += [{', '.join(places)}]  # where a run found the module"


def _ours(*classes: Any) -> str:
    imports = (
        "from collections.abc import Sequence\nfrom typing import Any\n\nimport flax.linen as nn\n"
        "from flax import struct\n"
    )
    return imports + "\n\n" + "\n\n".join(map(inspect.getsource, classes))
