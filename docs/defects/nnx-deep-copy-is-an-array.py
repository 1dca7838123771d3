"""sharing.documented-uses does not hold for flax.nnx.vmap on use.deep-copies.

A documented use gives what a loop over the unmapped module gives, and leaves nothing else behind.
it raised AttributeError: 'BatchTracer' object has no attribute 'value'

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


expected = ((array('float32', (3, 4), [-1.0, 12.0, 8.0, 10.0, 13.0, 13.0, 1.0, -1.0, 7.0, -10.0, -2.0, 15.0]), array('float32', (3, 2, 4), [-4.0, 8.0, 8.0, 8.0, 2.0, -2.0, 0.0, -4.0, 6.0, 6.0, 0.0, 2.0, 4.0,
4.0, -8.0, 4.0, 6.0, 0.0, 0.0, -2.0, -4.0, 6.0, 0.0, -8.0]), array('bool', (3, 3), [True, True, True, True, True, True, True, True, True]),), {'b': array('float32', (3, 4), [4.0, 3.0, 0.0, 0.0, 3.0, 3.0, -3.0, -3.0, -2.0, -1.0, -2.0, 4.0]), 'total': array('float32', (3, 4), [-1.0, -3.0, -4.0, -4.0, -3.0, 4.0, 3.0, 2.0, -1.0, 2.0, -3.0, -4.0]), 'w': array('float32', (3, 2, 4), [-2.0, 4.0, 4.0, 4.0, 1.0, -1.0, 0.0, -2.0, 3.0, 3.0, 0.0, 1.0, 2.0,
2.0, -4.0, 2.0, 3.0, 0.0, 0.0, -1.0, -2.0, 3.0, 0.0, -4.0])},)
allowed = ((array('float64', (3, 4), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308]), array('float64', (3, 2, 4), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308]), array('float64', (3, 3), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308]),), {'b': array('float64', (3, 4), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308]), 'total': array('float64', (3, 4), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308]), 'w': array('float64', (3, 2, 4), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308])},)
dtypes = ['float32', 'float32', 'bool', 'float32', 'float32', 'float32']
structure = "PyTreeDef(((*, *, *), {'b': *, 'total': *, 'w': *}))"


print("mapped by", "flax.nnx.vmap", "on jax", jax.__version__)
try:
    from collections.abc import Mapping
    from typing import Any

    import jax
    import jax.numpy as jnp
    from flax import nnx


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


    import dataclasses
    from collections.abc import Callable, Mapping
    from typing import Any

    import jax
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx


    FEATURES, OUTPUTS = 2, 4
    """The sizes of a module's input and output."""


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


    from functools import partial
    from typing import Any

    import jax
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx


    ROLL = 100
    """Whole numbers below this are drawn."""


    class Noisy(nnx.Module):
        """Dropout of x w, from streams that the module has itself."""

        def __init__(self, w: Any, rngs: Any) -> None:
            self.w, self.rngs = nnx.Param(w), rngs
            self.dropout = nnx.Dropout(0.5, deterministic=False)

        def __call__(self, x: Any) -> Any:
            """Give the output, of shape (OUTPUTS,), for `x` of shape (FEATURES,)."""
            return self.dropout(jnp.dot(x, read(self.w)), rngs=self.rngs)


    class Drawn(nnx.Module):
        """Two parameters of whole numbers, drawn one after the other, and the streams that drew them."""

        def __init__(self, rngs: Any) -> None:
            self.w = nnx.Param(roll(rngs.params(), FEATURES, OUTPUTS))
            self.b = nnx.Param(roll(rngs.params(), OUTPUTS))
            self.noise = roll(rngs.noise())


    def roll(key: Any, *shape: int) -> Any:
        """Whole numbers of this shape, drawn from a key."""
        return jax.random.randint(key, shape, 0, ROLL).astype(jnp.float32)


    def keys(s: Setting, root: Any, draw: int = 0) -> Any:
        """The keys that a stream is split into: those of what it draws, for the time `draw`."""
        return jax.random.split(jax.random.fold_in(root, draw), s.size)


    def left(rngs: Any, *names: str) -> Any:
        """The key and the count of streams, as numbers."""
        streams = {name: getattr(rngs, name) for name in names}
        return {
            name: [jax.random.key_data(read(each.key)), read(each.count)]
            for name, each in streams.items()
        }


    def as_it_was(root: Any, count: int) -> Any:
        """What `left` gives of a stream with that key, after so many draws."""
        return [jax.random.key_data(root), jnp.uint32(count)]


    def dropout_of_members(s: Setting) -> Any:
        """Each member of an ensemble with Dropout drops by a key of its own, in a second call by another."""
        root, weights = jax.random.key(s.seed), s.values()["w"]

        def mapped() -> Any:
            net = Noisy(weights, nnx.Rngs(dropout=root))
            axes = state_axes({nnx.RngState: 0, ...: 0})
            mapped: Any = s.mapping(lambda net, x: net(x), in_axes=(axes, 0))
            function: Any = nnx.split_rngs(splits=s.size)(mapped)
            y = [function(net, s.inputs()), function(net, s.inputs())]
            return y, left(net.rngs, "dropout")

        def one(i: int, draw: int) -> Any:
            return Noisy(weights[i], nnx.Rngs(dropout=keys(s, root, draw)[i]))(s.inputs()[i])

        y = [s.loop(partial(one, draw=draw)) for draw in (0, 1)]
        return mapped, (y, {"dropout": as_it_was(root, 2)})


    def one_of_two_streams(s: Setting) -> Any:
        """One stream is split for a block, the other is not: both are drawn from, and then as they were."""
        roots = jax.random.key(s.seed), jax.random.key(s.seed + 1)

        def mapped() -> Any:
            rngs = nnx.Rngs(noise=roots[0], dropout=roots[1])
            axes = state_axes({"dropout": 0, ...: None})
            with nnx.split_rngs(rngs, splits=s.size, only="dropout"):
                function = s.mapping(
                    lambda rngs, _: [roll(rngs.noise()), roll(rngs.dropout()), roll(rngs.dropout())],
                    in_axes=(axes, 0),
                )
                drawn = function(rngs, jnp.zeros(s.size))
            return drawn, left(rngs, "noise", "dropout")

        def one(i: int) -> Any:
            own = nnx.Rngs(noise=roots[0], dropout=keys(s, roots[1])[i])
            return [roll(own.noise()), roll(own.dropout()), roll(own.dropout())]

        after = {"noise": as_it_was(roots[0], 1), "dropout": as_it_was(roots[1], 1)}
        return mapped, (s.loop(one), after)


    def unsplit(s: Setting) -> Any:
        """A stream that is not split gives every example the same, and counts what they drew."""
        root = jax.random.key(s.seed)

        def mapped() -> Any:
            rngs = nnx.Rngs(noise=root)
            function = s.map(
                lambda rngs, x: x + roll(rngs.noise()) - roll(rngs.noise()),
                in_axes=(s.axes_of(rngs, {...: None}), 0),
            )
            y = [function(rngs, s.inputs()), function(rngs, s.inputs())]
            return y, left(rngs, "noise")

        own = nnx.Rngs(noise=root)
        rolls = [[roll(own.noise()) for _ in range(2)] for _ in range(2)]
        y = [s.inputs() + a - b for a, b in rolls]
        return mapped, (y, {"noise": as_it_was(root, 4)})


    def constructor(s: Setting) -> Any:
        """A module is made under the map from split streams: every member draws its own parameters."""
        roots = {"params": jax.random.key(s.seed), "noise": jax.random.key(s.seed + 1)}

        def mapped() -> Any:
            rngs = nnx.Rngs(**roots)
            make: Any = nnx.split_rngs(splits=s.size)(
                s.mapping(lambda rngs: values(Drawn(rngs)), in_axes=0, out_axes=0)
            )
            return make(rngs), left(rngs, "params", "noise")

        def values(made: Any) -> Any:
            return {"w": read(made.w), "b": read(made.b), "noise": made.noise}

        def one(i: int) -> Any:
            return values(Drawn(nnx.Rngs(**{name: keys(s, key)[i] for name, key in roots.items()})))

        return mapped, (s.loop(one), {name: as_it_was(key, 1) for name, key in roots.items()})


    def copies(s: Setting) -> Any:
        """A module is made under the map from streams that are not split: the members are copies."""
        root = jax.random.key(s.seed)

        def mapped() -> Any:
            rngs = nnx.Rngs(params=root, noise=root)
            axes = s.axes_of(rngs, {...: None})
            return s.map(lambda rngs, _: read(Drawn(rngs).w), in_axes=(axes, 0), out_axes=0)(
                rngs, jnp.zeros(s.size)
            )

        return mapped, s.loop(lambda i: read(Drawn(nnx.Rngs(params=root, noise=root)).w))


    def split_twice(s: Setting) -> Any:
        """A stream is split along two axes, for two maps."""
        root = jax.random.key(s.seed)

        def mapped() -> Any:
            rngs = nnx.Rngs(noise=root)
            inner: Any = s.mapping(lambda rngs: roll(rngs.noise()), in_axes=0)
            both: Any = nnx.split_rngs(splits=(2, s.size))(s.mapping(inner, in_axes=0))
            return both(rngs), left(rngs, "noise")

        every = jax.random.split(jax.random.fold_in(root, 0), (2, s.size))

        def one(i: int, row: int) -> Any:
            return roll(nnx.Rngs(noise=every[row, i]).noise())

        each = [s.loop(partial(one, row=row)) for row in (0, 1)]
        return mapped, (jnp.stack(each), {"noise": as_it_was(root, 1)})


    def missing_stream(s: Setting) -> Any:
        """A stream that the module lacks raises under the map as it does without."""
        weights = s.values()["w"]

        def alone() -> Any:
            return Noisy(weights[0], nnx.Rngs(other=0))(s.inputs()[0])

        def mapped() -> Any:
            net = Noisy(weights[0], nnx.Rngs(other=0))
            axes = s.axes_of(net, {...: None})
            return raises(lambda: s.map(lambda net, x: net(x), in_axes=(axes, 0))(net, s.inputs()))

        return mapped, raises(alone)


    def error_while_split(s: Setting) -> Any:
        """Where a function raises while its streams are split, they are then as they were before."""
        root = jax.random.key(s.seed)

        def mapped() -> Any:
            rngs = nnx.Rngs(noise=root)

            def fails(rngs: Any) -> Any:
                rngs.noise()
                raise ZeroDivisionError

            failing: Any = nnx.split_rngs(splits=s.size)(s.mapping(fails, in_axes=0))
            return raises(lambda: failing(rngs)), jnp.shape(read(rngs.noise.count))

        return mapped, (np.array(True), ())


    def split_in_mode(s: Setting) -> Any:
        """One of two streams is split in the mode of the map: into one without an axis, and for each example."""
        root, names = jax.random.key(s.seed), ("noise", "other")

        def drawn(rngs: Any) -> Any:
            return [roll(rngs.noise()), roll(rngs.other())]

        def mapped() -> Any:
            rngs = nnx.Rngs(noise=root, other=root)
            split: Any = partial(nnx.split_rngs, only="noise", **s.mode)

            def inspected(rngs: Any, levels: int) -> Any:
                axes = s.axes_of(rngs, {"noise": 0, ...: None})
                function: Any = drawn
                for _ in range(levels):
                    function = s.map(function, in_axes=(axes,))
                tags = [[getattr(rngs, n).key.tag == n, getattr(rngs, n).count.tag == n] for n in names]
                return read(rngs.noise.count), np.array(tags), function(rngs)

            results = []
            for levels, how in enumerate(({"splits": 1, "squeeze": True}, {"splits": s.size})):
                if s.mode:
                    results.append(inspected(split(rngs, **how), levels))
                    continue
                with split(rngs, **how):
                    results.append(inspected(rngs, levels))
            return results

        first, second = (jax.random.fold_in(root, count) for count in range(2))

        def one(key: Any, other: Any) -> Any:
            return [roll(jax.random.fold_in(key, 0)), roll(other)]

        squeezed = one(jax.random.split(first, 1)[0], first)
        each = jax.random.split(second, s.size)
        tags = np.ones((2, 2), bool)
        return mapped, [
            (jnp.uint32(0), tags, squeezed),
            (jnp.zeros(s.size, jnp.uint32), tags, s.loop(lambda i: one(each[i], second))),
        ]


    USES: dict[str, Use] = {
        "use.split-in-mode": split_in_mode,
        "use.dropout-of-members": dropout_of_members,
        "use.one-of-two-streams": one_of_two_streams,
        "use.unsplit-stream": unsplit,
        "use.constructor": constructor,
        "use.copies": copies,
        "use.split-twice": split_twice,
        "use.missing-stream": missing_stream,
        "use.error-while-split": error_while_split,
    }

    NEEDS: dict[str, str] = {"use.split-in-mode": "0.10.3"}
    """The first release of Flax that has what a use is of, where the oldest has not."""


    import copy
    import pickle
    from typing import Any

    import jax
    import numpy as np
    from flax import nnx


    BY_HAND: Any = nnx


    def _forms(net: Any) -> dict[str, tuple[Any, ...]]:
        """What may be given for the state of a `Net`, each with variables of its own."""

        def state() -> Any:
            return jax.tree_util.tree_map(lambda leaf: leaf, nnx.state(net))

        def parts() -> Any:
            return BY_HAND.split_state(state(), nnx.Param, ...)

        flat, pure = BY_HAND.to_flat_state, BY_HAND.to_pure_dict
        params, rest = parts()
        return {
            "state": (state(),),
            "dictionary": (dict(state()),),
            "pure": (pure(state()),),
            "parts": parts(),
            "parts back": parts()[::-1],
            "pure parts": tuple(pure(each) for each in parts()),
            "and none": (state(), {}),
            "flat": (flat(state()),),
            "flat parts": tuple(flat(each) for each in parts()),
            "mixed": (flat(rest), pure(params)),
            "slices": (flat(state())[1:], flat(state())[:1]),
            "unpacked": (BY_HAND.unpack(nnx.clone(net)),),
            "unpacked parts": BY_HAND.unpack(nnx.clone(net), nnx.Param, ...),
            "variables": ([variable for _, variable in flat(state())],),
            "arrays": (jax.tree_util.tree_leaves(state()),),
        }


    NESTED = ("state", "dictionary", "parts", "and none", "unpacked", "unpacked parts")
    TO_UPDATE = (*NESTED, "pure", "parts back", "pure parts")
    """The forms that `nnx.update` takes."""
    SHARED = (*NESTED, "flat", "mixed", "slices", "variables")
    """Those that hold the variables that a module made of them has."""


    def forms_of_states(s: Setting) -> Any:
        """Modules are made and updated of states in every form, which maps take and give."""

        def mapped() -> Any:
            graph: Any = nnx.graphdef(Net(**s.values()))

            def called(forms: Any, x: Any) -> Any:
                nets = {name: BY_HAND.merge(graph, *form) for name, form in forms.items()}
                y = {name: net(x) for name, net in nets.items()}
                return y, {name: _forms(net)[name] for name, net in nets.items()}

            forms = _forms(Net(**s.values()))
            y, given = s.map(called, in_axes=(0, 0))(forms, s.inputs())
            made = {name: variables(BY_HAND.merge(graph, *form)) for name, form in given.items()}
            updated = {}
            for name in TO_UPDATE:
                net = Net(**s.values())
                BY_HAND.update(net, *given[name])
                updated[name] = variables(net)
            shared = {name: variables(BY_HAND.merge(graph, *forms[name]))["total"] for name in SHARED}
            return y, made, updated, shared

        def one(i: int) -> Any:
            net = s.member(i)
            return net(s.inputs()[i]), variables(net)

        y, after = s.loop(one)
        names = _forms(Net(**s.values()))
        return mapped, (
            dict.fromkeys(names, y),
            dict.fromkeys(names, after),
            dict.fromkeys(TO_UPDATE, after),
            dict.fromkeys(SHARED, after["total"]),
        )


    ABSENT = ("absent", "html", "fspath", "await", "wrapped", "jax_array", "array", "next", "enter")
    """Without the underlines, what Python and its libraries ask objects for, and none of ours has."""
    OF_ARRAYS = ("jax_array", "array")
    """Those of them that variables have."""


    def _kinds(rngs: Any, x: Any) -> dict[str, Any]:
        """Objects of each kind."""
        net = Net(x, 2 * x, 3 * x)
        state = nnx.state(net)
        return {
            "streams": rngs,
            "stream": rngs.noise,
            "with default": nnx.Rngs(jax.random.key(0)),
            "variable": net.w,
            "module": net,
            "list": BY_HAND.List([net]),
            "dictionary": BY_HAND.Dict(net=net),
            "state": state,
            "flat": BY_HAND.to_flat_state(state),
            "graph": nnx.graphdef(net),
        }


    def _lacks(kind: str, each: Any) -> list[bool]:
        """Whether an object has none of what it should not have, and says so in each way."""
        names = [name for name in ABSENT if kind != "variable" or name not in OF_ARRAYS]
        asked = [f"__{name}__" for name in names]
        # A stream of any other name is the default one.
        plain = [] if kind == "with default" else ["absent", "_absent"]
        said = [not hasattr(each, name) for name in (*asked, *plain)]
        said += [getattr(each, name, said) is said for name in (*asked, *plain)]
        return said


    def _copied(net: Any, rngs: Any) -> Any:
        """What is drawn from and written to copies by Python, and to their originals through them."""
        shallow, deep = copy.copy(rngs), copy.deepcopy(rngs)
        stream, own = copy.copy(rngs.noise), copy.deepcopy(rngs.noise)
        drawn = [roll(each()) for each in (shallow.noise, deep.noise, stream, own, rngs.noise)]
        parts = [
            [copy.copy(net), copy.copy(net.w), copy.copy(BY_HAND.List([net]))[0]],
            [copy.deepcopy(net), copy.deepcopy(BY_HAND.Dict(net=net)).net],
        ]
        write(parts[0][0].b, read(net.b) + 1)
        write(parts[0][2].b, read(net.b) + 1)
        write(parts[0][1], 2 * read(net.w))
        for each in parts[1]:
            write(each.b, read(each.b) * 0)
        state = copy.copy(nnx.state(net))
        return drawn, read(net.b), read(net.w), read(parts[0][1]), read(state["w"])


    def asked_for_absent(s: Setting) -> Any:
        """Objects of all kinds have no attribute that they should not have; copies by Python are whole."""
        root, values = jax.random.key(s.seed % 2**31), s.values()

        def called(rngs: Any, net: Any, x: Any) -> Any:
            said = [_lacks(kind, each) for kind, each in _kinds(rngs, x).items()]
            return np.array([all(each) for each in said]), _copied(net, rngs)

        def mapped() -> Any:
            rngs = nnx.Rngs(noise=root)
            # Where it goes through other hands, it is the same.
            again: Any = pickle.loads(pickle.dumps(rngs.split(s.size)))  # noqa: S301
            net = Net(**values)
            given = s.map(called, in_axes=(0, 0, 0))(again, net, s.inputs())
            return given, variables(net), left(again, "noise")

        keys = jax.random.split(jax.random.fold_in(root, 0), s.size)

        def one(i: int) -> Any:
            own = [roll(jax.random.fold_in(keys[i], n)) for n in range(3)]
            drawn = [own[n] for n in (0, 0, 1, 0, 2)]
            w, b, total = (value[i] for value in values.values())
            said = np.ones(10, bool)
            return (said, (drawn, b + 2, w, 2 * w, w)), {"w": w, "b": b + 2, "total": total}

        given, after = s.loop(one)
        return mapped, (
            given,
            after,
            {"noise": [jax.random.key_data(keys), np.full(s.size, 3, np.uint32)]},
        )


    def deep_copies(s: Setting) -> Any:
        """Variables and states that Python copies with all that they hold are variables and states."""
        values = s.values()

        def called(net: Any, x: Any) -> Any:
            graph, state = BY_HAND.split(net)
            variable, nested = copy.deepcopy(net.w), copy.deepcopy(state)
            flat = copy.deepcopy(BY_HAND.to_flat_state(state))
            kinds = [type(each) is nnx.Param for each in (variable, nested["w"], dict(flat)[("w",)])]
            write(variable, 2 * read(net.w))
            y = BY_HAND.merge(graph, nested)(x)
            return y, read(variable), np.array(kinds)

        def mapped() -> Any:
            net = Net(**values)
            return s.map(called, in_axes=(0, 0))(net, s.inputs()), variables(net)

        right = s.expected()["y"], 2 * values["w"], np.ones((s.size, 3), bool)
        return mapped, (right, values)


    USES: dict[str, Use] = {
        "use.forms-of-states": forms_of_states,
        "use.asked-for-absent": asked_for_absent,
        "use.deep-copies": deep_copies,
    }

    NEEDS: dict[str, str] = {**dict.fromkeys(USES, "0.12.8"), "use.deep-copies": "0.11"}
    """The first release of Flax that has what a use is of, where the oldest has not."""


    mapped, _ = deep_copies(Setting(nnx.vmap, 3, 5, {}))
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
