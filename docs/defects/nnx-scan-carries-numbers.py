"""sharing.documented-uses does not hold for flax.nnx.vmap on use.carried-numbers.

A documented use gives what a loop over the unmapped module gives, and leaves nothing else behind.
it raised ValueError: Carry references must be the same between iterations. Got
arg=JitTracer(~float32[]) with id=140532881937152 and out=2.0 with id=140532890889392 at
carry[0]

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


expected = (array('float32', (3,), [2.0, 2.0, 2.0]), array('float32', (3, 2), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]), array('float32', (3, 2), [6.0, -6.0, -2.0, -6.0, -18.0, -2.0]), array('float32', (3, 3, 2), [2.0, 2.0, 1.0, 1.0, 6.0, -6.0, 4.0, 2.0, 5.0, -3.0, -2.0, -6.0,
-8.0, -2.0, -11.0, -7.0, -18.0, -2.0]),)
allowed = (array('float64', (3,), [4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308]), array('float64', (3, 2), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308]), array('float64', (3, 2), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308]), array('float64', (3, 3, 2), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308]),)
dtypes = ['float32', 'float32', 'float32', 'float32']
structure = 'PyTreeDef((*, *, *, *))'


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


    from functools import partial
    from typing import Any

    import jax
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx


    STEPS = 3
    """How many turns a loop takes."""


    @jax.tree_util.register_pytree_node_class
    class Fresh:
        """An array; as a tree it has another one, too, which nobody gave and which is made anew each time."""

        def __init__(self, value: Any) -> None:
            self.value = value

        def tree_flatten(self) -> Any:
            """Give both: the other one is as long as the first, so that it can be mapped and scanned."""
            return (self.value, np.ones(getattr(self.value, "shape", ())[:1], np.float32)), None

        @classmethod
        def tree_unflatten(cls, _: Any, leaves: Any) -> Any:
            """Make it of the first one."""
            return cls(leaves[0])


    def carried_numbers(s: Setting) -> Any:
        """A scan carries a number of Python's, an array of NumPy's and a tree that makes one when flattened."""
        xs = s.whole(5, s.size, STEPS, FEATURES)

        def turn(carry: Any, x: Any) -> Any:
            number, array, fresh = carry
            y = number * x + array + fresh.value
            return (2.0, np.ones(FEATURES, np.float32), Fresh(y)), y

        def called(xs: Any) -> Any:
            scan: Any = partial(nnx.scan, in_axes=(nnx.Carry, 0), out_axes=(nnx.Carry, 0))
            start = 1.0, np.zeros(FEATURES, np.float32), Fresh(xs[0])
            (number, array, fresh), ys = scan(turn)(start, xs)
            return number, array, fresh.value, ys

        def one(i: int) -> Any:
            carry, ys = (1.0, np.zeros(FEATURES, np.float32), Fresh(xs[i, 0])), []
            for x in xs[i]:
                carry, y = turn(carry, x)
                ys.append(y)
            return jnp.float32(2), np.ones(FEATURES, np.float32), ys[-1], jnp.stack(ys)

        return lambda: s.map(called, in_axes=0)(xs), s.loop(one)


    mapped, _ = carried_numbers(Setting(nnx.vmap, 3, 5, {}))
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
