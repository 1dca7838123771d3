"""sharing.documented-uses does not hold for flax.nnx.vmap on use.updated-by-closure.

A documented use gives what a loop over the unmapped module gives, and leaves nothing else behind.
values differ in ['raises']: expected 1, got 0 (1 ULP)

Found by vmap-conformance. Prints what was expected and got; exits 1 while they differ.
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

import sys

import jax
import jax.numpy as jnp
import numpy as np
from numpy import inf, nan  # in the arrays below



def array(dtype, shape, values):
    return np.array(values, dtype).reshape(shape)


def numbers(leaf):
    is_key = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


expected = {'b': array('float32', (4,), [4.0, 3.0, 0.0, 0.0]), 'raises': array('bool', (), [True]), 'total': array('float32', (4,), [-1.0, -3.0, -4.0, -4.0]), 'tracer': array('bool', (), [False]), 'w': array('float32', (2, 4), [-2.0, 4.0, 4.0, 4.0, 1.0, -1.0, 0.0, -2.0])}
allowed = {'b': array('float64', (4,), [4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308]), 'raises': array('float64', (), [4.450147717014403e-308]), 'total': array('float64', (4,), [4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308]), 'tracer': array('float64', (), [4.450147717014403e-308]), 'w': array('float64', (2, 4), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308])}
dtypes = ['float32', 'bool', 'float32', 'bool', 'float32']
structure = "PyTreeDef({'b': *, 'raises': *, 'total': *, 'tracer': *, 'w': *})"


print("mapped by", "flax.nnx.vmap", "on jax", jax.__version__)
try:
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


    """What the documented uses of NNX's maps have in common: a module of whole numbers, and the loop over it."""

    import dataclasses
    from collections.abc import Callable, Mapping
    from typing import Any

    import jax
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx


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
            """Where the parameters of an ensemble are stacked."""
            return self.seed % 2

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


    """What a map does to the graph of modules: variables that come and go, axes by kind, shared submodules."""

    from collections.abc import Callable
    from functools import partial
    from typing import Any

    import jax
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx


    BOUND_IS_REFUSED = (0, 12, 2)
    """Since this release of Flax a bound method is refused: it would be mapped as a function of its module."""


    def bound_is_refused(s: Setting) -> Any:
        """A bound method, and a partial of one, raise ValueError: nothing says what axes its module has."""
        one = s.member(0)

        def is_refused(method: Any) -> Any:
            try:
                s.map(method, in_axes=0)
            except ValueError:
                return np.array(True)
            return np.array(False)

        return lambda: [is_refused(each) for each in (one.encode, partial(one.encode))], [
            np.array(True)
        ] * 2


    class Grown(Net):
        """A `Net` whose first call adds a variable, and takes one away."""

        def __init__(self, w: Any, b: Any, total: Any) -> None:
            super().__init__(w, b, total)
            self.calls, self.spare = 0, Total(total)

        def __call__(self, x: Any) -> Any:
            """Give y, and keep x."""
            self.calls += 1
            if self.calls == 1:
                self.kept = Total(x + read(self.spare)[0])
                del self.spare
            else:
                write(self.kept, read(self.kept) * 2 + x)
            return super().__call__(x)


    def left_by(net: Any) -> dict[str, Any]:
        """What calls of a `Grown` leave in it."""
        return {
            "kept": read(net.kept),
            "calls": np.array(net.calls),
            "spare": np.array(hasattr(net, "spare")),
            **variables(net),
        }


    def grown(s: Setting) -> Any:
        """What a function adds to a module, takes from it and counts in it is there, or gone, after the call."""

        def mapped() -> Any:
            net = Grown(**s.placed(s.values()))
            function = s.mapping(lambda net, x: net(x), in_axes=(state_axes(s.filters()), 0))
            y = [function(net, s.inputs()), function(net, s.inputs() + 1)]
            return {"y": y, **left_by(net)}

        def one(i: int) -> Any:
            net = Grown(**{name: value[i] for name, value in s.values().items()})
            y = [net(s.inputs()[i]), net(s.inputs()[i] + 1)]
            return {"y": y, **left_by(net)}

        expected = s.placed(s.loop(one))
        plain = {"calls": np.array(2), "spare": np.array(False)}
        return mapped, {**expected, **plain}


    class Kinds(nnx.Module):
        """Variables of several kinds."""

        def __init__(self, w: Any, b: Any, last: Any, total: Any) -> None:
            self.w, self.b = nnx.Param(w), nnx.Param(b)
            self.last, self.total = nnx.BatchStat(last), Total(total)

        def __call__(self, x: Any) -> Any:
            """Give y, keep it as the last one, and add it to the total."""
            y = jnp.dot(x, read(self.w)) + read(self.b) - read(self.last)
            write(self.last, y)
            write(self.total, read(self.total) + y)
            return y


    def of_kinds(module: Any) -> dict[str, Any]:
        """The values of a `Kinds`' variables."""
        return {name: read(getattr(module, name)) for name in ("w", "b", "last", "total")}


    def several_filters(s: Setting) -> Any:
        """Shared parameters, statistics and a total along axes of their own, each chosen by a filter."""
        values = {**s.values(), "last": s.whole(7, s.size, OUTPUTS)}
        values = {**values, "w": values["w"][0], "total": values["total"]}
        behind: Callable[[Any], Any] = lambda value: jnp.moveaxis(value, 0, 1)  # noqa: E731 (used as a value)

        def placed(tree: Any) -> Any:
            return {**tree, "total": behind(tree["total"]), "b": behind(tree["b"])}

        def mapped() -> Any:
            module = Kinds(**placed(values))
            whole: Any = nnx.All(nnx.Param, nnx.PathContains("w"))
            filters = {whole: None, nnx.BatchStat: 0, nnx.Any(Total, nnx.Param): 1, ...: None}
            axes = s.axes_of(module, filters)

            def function(module: Any, x: Any) -> Any:
                y = module(x)
                return y, Kinds(read(module.w) + 1, y, read(module.b), y + 1)

            out_axes = (0, s.axes_of(module, filters))
            y, other = s.map(function, in_axes=(axes, 1), out_axes=out_axes)(module, s.inputs().T)
            return y, of_kinds(module), of_kinds(other)

        def one(i: int) -> Any:
            own = {name: value if name == "w" else value[i] for name, value in values.items()}
            module = Kinds(**own)
            b, y = read(module.b), module(s.inputs()[i])
            other = {"w": read(module.w) + 1, "b": y, "last": b, "total": y + 1}
            return y, of_kinds(module), other

        y, after, other = s.loop(one)
        shared = [{**placed(tree), "w": tree["w"][0]} for tree in (after, other)]
        return mapped, (y, *shared)


    def from_the_end(s: Setting) -> Any:
        """Axes of variables, inputs and results are counted from the end."""

        def mapped() -> Any:
            values = s.values()
            net = Net(
                jnp.moveaxis(values["w"], 0, -1),
                jnp.moveaxis(values["b"], 0, -1),
                jnp.moveaxis(values["total"], 0, -2),
            )
            axes = s.axes_of(net, {nnx.Param: -1, ...: -2})
            y = s.map(lambda net, x: net(x), in_axes=(axes, -2), out_axes=-1)(net, s.inputs())
            return {"y": y, **variables(net)}

        expected = s.placed_in_front(s.expected())
        moved = {name: jnp.moveaxis(expected[name], 0, -1) for name in ("y", "w", "b")}
        return mapped, {**expected, **moved}


    class Holder(nnx.Module):
        """A module that holds another one."""

        def __init__(self, net: Net) -> None:
            self.net = net


    def shared_argument(s: Setting) -> Any:
        """A module, and another argument that it holds, are one within: a write by either is seen by both."""

        def mapped() -> Any:
            net = s.ensemble()
            holder = Holder(net)
            axes = state_axes(s.filters())

            def function(holder: Any, net: Any, x: Any) -> Any:
                y = holder.net(x)
                return net(x) + read(holder.net.total), y, np.array(holder.net is net)

            function = s.mapping(function, in_axes=(axes, axes, 0), out_axes=(0, 0, None))
            result = function(holder, net, s.inputs())
            return result, np.array(holder.net is net), variables(net)

        def one(i: int) -> Any:
            net, x = s.member(i), s.inputs()[i]
            first = net(x)
            second = net(x)
            return (second + read(net.total), first), variables(net)

        (both, after), yes = s.loop(one), np.array(True)
        return mapped, ((*both, yes), yes, s.placed(after))


    def training_step(s: Setting) -> Any:
        """Each member of an ensemble takes two steps down its own gradient, under one map."""

        def step(net: Any, x: Any) -> Any:
            loss: Any = lambda net: jnp.sum(net(x))  # noqa: E731 (it captures the example)
            gradient = nnx.grad(loss)(net)
            write(net.w, read(net.w) - read(gradient["w"]))
            write(net.b, read(net.b) - 2 * read(gradient["b"]))
            return read(net.w)

        def mapped() -> Any:
            net = s.ensemble()
            jit: Any = nnx.jit
            function = jit(s.mapping(step, in_axes=(state_axes(s.filters()), 0)))
            return [function(net, s.inputs()), function(net, s.inputs() + 1)], variables(net)

        def one(i: int) -> Any:
            net = s.member(i)
            return [step(net, s.inputs()[i]), step(net, s.inputs()[i] + 1)], variables(net)

        steps, after = s.loop(one)
        return mapped, (steps, s.placed(after))


    def state_argument(s: Setting) -> Any:
        """The state of a module is an argument of the map itself, and merged within."""

        def mapped() -> Any:
            split: Any = nnx.split(Net(**s.values()))
            graph, state = split

            def function(state: Any, x: Any) -> Any:
                net: Any = nnx.merge(graph, state)
                y = net(x)
                return y, read(net.total)

            y, total = s.map(function, in_axes=(0, 0))(state, s.inputs())
            return y, total

        expected = s.expected()
        return mapped, (expected["y"], expected["total"])


    def changed_by_closure(s: Setting) -> Any:
        """A function changes a variable or a module that it captures, in several ways: each raises."""

        def mapped() -> Any:
            total, net = Total(s.whole(5, OUTPUTS)), s.member(0)

            def by_jit(x: Any) -> None:
                jit: Any = nnx.jit
                jit(lambda x: write(total, read(total) + x[0]))(x)

            ways: dict[str, Any] = {
                "variable": lambda x: write(total, read(total) + x[0]),
                "constant": lambda x: write(total, jnp.zeros(OUTPUTS)),
                "new": lambda x: setattr(net, "new", Total(x)),
                "static": lambda x: setattr(net, "static", 3),
                "compiled": by_jit,
            }

            def changing(change: Any, x: Any) -> Any:
                change(x)
                return x

            def is_refused(change: Any) -> Any:
                return raises(lambda: s.map(partial(changing, change), in_axes=0)(s.inputs()))

            refused = {name: is_refused(change) for name, change in ways.items()}
            left = [np.array(hasattr(net, name)) for name in ("new", "static")]
            # It can be used again.
            y = s.map(lambda x: net.encode(x) + read(total), in_axes=0)(s.inputs())
            return refused, left, has_tracer(net), read(total), variables(net), y

        total, net = s.whole(5, OUTPUTS), s.member(0)
        yes, no = np.array(True), np.array(False)
        names = ("variable", "constant", "new", "static", "compiled")
        y = s.loop(lambda i: net.encode(s.inputs()[i]) + total)
        return mapped, (dict.fromkeys(names, yes), [no, no], no, total, variables(net), y)


    def updated_by_closure(s: Setting) -> Any:
        """`nnx.update` of a module that a function captures raises; the module stays as it was."""

        def mapped() -> Any:
            net = s.member(0)

            def updating(x: Any) -> Any:
                nnx.update(net, jax.tree_util.tree_map(lambda leaf: leaf + x[0], nnx.state(net)))
                return x

            refused = raises(lambda: s.map(updating, in_axes=0)(s.inputs()))
            tracer = has_tracer(net)
            # A tracer has no value that could be compared.
            return {"raises": refused, "tracer": tracer, **(unchanged if tracer else variables(net))}

        unchanged = variables(s.member(0))
        return mapped, {"raises": np.array(True), "tracer": np.array(False), **unchanged}


    def same_state_after_error(s: Setting) -> Any:
        """Where a function changes a module of which a part is shared and then raises, all is as it was."""

        def mapped() -> Any:
            one = s.member(0)
            holder = Holder(one)

            def fails(holder: Any, x: Any) -> Any:
                holder.net.b = Total(x)
                holder.other = Total(x)
                write(holder.net.w, read(holder.net.w) + 1)
                raise ZeroDivisionError

            axes = state_axes({...: None})
            refused = raises(lambda: s.mapping(fails, in_axes=(axes, 0))(holder, s.inputs()))
            left = np.array([hasattr(holder, "other"), holder.net is one, type(one.b) is nnx.Param])
            return refused, left, has_tracer(holder), variables(one)

        expected = np.array([False, True, True]), np.array(False), variables(s.member(0))
        return mapped, (np.array(True), *expected)


    USES: dict[str, Use] = {
        "use.bound-is-refused": bound_is_refused,
        "use.grown": grown,
        "use.several-filters": several_filters,
        "use.from-the-end": from_the_end,
        "use.shared-argument": shared_argument,
        "use.training-step": training_step,
        "use.state-argument": state_argument,
        "use.changed-by-closure": changed_by_closure,
        "use.updated-by-closure": updated_by_closure,
        "use.state-after-error": same_state_after_error,
    }

    NEEDS: dict[str, str] = {
        "use.bound-is-refused": ".".join(map(str, BOUND_IS_REFUSED)),
        "use.changed-by-closure": "0.10.5",
    }
    """The first release of Flax that has what a use is of, where the oldest has not."""

    IN_ONE_WAY: tuple[str, ...] = (
        "use.grown",
        "use.shared-argument",
        "use.training-step",
        "use.state-after-error",
    )
    """Uses of which the mode of the map changes nothing: they choose it themselves."""


    mapped, _ = updated_by_closure(Setting(nnx.vmap, 3, 5, {}))
    got = mapped()
    got = jax.tree_util.tree_map(numbers, got)
except Exception as error:
    print("it raised", repr(error)[:300])
    print("\nthey differ")
    sys.exit(1)


def agree(got, expected, allowed):
    """Which elements of two arrays agree.

    - NaN agrees with NaN, and with nothing else.
    - An infinity agrees with the infinity of its sign.
    - Where `allowed` is infinite nothing is known, and any value agrees.
    - Where nothing is allowed in the whole array, values are equal; zeros have one sign where both
      arrays are of one real dtype.
    - Else the distance is at most what is allowed; zeros of either sign are equal. Integers and
      booleans are compared as float64, complex numbers by the modulus of their difference.

    Args:
        got: an array of any dtype.
        expected: of the same shape, in the same dtype or a wider one.
        allowed: the largest absolute difference, of the same shape or a scalar; not negative.

    Returns:
        Booleans of the arrays' shape.
    """
    got, expected, allowed = (np.asarray(got), np.asarray(expected), np.asarray(allowed))
    with np.errstate(all='ignore'):
        same = (got == expected) | (got != got) & (expected != expected)
        if not np.any(allowed):
            if got.dtype == expected.dtype and (not np.iscomplexobj(got)):
                same = same & ((np.signbit(got) == np.signbit(expected)) | (got != got))
            return np.asarray(same, bool)
        wide = complex if np.iscomplexobj(got) or np.iscomplexobj(expected) else float
        distance = np.abs(got.astype(wide) - expected.astype(wide))
        return np.asarray(same | (distance <= allowed) | (allowed == np.inf), bool)


got_leaves = jax.tree_util.tree_flatten_with_path(got)[0]
expected_leaves = jax.tree_util.tree_leaves(expected)
bounds = jax.tree_util.tree_leaves(allowed)
got_structure = str(jax.tree_util.tree_structure(got))
different = got_structure != structure
if different:
    print(f"expected {structure}", f"got {got_structure}", sep="\n")
for (path, g), e, bound, dtype in zip(got_leaves, expected_leaves, bounds, dtypes):
    print("\n" + jax.tree_util.keystr(path), f"expected {dtype} {e.shape}", e, sep="\n")
    print(f"got {g.dtype.name} {g.shape}", g, sep="\n")
    if g.shape != e.shape or g.dtype.name != dtype:
        different = True
    else:
        different |= not np.all(agree(g, e, bound))
print("\nthey differ" if different else "\nthey agree")
sys.exit(different)
