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


    Use = Callable[[Setting], tuple[Callable[[], Any], Any]]
    """From a setting to a function that gives what the map gives, and to what it must give."""


    import inspect
    from typing import Any

    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np


    STEPS = 3
    """How many steps a scan takes."""
    MOST = 200
    """A loop that goes on with probability 0.8 ends before, but for one in 10^19."""
    UNCHECKED: dict[str, Any] = (
        {"check_constancy_invariants": False}
        if "check_constancy_invariants" in inspect.signature(nn.scan).parameters
        else {}
    )
    """What has a scan not trace its step twice."""


    class Step(nn.Module):
        """x w times a unit, which is added to twice the carry and to a total that may be written to."""

        @nn.compact
        def __call__(self, carry: Any, x: Any) -> Any:
            """Give the new carry and x w times the unit, for `x` of shape (FEATURES,)."""
            unit = self.variable("units", "unit", jnp.ones, OUTPUTS)
            y = unit.value * jnp.dot(x, self.param("w", roll, (FEATURES, OUTPUTS)))
            total = self.variable("cache", "total", jnp.zeros, OUTPUTS)
            total.value = total.value + y
            return 2 * carry + y, y


    class Scanned(nn.Module):
        """Two scans: of one step for all inputs, which carries its total, and back, of a step for each input."""

        @nn.compact
        def __call__(self, xs: Any) -> Any:
            """Give both scans' results for `xs` of shape (STEPS, FEATURES); axes count from the end."""
            shared = nn.scan(
                Step,
                variable_broadcast=["params", "units"],
                variable_carry="cache",
                split_rngs={"params": False},
                out_axes=-1,
            )
            own = nn.scan(
                Step,
                variable_axes={"params": -1, "cache": -1},
                variable_broadcast="units",
                split_rngs={"params": True},
                in_axes=-1,
                out_axes=-1,
                reverse=True,
                **UNCHECKED,
            )
            zero = jnp.zeros(OUTPUTS)
            return shared(name="shared")(zero, xs), own(name="own")(zero, xs.T)


    class Waiting(nn.Module):
        """A loop whose condition draws a number in each turn, and whose body draws another one."""

        @nn.compact
        def __call__(self, x: Any) -> Any:
            """Give whether the loop ended by itself, and no number was drawn twice in a row."""

            def waits(module: Any, carry: Any) -> Any:
                turn, *_ = carry
                drawn = jax.random.uniform(module.make_rng("noise"))
                return (turn < 2) | (drawn < 0.8) & (turn < MOST)

            def draws(module: Any, carry: Any) -> Any:
                turn, before, differ = carry
                drawn = jax.random.bits(module.make_rng("noise"))
                return turn + 1, drawn, differ & ((turn == 0) | (drawn != before))

            start = 0, jnp.uint32(0), True
            turns, _, differ = nn.while_loop(waits, draws, self, start, split_rngs={"noise": True})
            return (turns < MOST) & differ


    def scanned(s: Setting) -> Any:
        """A module scans another one; parameters that no step may write to, units and a total are kept apart."""
        xs, total = s.whole(5, s.size, STEPS, FEATURES), s.whole(6, s.size, OUTPUTS)
        w, own = s.whole(7, s.size, FEATURES, OUTPUTS), s.whole(8, s.size, FEATURES, OUTPUTS, STEPS)
        totals, unit = s.whole(9, s.size, OUTPUTS, STEPS), s.whole(10, OUTPUTS)
        units = {name: {"unit": unit} for name in ("shared", "own")}

        def mapped() -> Any:
            params = s.placed({"params": {"shared": {"w": w}, "own": {"w": own}}})
            cache = {"shared": {"total": total}, "own": {"total": totals}}
            axes = {"params": s.axis, "cache": 0, "units": None}
            lifted = s.ensemble(Scanned, variable_axes=axes)()
            # The steps draw nothing, but have as many keys as there are steps.
            return lifted.apply(
                {**params, "cache": cache, "units": units},
                xs,
                rngs={"params": s.key},
                mutable=["cache", "units"],
            )

        shared = unit[:, None] * jnp.einsum("bsf,bfo->bos", xs, w)
        each = unit[:, None] * jnp.einsum("bsf,bfos->bos", xs, own)
        last = 2.0 ** np.arange(STEPS)
        results = ((shared * last[::-1]).sum(-1), shared), ((each * last).sum(-1), each)
        cache = {"shared": {"total": total + shared.sum(-1)}, "own": {"total": totals + each}}
        return mapped, (results, {"cache": cache, "units": units})


    def waited(s: Setting) -> Any:
        """A condition and a body draw other numbers in each turn, so that the loop of every member ends."""

        def mapped() -> Any:
            split = {"params": True, "noise": True}
            lifted = s.ensemble(Waiting, split_rngs=split)()
            return lifted.apply({}, s.inputs(), rngs={"noise": s.key})

        return mapped, np.ones(s.size, bool)


    class Product(nn.Module):
        """x w."""

        @nn.compact
        def __call__(self, x: Any) -> Any:
            """Give x w for `x` of shape (FEATURES,)."""
            return jnp.dot(x, self.param("w", roll, (FEATURES, OUTPUTS)))


    class Lifting(nn.Module):
        """A `Net` that is differentiated and switched, and a `Product` whose parameters are doubled."""

        @nn.compact
        def __call__(self, i: Any, x: Any) -> Any:
            """Give what each lift gives, for `x` of shape (FEATURES,), by the branch `i`."""
            net = Net(name="net")
            y, back, more = nn.vjp(lambda net, x: (net(x), x + 1), net, x, has_aux=True)
            branches = [lambda net, x: net(x), lambda net, x: 2 * net(x), lambda net, x: -net(x)]
            branch = nn.switch(i, branches, net, x)
            either = nn.cond(i > 1, lambda net, x: 3 * net(x), lambda net, x: net(x + 1), net, x)
            doubled: Any = nn.map_variables(
                Product,
                "params",
                trans_in_fn=lambda tree: jax.tree_util.tree_map(lambda leaf: 2 * leaf, tree),
                init=self.is_initializing(),
            )
            return y, back(jnp.ones(OUTPUTS))[1], more, branch, either, doubled(name="product")(x)


    def lifts_inside(s: Setting) -> Any:
        """A module differentiates, switches and maps the variables of others; indices are clipped."""
        x, (w, other) = s.inputs(), s.whole(4, 2, s.size, FEATURES, OUTPUTS)
        b, total = s.whole(6, 2, s.size, OUTPUTS)
        index = s.whole(8, s.size).astype(jnp.int32)

        def mapped() -> Any:
            lifted = s.ensemble(Lifting)()
            params = {"net": {"w": w, "b": b}, "product": {"w": other}}
            variables = s.placed({"params": params, "cache": {"net": {"total": total}}})
            made = lifted.init(s.key, index, x)["params"]
            shapes = jax.tree_util.tree_map(jnp.shape, made) == jax.tree_util.tree_map(
                jnp.shape, variables["params"]
            )
            return lifted.apply(variables, index, x, mutable=["cache"]), np.array(shapes)

        y = jnp.einsum("bf,bfo->bo", x, w) + b
        next_y = y + w.sum(1)
        which, first = jnp.clip(index, 0, 2)[:, None], (index > 1)[:, None]
        branch, either = (
            jnp.select([which == 0, which == 1], [y, 2 * y], -y),
            jnp.where(first, 3 * y, next_y),
        )
        after = total + 2 * y + jnp.where(first, y, next_y)
        gradient, doubled = w.sum(-1), 2 * jnp.einsum("bf,bfo->bo", x, other)
        results = (y, gradient, x + 1, branch, either, doubled)
        return mapped, ((results, {"cache": {"net": {"total": after}}}), np.array(True))


    USES: dict[str, Use] = {
        "use.scanned": scanned,
        "use.waited": waited,
        "use.lifts-inside": lifts_inside,
    }


    """What scans of Linen do to variables, their names and their streams, under a map."""

    import math
    from typing import Any

    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np


    LAYERS = "layers"
    """What the axis of a scan is called."""
    DEPTH = (2, 3)
    """How many steps two scans take, of which one holds the other."""


    class Boxed(nn.Module):
        """x w + b, of variables that say what their axes are called."""

        @nn.compact
        def __call__(self, carry: Any, x: Any) -> Any:
            """Give the names within the step, and y, which is added to the carry and to a total."""
            box = nn.with_partitioning
            w: Any = self.param("w", box(roll, ("in", "out")), (FEATURES, OUTPUTS))
            b: Any = self.param("b", box(roll, ("out",)), (OUTPUTS,))
            total: Any = self.variable("cache", "total", box(jnp.zeros, ("out",)), (OUTPUTS,))
            boxes: list[Any] = [self.get_variable("params", name) for name in ("w", "b")]
            within = [each.names for each in (*boxes, self.get_variable("cache", "total"))]
            y = jnp.dot(x, w) + b
            total.value = total.value + y
            return carry + y, (y, np.array(within == [("in", "out"), ("out",), ("out",)]))


    class Layers(nn.Module):
        """A scan, each of whose steps has parameters of its own along axis 1."""

        @nn.compact
        def __call__(self, xs: Any) -> Any:
            """Give the last carry, and what each step gives."""
            scan = nn.scan(
                Boxed,
                variable_axes={"params": 1, "cache": 0},
                split_rngs={"params": True},
                metadata_params={nn.PARTITION_NAME: LAYERS},
            )
            return scan(name="steps")(jnp.zeros(OUTPUTS), xs)


    def scanned_names(s: Setting) -> Any:
        """A module scans another one, whose boxes say where both axes are, within and afterwards."""
        xs, axis = s.whole(5, s.size, STEPS, FEATURES), s.axis
        w = s.whole(6, s.size, FEATURES, STEPS, OUTPUTS)
        b, total = s.whole(7, s.size, OUTPUTS, STEPS), s.whole(8, s.size, STEPS, OUTPUTS)
        own = {"w": ("in", LAYERS, "out"), "b": ("out", LAYERS), "total": (LAYERS, "out")}
        axes = {"w": axis, "b": axis, "total": 0}
        names = {name: (*n[: axes[name]], MEMBERS, *n[axes[name] :]) for name, n in own.items()}

        def mapped() -> Any:
            lifted = s.ensemble(Layers, metadata_params={nn.PARTITION_NAME: MEMBERS})()
            made = jax.eval_shape(lifted.init, s.key, xs)
            values = s.placed(
                {"params": {"steps": {"w": w, "b": b}}, "cache": {"steps": {"total": total}}}
            )
            variables = nn.meta.replace_boxed(made, values)
            y, state = lifted.apply(variables, xs, mutable=["cache"])
            boxes = {**made["params"]["steps"], **state["cache"]["steps"]}
            right = {name: box.names for name, box in boxes.items()} == names
            return y, nn.unbox(state), np.array(right)

        y = jnp.einsum("bsf,bfso->bso", xs, w) + jnp.moveaxis(b, 2, 1)
        state = {"cache": {"steps": {"total": total + y}}}
        return mapped, ((y.sum(1), (y, np.ones((s.size, STEPS), bool))), state, np.array(True))


    def bits(key: Any) -> Any:
        """One number of 2^64: no two of a use's draws are alike by chance."""
        return jax.random.bits(key, (2,))


    def of_all(drawn: Any) -> Any:
        """How many different numbers are drawn."""
        return np.array(len(np.unique(np.reshape(drawn, (-1, 2)), axis=0)))


    class Layer(nn.Module):
        """A layer that adds to x, counts, and writes what it draws from two streams."""

        @nn.compact
        def __call__(self, carry: Any) -> Any:
            """Give 2 x + w unit and both draws at the place of the count, for `x` of shape (OUTPUTS,)."""
            x, drawn = carry
            w = self.param("w", roll, (OUTPUTS,))
            unit = self.variable("units", "unit", jnp.ones, OUTPUTS)
            count = self.variable("cache", "count", lambda: jnp.int32(0))
            draws = jnp.stack([bits(self.make_rng(name)) for name in ("noise", "other")])
            drawn, count.value = drawn.at[count.value].set(draws), count.value + 1
            return 2 * x + w * unit.value, drawn


    class Deep(nn.Module):
        """Two scans of a layer, one within the other."""

        @nn.compact
        def __call__(self, x: Any) -> Any:
            """Give what the last layer gives, and what each drew."""
            deep: Any = nn.remat_scan(
                Layer,
                lengths=DEPTH,
                variable_axes={"params": 0},
                variable_broadcast="units",
                variable_carry="cache",
                split_rngs={"params": True, "noise": True, "other": False},
            )
            return deep(name="layers")((x, jnp.zeros((math.prod(DEPTH), 2, 2), jnp.uint32)))


    def scanned_deep(s: Setting) -> Any:
        """A scan within a scan: parameters are split, a count is carried, units and a stream are shared."""
        x, w = s.whole(5, s.size, OUTPUTS), s.whole(6, s.size, *DEPTH, OUTPUTS)
        unit, number = s.whole(7, OUTPUTS), math.prod(DEPTH)
        zeros = jnp.zeros(s.size, jnp.int32)
        roots = {"noise": s.key, "other": jax.random.key(s.seed + 1), "params": s.key}
        axes = {"params": s.axis, "cache": 0, "units": None}
        split = {"params": True, "noise": True, "other": False}

        def mapped() -> Any:
            lifted = s.ensemble(Deep, variable_axes=axes, split_rngs=split)()
            params = s.placed({"params": {"layers": {"w": w}}})
            rest = {"cache": {"layers": {"count": zeros}}, "units": {"layers": {"unit": unit}}}
            variables = {**params, **rest}
            (y, drawn), state = lifted.apply(variables, x, rngs=roots, mutable=["cache"])
            return y, of_all(drawn[:, :, 0]), of_all(drawn[:, :, 1]), state

        flat, last = w.reshape(s.size, number, OUTPUTS), 2.0 ** np.arange(number)[::-1]
        y = 2.0**number * x + unit * jnp.einsum("bno,n->bo", flat, last)
        state = {"cache": {"layers": {"count": zeros + number}}}
        return mapped, (y, np.array(s.size * number), np.array(1), state)


    class Drawing(nn.Module):
        """A step that adds an input of all steps, one of its own and a parameter, and draws twice."""

        @nn.compact
        def __call__(self, carry: Any, shared: Any, own: Any) -> Any:
            """Give a tree of results."""
            noise, other = (bits(self.make_rng(name)) for name in ("noise", "other"))
            y = shared * own["x"]
            return carry + y, {"y": y, "drawn": [noise, other]}


    class InTrees(nn.Module):
        """A scan whose axes are trees."""

        @nn.compact
        def __call__(self, shared: Any, xs: Any) -> Any:
            """Give the carry and the tree of results, for `xs` of shape (OUTPUTS, STEPS)."""
            scan = nn.scan(
                Drawing,
                split_rngs={"noise": True, "other": False},
                in_axes=(nn.broadcast, {"x": 1}),
                out_axes={"y": 1, "drawn": [0, 0]},
                length=STEPS,
            )
            return scan(name="steps")(jnp.zeros(OUTPUTS), shared, {"x": xs})


    def scanned_trees(s: Setting) -> Any:
        """A scan has axes in trees; of two streams the map splits one, and the scan the other."""
        shared, xs = s.whole(4, OUTPUTS), s.whole(5, s.size, OUTPUTS, STEPS)
        roots = {"noise": s.key, "other": jax.random.key(s.seed + 1)}

        def mapped() -> Any:
            lifted = s.ensemble(InTrees, split_rngs={"noise": False, "other": True}, in_axes=(None, 0))
            carry, results = lifted().apply({}, shared, xs, rngs=roots)
            noise, other = results["drawn"]
            # What each member draws, and what is drawn in each step.
            numbers = [of_all(noise), of_all(noise[0]), of_all(other), of_all(other[:, 0])]
            return carry, results["y"], numbers

        y = shared[:, None] * xs
        return mapped, (y.sum(-1), y, [np.array(n) for n in (STEPS, STEPS, s.size, s.size)])


    class Logging(nn.Module):
        """A step that adds up what it sows, and that is perturbed."""

        @nn.compact
        def __call__(self, carry: Any, x: Any) -> Any:
            """Add the perturbed x w to the carry."""
            y = self.perturb("y", Product(name="product")(x))
            for each in (y, 2 * y):
                self.sow("log", "sum", each, init_fn=lambda: 0, reduce_fn=lambda a, b: a + b)
            self.sow("log", "each", y)
            return carry + y, None


    class Logged(nn.Module):
        """A scan of steps that sow along axis 1."""

        @nn.compact
        def __call__(self, xs: Any) -> Any:
            """Give the last carry, and sow it."""
            scan = nn.scan(
                Logging,
                variable_axes={"log": 1, "perturbations": 0},
                variable_broadcast="params",
                split_rngs={"params": False},
            )
            last, _ = scan(name="steps")(jnp.zeros(OUTPUTS), xs)
            self.sow("log", "last", last)
            return last


    def sown_by_steps(s: Setting) -> Any:
        """Steps of a scan sow and are perturbed: of both there is one for each step of each member."""
        xs, w = s.whole(5, s.size, STEPS, FEATURES), s.whole(4, s.size, FEATURES, OUTPUTS)
        more = s.whole(6, s.size, STEPS, OUTPUTS)

        def mapped() -> Any:
            axes = {"params": s.axis, "perturbations": 0, "log": 0}
            lifted = s.ensemble(Logged, variable_axes=axes)()
            params = s.placed({"params": {"steps": {"product": {"w": w}}}})
            given = {**params, "perturbations": {"steps": {"y": more}}}
            return lifted.apply(given, xs, mutable=["log"])

        y = jnp.einsum("bsf,bfo->bso", xs, w) + more
        log = {"sum": jnp.moveaxis(3 * y, 1, 2), "each": (jnp.moveaxis(y, 1, 2),)}
        return mapped, (y.sum(1), {"log": {"steps": log, "last": (y.sum(1),)}})


    class Bits(nn.Module):
        """A draw."""

        @nn.compact
        def __call__(self) -> Any:
            """Give it."""
            return bits(self.make_rng("noise"))


    class Jitted(nn.Module):
        """A module that draws before, between and after calls of a compiled one, for which it draws, too."""

        of: Any

        @nn.compact
        def __call__(self, x: Any) -> Any:
            """Give the draws."""
            inner = self.of(name="inner")
            drawn = [bits(each.make_rng("noise")) for each in (self, inner)]
            drawn += [inner(), inner(), bits(inner.make_rng("noise")), inner()]
            return jnp.stack([*drawn, bits(self.make_rng("noise"))])


    def jitted_streams(s: Setting) -> Any:
        """Draws of and beside a module that is compiled are all different, and in a second apply the same."""

        def mapped() -> Any:
            # A lifted class keeps what it has compiled: made here, each call of this use is like the first.
            lifted = s.ensemble(Jitted, split_rngs={"noise": True})(nn.jit(Bits))
            first, second = (lifted.apply({}, s.inputs(), rngs={"noise": s.key}) for _ in range(2))
            return of_all(first), np.array(np.array_equal(first, second))

        return mapped, (np.array(7 * s.size), np.array(True))


    USES: dict[str, Use] = {
        "use.jitted-streams": jitted_streams,
        "use.scanned-names": scanned_names,
        "use.scanned-deep": scanned_deep,
        "use.scanned-trees": scanned_trees,
        "use.sown-by-steps": sown_by_steps,
    }


    """Documented uses of `nn.vmap` on an Explicit mesh: the members lie on several devices, and types say so."""

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
