"""sharing.nested does not hold for flax.linen.vmap on partitioned-dense.

`jit`, `remat`, a loop or another map, around the lift or inside it, does not change the result.
it raised AssertionError:

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

inputs = (array('float32', (3, 2), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942]),)
rngs = {'params': jax.random.PRNGKey(0)}
expected = {'params': {'bias': array('float32', (4, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 'kernel': array('float32', (2, 4, 3), [0.7611963748931885, -0.23197685182094574, 0.21411795914173126,
1.0844674110412598, -0.33653488755226135, 0.8845713138580322, -0.5456787347793579,
0.18674154579639435, 0.3625270128250122, -0.49972105026245117, -0.713958203792572,
0.9802477955818176, -0.7417347431182861, -0.047332026064395905, -0.44774749875068665,
-0.6102677583694458, 0.6744562387466431, 0.256675660610199, -1.5078777074813843,
-0.24878805875778198, -0.8283819556236267, 0.19925133883953094, -0.7572438716888428,
1.5419034957885742])}}
allowed = {'params': {'bias': array('float64', (4, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 'kernel': array('float64', (2, 4, 3), [2.6439597604621667e-06, 1.6345536266726413e-06,
1.6004904921373964e-06, 3.2605503292870708e-06, 1.8339822531743266e-06, 2.879278781620087e-06,
2.2328924842440756e-06, 1.5482741275718581e-06, 1.8835582977771992e-06, 2.1452351575135253e-06,
2.553860099396843e-06, 3.0617671882282593e-06, 2.6068396437040064e-06, 1.2823715707099836e-06,
2.0461034750951512e-06, 2.356086270083324e-06, 2.4785160803730832e-06, 1.6816628658489208e-06,
4.068141379320878e-06, 1.6666184592395439e-06, 2.772106086013082e-06, 1.572134664229452e-06,
2.636420958879171e-06, 4.133040420128964e-06])}}
dtypes = ['float32', 'float32']
structure = "PyTreeDef({'params': {'bias': *, 'kernel': *}})"


print("mapped by", "flax.linen.vmap", "on jax", jax.__version__)
try:
    from typing import Any

    import flax.linen as nn
    from flax import struct


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


    plain = PartitionedDense(features=4)
    lifted = lifted_with(PartitionedDense, dict(features=4), {'in_axes': (0,), 'out_axes': 0, 'variable_axes': {'params': -1}, 'split_rngs': {'params': True}, 'metadata_params': {'partition_name': 'members'}}, {'around': 'scan'})

    def names_of(variables: Any) -> dict[str, Any]:
        """What the axes of boxed parameters are called."""
        return {name: box.names for name, box in variables["params"].items()}


    def names(rngs, *inputs):
        return names_of(lifted.init(rngs, *inputs))

    got = lifted.init(rngs, *inputs)
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
