"""Mapping NNX modules and their state, with variables by collection as Linen has them.

A standalone script of a violation holds this whole file: it imports Flax, JAX and Python only.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
from flax import nnx


class Cache(nnx.Variable[Any]):
    """The collection "cache"."""


KINDS: dict[str, Any] = {"params": nnx.Param, "batch_stats": nnx.BatchStat, "cache": Cache}


def read(variable: Any) -> Any:
    """The value of a variable, in the way that the installed Flax has for it."""
    # `value` is deprecated since flax 0.12, and what replaces it is not in 0.10.
    return variable.get_value() if hasattr(variable, "get_value") else variable.value


def write(variable: Any, value: Any) -> None:
    """Set the value of a variable, in the way that the installed Flax has for it."""
    if hasattr(variable, "set_value"):
        variable.set_value(value)
    else:
        variable.value = value


def raw(variable: Any) -> Any:
    """What a variable holds, without its hooks."""
    return variable.get_raw_value() if hasattr(variable, "get_raw_value") else variable.raw_value


class Block(nnx.Module):
    """A Linear layer from `m` to `n` features, then tanh."""

    def __init__(self, m: int, n: int, rngs: Any) -> None:
        self.Dense_0 = nnx.Linear(m, n, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to shape (..., n)."""
        return jnp.tanh(self.Dense_0(x))


class MLP(nnx.Module):
    """A `Block` from `m` to `k` features, then a Linear layer to `n`."""

    def __init__(self, m: int, k: int, n: int, rngs: Any) -> None:
        self.Block_0 = Block(m, k, rngs)
        self.Dense_0 = nnx.Linear(k, n, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to shape (..., n)."""
        return self.Dense_0(self.Block_0(x))


class Accumulator(nnx.Module):
    """A running sum of its inputs of shape (m,), in the collection `cache`."""

    def __init__(self, m: int) -> None:
        self.total = Cache(jnp.zeros((m,), jnp.float32))

    def __call__(self, x: Any) -> Any:
        """Add `x` to the total, and give the total."""
        write(self.total, read(self.total) + x)
        return read(self.total)


class ColumnCell(nnx.Module):
    """A recurrent cell without a bias, whose weights multiply columns: tanh(w x + u carry)."""

    def __init__(self, m: int, n: int, rngs: Any) -> None:
        draw = nnx.initializers.lecun_normal()
        self.w = nnx.Param(draw(rngs.params(), (n, m), jnp.float32))
        self.u = nnx.Param(draw(rngs.params(), (n, n), jnp.float32))

    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the new carry of shape (n,) twice, as carry and as output, for `x` of shape (m,)."""
        h = jnp.tanh(jnp.dot(read(self.w), x) + jnp.dot(read(self.u), carry))
        return h, h


def recurrent(n: int, rngs: Any, use_bias: bool = False) -> Any:
    """The layer on the carry, as Linen's cells have it."""
    orthogonal = nnx.initializers.orthogonal()
    return nnx.Linear(n, n, use_bias=use_bias, kernel_init=orthogonal, rngs=rngs)


class SimpleCell(nnx.Module):
    """An Elman cell: tanh of a Linear layer on the input plus one without a bias on the carry."""

    def __init__(self, m: int, n: int, rngs: Any) -> None:
        self.i, self.h = nnx.Linear(m, n, rngs=rngs), recurrent(n, rngs)

    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the new carry of shape (..., n) twice, as carry and as output, for `x` of (..., m)."""
        h = jnp.tanh(self.i(x) + self.h(carry))
        return h, h


class GRUCell(nnx.Module):
    """A gated recurrent unit, with a reset gate, an update gate and a candidate state."""

    def __init__(self, m: int, n: int, rngs: Any) -> None:
        self.ir, self.iz = nnx.Linear(m, n, rngs=rngs), nnx.Linear(m, n, rngs=rngs)
        setattr(self, "in", nnx.Linear(m, n, rngs=rngs))  # a keyword of Python's
        self.hr, self.hz = recurrent(n, rngs), recurrent(n, rngs)
        self.hn = recurrent(n, rngs, use_bias=True)

    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the new carry of shape (..., n) twice, as carry and as output, for `x` of (..., m)."""
        r = jax.nn.sigmoid(self.ir(x) + self.hr(carry))
        z = jax.nn.sigmoid(self.iz(x) + self.hz(carry))
        h = (1.0 - z) * jnp.tanh(getattr(self, "in")(x) + r * self.hn(carry)) + z * carry
        return h, h


class ScannedCell(nnx.Module):
    """A `SimpleCell` scanned along the first axis of its inputs, with the same parameters throughout."""

    def __init__(self, m: int, n: int, rngs: Any) -> None:
        self.cell = SimpleCell(m, n, rngs)

    def __call__(self, carry: Any, xs: Any) -> Any:
        """Give the last carry, (n,), and all outputs, (length, n), for `xs` of shape (length, m)."""

        def step(cell: Any, carry: Any, x: Any) -> Any:
            return cell(carry, x)

        axes = (None, nnx.Carry, 0)
        return nnx.scan(step, in_axes=axes, out_axes=axes[1:])(self.cell, carry, xs)


class Repeated(nnx.Module):
    """A Linear layer applied once, then `times` times more, each followed by tanh, in `nnx.while_loop`."""

    def __init__(self, m: int, times: int, rngs: Any) -> None:
        self.layer, self.times = nnx.Linear(m, m, rngs=rngs), times

    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to the same shape."""

        def body(state: Any) -> Any:
            layer, turn, y = state
            return layer, turn + 1, jnp.tanh(layer(y))

        state = (self.layer, jnp.int32(0), self.layer(x))
        return nnx.while_loop(lambda state: state[1] < self.times, body, state)[2]


class Rematted(nnx.Module):
    """A `Block` under `nnx.remat`, from `m` to `n` features, then a Linear layer of `n`."""

    def __init__(self, m: int, n: int, rngs: Any) -> None:
        self.block, self.Dense_0 = Block(m, n, rngs), nnx.Linear(n, n, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        """Map `x` of shape (..., m) to shape (..., n)."""
        return self.Dense_0(nnx.remat(lambda block, x: block(x))(self.block, x))


class NoisyDense(nnx.Module):
    """A Linear layer from `m` to `n` features, then dropout with probability `rate` in every call."""

    def __init__(self, m: int, n: int, rate: float, rngs: Any) -> None:
        self.Dense_0 = nnx.Linear(m, n, rngs=rngs)
        self.Dropout_0 = nnx.Dropout(rate, deterministic=False)

    def __call__(self, x: Any, rngs: Any) -> Any:
        """Map `x` of shape (..., m) to shape (..., n), with dropout drawn from `rngs`."""
        return self.Dropout_0(self.Dense_0(x), rngs=rngs)


def partitioned(m: int, n: int, rngs: Any) -> Any:
    """A Linear layer that names the axes of its parameters."""
    # Since flax 0.12 a variable would be placed on a mesh at once; there is none here.
    later: dict[str, Any] = {"eager_sharding": False} if hasattr(nnx, "use_eager_sharding") else {}
    kernel = nnx.with_partitioning(nnx.initializers.lecun_normal(), ("in", "out"), **later)
    bias = nnx.with_partitioning(nnx.initializers.zeros_init(), ("out",), **later)
    with _not_on_a_mesh():
        return nnx.Linear(m, n, kernel_init=kernel, bias_init=bias, rngs=rngs)


def _not_on_a_mesh() -> contextlib.AbstractContextManager[Any]:
    """In flax 0.12.0 only a flag, not an argument, says that variables are not placed at once."""
    flag = "flax_always_shard_variable"
    if hasattr(nnx, "use_eager_sharding") or not hasattr(flax.config, flag):
        return contextlib.nullcontext()
    made: contextlib.AbstractContextManager[Any]
    made = flax.config.temp_flip_flag(flag.removeprefix("flax_"), False)
    return made


def collected(module: Any) -> dict[str, Any]:
    """The module's variables: by collection, then by name, as deep as its submodules go."""
    found: dict[str, Any] = {}
    for name, value in vars(module).items():
        if isinstance(value, nnx.Module):
            for collection, tree in collected(value).items():
                found.setdefault(collection, {})[name] = tree
        for collection, kind in KINDS.items():
            if isinstance(value, kind) and read(value) is not None:
                found.setdefault(collection, {})[name] = read(value)
    return found


def put(module: Any, variables: Mapping[str, Any]) -> Any:
    """The module, with these variables in place of its own."""
    for tree in variables.values():
        for name, value in tree.items():
            place = getattr(module, name)
            if isinstance(value, Mapping):
                put(place, {"": value})
            else:
                write(place, value)
    return module


def names_of(module: Any) -> dict[str, Any]:
    """What the axes of a module's own parameters are called: the attribute has had three names."""
    found = {}
    for name, value in vars(module).items():
        if isinstance(value, nnx.Param):
            said = (
                getattr(value, each, None)
                for each in ("out_sharding", "sharding_names", "sharding")
            )
            found[name] = next((tuple(each) for each in said if each is not None), None)
    return found


class Lift:
    """A map of making a module, and of calling it.

    `variable_axes` gives each collection's axis, `split` whether each stream's key is split: that
    of the parameters when a module is made, those of others when it is called. `options` are those
    of the map (`graph` and `graph_updates` only where they are False); `spelling="one axis"`, which
    gives a module whose collections have the same axis that alone; `inside` and `around`, another
    lift; and `twice`, the module given once more, mapped "alike" or "otherwise"; `new_axis`
    is what parameters are to call the axis that they gain.
    """

    def __init__(
        self,
        mapping: Any,
        make: Any,
        size: int,
        in_axes: Any,
        out_axes: int,
        variable_axes: Mapping[str, Any],
        split: Mapping[str, bool],
        options: Mapping[str, Any],
        new_axis: str,
    ) -> None:
        self.mapping, self.make, self.size = mapping, make, size
        self.split_params = split.get("params", False)
        self.streams = [name for name in split if name != "params"]
        self.apart = tuple(name for name in self.streams if split[name])
        stream_axes: dict[Any, Any] = {**dict.fromkeys(self.apart, 0), ...: None}
        self.stream_axes = nnx.StateAxes(stream_axes)
        self.in_axes, self.out_axes = in_axes, out_axes
        axes: dict[Any, Any] = {KINDS[name]: axis for name, axis in variable_axes.items()}
        # What is no collection (the state of a stream, say) is the same for all.
        self.filters = {**dict.fromkeys(self.apart, 0), **axes, ...: None}
        self.state_axes: Any = nnx.StateAxes({**axes, ...: None})
        self.options, self.new_axis = dict(options), new_axis
        if self.options.pop("spelling", None) == "one axis":
            (self.state_axes,) = set(variable_axes.values())
        self.modes = {name: options[name] for name in ("graph", "graph_updates") if name in options}

    def create(self, rngs: Any) -> Any:
        """Make the module under the map, from the key of the stream `params`, or from key 0 without one."""
        streams = nnx.Rngs(params=rngs["params"]) if "params" in rngs else nnx.Rngs(params=0)
        out_axes: Any = self.state_axes
        if self.modes:
            out_axes, _ = self.by_leaf(self.make(nnx.Rngs(0)), None)
            if self.split_params:
                streams = self.apart_in(streams, ...)
        made: Any = self.mapping(
            lambda streams, _: self.make(streams),
            in_axes=(0 if self.split_params else None, 0),
            out_axes=out_axes,
            **(self.modes or {"transform_metadata": {nnx.PARTITION_NAME: self.new_axis}}),
        )
        if self.split_params and not self.modes:
            made = nnx.split_rngs(splits=self.size)(made)
        return made(streams, jnp.zeros(self.size))

    def by_leaf(self, *arguments: Any) -> Any:
        """Where no graph is updated: the axis of each leaf, of all arguments at once."""
        return nnx.prefix(arguments, self.filters, graph=self.modes.get("graph", True))

    def apart_in(self, streams: Any, only: Any) -> Any:
        """Where no graph is updated: a copy of the streams in which these are split."""
        mode = {"graph": self.modes.get("graph", True), "graph_updates": False}
        return nnx.split_rngs(streams, splits=self.size, only=only, **mode)

    def init(self, rngs: Any, *inputs: Any) -> Any:
        """Make the module under the map, and give its variables by collection; the inputs are not read."""
        return collected(self.create(rngs))

    def names(self, rngs: Any, *inputs: Any) -> Any:
        """What the axes of the made module's parameters are called; the inputs are not read."""
        return names_of(self.create(rngs))

    def apply(self, variables: Any, *inputs: Any, rngs: Any = None, mutable: Any = ()) -> Any:
        """Call the module under the map, with these variables in place of its own.

        Args:
            variables: The variables of the module, by collection.
            *inputs: The inputs, with batch axes where `in_axes` says so.
            rngs: The key of each stream that the call draws from.
            mutable: Not read: every collection may change.

        Returns:
            The output, and the collections other than params after the call.

        """
        module = put(self.make(nnx.Rngs(0)), variables)
        options = dict(self.options)
        wrappers: dict[Any, Any] = {"jit": nnx.jit, "remat": nnx.remat, None: lambda f: f}
        again = {"alike": (self.state_axes,), "otherwise": (None,), None: ()}[
            options.pop("twice", None)
        ]
        inside, around = wrappers[options.pop("inside", None)], options.pop("around", None)
        streams = {name: rngs[name] for name in self.streams}
        # Modules without streams of their own take no `rngs`.
        drawn = {"rngs": nnx.Rngs(**streams)} if streams else {}
        of_drawn = dict.fromkeys(drawn, self.stream_axes)
        state_axes = self.state_axes
        if self.modes:
            drawn = self.apart_in(drawn, self.apart) if self.apart else drawn
            state_axes, of_drawn = self.by_leaf(module, drawn)
        mapped: Any = self.mapping(
            inside(lambda m, own, *x: m(*x[len(again) :], **own)),
            in_axes=(state_axes, of_drawn, *again, *self.in_axes),
            out_axes=self.out_axes,
            **options,
        )
        if self.apart and not self.modes:
            mapped = nnx.split_rngs(splits=self.size, only=self.apart)(mapped)
        inputs = (drawn, *(module,) * len(again), *inputs)
        if around in ("vmap", "scan"):
            output = jax.tree_util.tree_map(
                lambda x: x[1], self.twice(around, mapped, module, inputs)
            )
        else:
            output = wrappers[around](mapped)(module, *inputs)
        updates = {name: tree for name, tree in collected(module).items() if name != "params"}
        return output, updates

    def twice(self, around: str, mapped: Any, module: Any, inputs: Any) -> Any:
        """The same twice over, in another map or in a loop."""
        if around == "vmap":
            over: Any = nnx.vmap(lambda m, _: mapped(m, *inputs), in_axes=(None, 0), out_axes=0)
        else:
            over = nnx.scan(lambda m, _: mapped(m, *inputs), in_axes=(None, 0), out_axes=0)
        return over(module, jnp.zeros(2))
