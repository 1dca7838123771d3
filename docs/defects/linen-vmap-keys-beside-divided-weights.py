"""sharing.documented-uses does not hold for flax.linen.vmap on use.on-explicit-mesh-shared-input.

A documented use gives what a loop over the unmapped module gives, and leaves nothing else behind.
it raised ValueError: Mapped away dimension of inputs passed to vmap should be sharded the same.
Got inconsistent axis specs: devices vs None

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


expected = ((array('float32', (2, 4), [-3.0, 11.0, -9.0, -9.0, -6.0, 13.0, -11.0, 11.0]), array('uint32', (2, 2), [2134283158, 3077002455, 1579605005, 1504660808]),), (array('bool', (2,), [True, False]), array('bool', (2,), [True, False]),),)
allowed = ((array('float64', (2, 4), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308]), array('float64', (2, 2), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308]),), (array('float64', (2,), [4.450147717014403e-308, 4.450147717014403e-308]), array('float64', (2,), [4.450147717014403e-308, 4.450147717014403e-308]),),)
dtypes = ['float32', 'uint32', 'bool', 'bool']
structure = 'PyTreeDef(((*, *), (*, *)))'


print("mapped by", "flax.linen.vmap", "on jax", jax.__version__)
try:
    from typing import Any

    import jax
    import numpy as np

    DEVICES = "devices"
    """The name of the mesh's axis."""


    def mesh_of(size: int) -> Any:
        """An Explicit mesh of as many devices as can share `size` members equally."""
        count = max(n for n in range(1, jax.device_count() + 1) if size % n == 0)
        kinds: Any = jax.sharding.AxisType
        return jax.make_mesh(
            (count,), (DEVICES,), axis_types=(kinds.Explicit,), devices=jax.devices()[:count]
        )


    def along(array: Any, axis: int) -> Any:
        """The array with this axis divided over the devices of the mesh that is set."""
        return jax.device_put(array, jax.sharding.PartitionSpec(*[None] * axis, DEVICES))


    def divided(tree: Any) -> Any:
        """Along which axes each array of a tree is divided over the devices, as its type says."""

        def of(array: Any) -> Any:
            typed: Any = jax.typeof(array)
            return np.array(
                [DEVICES in jax.tree_util.tree_leaves(each) for each in typed.sharding.spec]
            )

        return jax.tree_util.tree_map(of, tree)


    def divided_along(tree: Any, axis: int) -> Any:
        """What `divided` gives of arrays of which this axis alone is divided."""
        return jax.tree_util.tree_map(lambda array: np.arange(array.ndim) == axis, tree)


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


    def roll(key: Any, shape: Any, dtype: Any = jnp.float32) -> Any:
        """Whole numbers of this shape, drawn from a key."""
        return jax.random.randint(key, shape, -9, 9).astype(dtype)


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


    from typing import Any

    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np


    class Drawn(nn.Module):
        """y = x w + z, and a draw."""

        @nn.compact
        def __call__(self, z: Any, x: Any) -> Any:
            """Give both for `z` of shape (OUTPUTS,) and `x` of shape (FEATURES,)."""
            w = self.param("w", roll, (FEATURES, OUTPUTS))
            return jnp.dot(x, w) + z, bits(self.make_rng("noise"))


    def on_mesh(s: Setting) -> Any:
        """Members whose inputs are divided over devices: their parameters, draws and results lie as they do."""
        streams = {"params": s.key, "noise": jax.random.fold_in(s.key, 1)}
        x, z = s.inputs(), s.whole(4, OUTPUTS)
        split = {"params": True, "noise": True}
        given: dict[str, Any] = {"in_axes": (None, s.axis), "spmd_axis_name": DEVICES}
        ensemble = s.ensemble(Drawn, split_rngs=split, **given)
        shared = s.ensemble(
            Drawn, variable_axes={"params": None}, split_rngs={"params": False, "noise": True}, **given
        )

        def mapped() -> Any:
            with jax.set_mesh(mesh_of(s.size)):
                each = along(jnp.moveaxis(x, 0, s.axis), s.axis)
                y, made = ensemble().init_with_output(streams, z, each)
                again = ensemble().apply(made, z, each, rngs={"noise": streams["noise"]})
                whole = ensemble().init_with_output(streams, z, jnp.moveaxis(x, 0, s.axis))
                common = shared().init(streams, z, each)
                alike = shared().apply(common, z, each, rngs={"noise": streams["noise"]})
                got = y, made, again, alike
                return got, divided(got), common, whole, divided(whole)

        keys = {name: s.keys(key) for name, key in streams.items()}

        def one(i: int) -> Any:
            own = {name: each[i] for name, each in keys.items()}
            y, made = Drawn().init_with_output(own, z, x[i])
            common = Drawn().init({**streams, "noise": own["noise"]}, z, x[i])
            return y, made, Drawn().apply(common, z, x[i], rngs={"noise": own["noise"]})

        y, made, alike = s.loop(one)
        got = y, s.placed(made), y, alike
        parts = [divided_along(each, 0) for each in got]
        parts[1] = divided_along(got[1], s.axis)
        common = Drawn().init(streams, z, x[0])
        whole = got[:2]
        nothing = jax.tree_util.tree_map(np.zeros_like, tuple(parts[:2]))
        return mapped, (got, tuple(parts), common, whole, nothing)


    def on_mesh_shared_input(s: Setting) -> Any:
        """Members whose parameters are divided over devices are given one input, and draw."""
        x, z, noise = s.inputs()[0], s.whole(4, OUTPUTS), jax.random.fold_in(s.key, 1)
        w = s.whole(5, s.size, FEATURES, OUTPUTS)
        given: dict[str, Any] = {"in_axes": None, "axis_size": s.size, "spmd_axis_name": DEVICES}
        lifted = s.ensemble(Drawn, split_rngs={"params": True, "noise": True}, **given)

        def mapped() -> Any:
            with jax.set_mesh(mesh_of(s.size)):
                weights = along(jnp.moveaxis(w, 0, s.axis), s.axis)
                got = lifted().apply({"params": {"w": weights}}, z, x, rngs={"noise": noise})
                return got, divided(got)

        keys = s.keys(noise)
        right = s.loop(lambda i: Drawn().apply({"params": {"w": w[i]}}, z, x, rngs={"noise": keys[i]}))
        return mapped, (right, divided_along(right, 0))


    TURNS = 3
    """How many turns a scan takes."""


    class Adding(nn.Module):
        """Adds x w and what all steps share to what is carried."""

        @nn.compact
        def __call__(self, carry: Any, x: Any) -> Any:
            """Give the sum for `carry` of shape (OUTPUTS,) and `x` of shape (FEATURES,), and a draw."""
            w = self.param("w", roll, (FEATURES, OUTPUTS))
            unit = self.variable("cache", "unit", jnp.ones, OUTPUTS)
            return carry + jnp.dot(x, w) + unit.value, bits(self.make_rng("noise"))


    def scanned_on_mesh(s: Setting) -> Any:
        """A scan of members that lie on devices carries what lies there, and stacks its results beside it."""
        xs, w = s.whole(5, TURNS, s.size, FEATURES), s.whole(6, TURNS, s.size, FEATURES, OUTPUTS)
        start, unit = s.whole(7, s.size, OUTPUTS), s.whole(8, s.size, OUTPUTS)
        split: dict[Any, bool] = {"params": True, "noise": True}
        lifted = nn.scan(
            s.ensemble(Adding, split_rngs=split, spmd_axis_name=DEVICES),
            length=TURNS,
            split_rngs=split,
            variable_axes={"params": 0},
            variable_broadcast="cache",
        )

        def mapped() -> Any:
            with jax.set_mesh(mesh_of(s.size)):
                placed = jnp.moveaxis(w, 1, 1 + s.axis)
                weights, units = along(placed, 1 + s.axis), along(unit, 0)
                given = {"params": {"w": weights}, "cache": {"unit": units}}
                run = lifted().apply(given, along(start, 0), along(xs, 1), rngs={"noise": s.key})
                last, draws = run
                return last, of_all(np.asarray(draws)), divided(run)

        last = start + jnp.einsum("sbf,sbfo->bo", xs, w) + TURNS * unit
        parts = np.array([True, False]), np.array([False, True, False])
        return mapped, (last, np.array(TURNS * s.size), parts)


    USES: dict[str, Use] = {
        "use.on-explicit-mesh": on_mesh,
        "use.scanned-on-explicit-mesh": scanned_on_mesh,
        "use.on-explicit-mesh-shared-input": on_mesh_shared_input,
    }
    # The keys are divided over the devices since 0.12.5; 0.12.7 needs jax 0.10, which draws on a mesh.
    NEEDS: dict[str, str] = dict.fromkeys(USES, "0.12.7")


    mapped, _ = on_mesh_shared_input(Setting(2, 0))
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
