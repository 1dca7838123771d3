"""sharing.nested does not hold for flax.linen.vmap on embed.

`jit`, `remat`, a loop or another map, around the lift or inside it, does not change the result.
it raised ValueError: Inconsistent batch axis sizes: {3, 5}

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

inputs = (array('int32', (3, 2), [4, 0, 3, 3, 3, 1]),)
rngs = {'params': jax.random.PRNGKey(0)}
expected = {'params': {'embedding': array('float32', (3, 5, 4), [0.5051020979881287, 0.741446316242218, -0.35856717824935913,
-0.3278852701187134, -0.4916383922100067, -0.4019697904586792, -1.2054760456085205,
0.12997165322303772, -0.1524481177330017, 0.3692884147167206, 0.4025530517101288,
-0.4307102560997009, 0.6102975010871887, 0.22217078506946564, -0.6092934012413025,
0.24348893761634827, 0.45470893383026123, 0.43063420057296753, -0.10009299963712692,
-0.8054956197738647, -0.15137401223182678, -0.2199510782957077, 0.12179633229970932,
-0.4725166857242584, -0.030845101922750473, 0.44549697637557983, -0.16237837076187134,
-0.5023630857467651, 0.4344032108783722, -0.7841618061065674, -0.5576046109199524,
-0.4667256772518158, -0.28501302003860474, -0.2592241168022156, 0.033203016966581345,
0.4907837212085724, 0.17445361614227295, 0.8811252117156982, -0.1828412413597107,
0.6419466137886047, 0.13969142735004425, 0.5919910669326782, 0.23705719411373138,
0.6618003249168396, -0.29335618019104004, 0.16754412651062012, -0.552056074142456,
1.2869454622268677, 0.37663695216178894, 0.07574737071990967, 0.23180323839187622,
0.4325515925884247, 0.1627870500087738, -0.012221749871969223, 0.48442205786705017,
0.5264885425567627, 0.3256423771381378, 0.2852131426334381, -0.33919811248779297,
0.08535224944353104])}}
allowed = {'params': {'embedding': array('float64', (3, 5, 4), [2.155498691536195e-06, 2.6062895130962715e-06,
1.8760055127131636e-06, 1.8174844171880977e-06, 2.1298187107277045e-06, 1.9587894257711014e-06,
3.491355982987443e-06, 1.4399941505871539e-06, 1.4828646044406923e-06, 1.896454648431245e-06,
1.9599019083216263e-06, 2.013607513617899e-06, 2.356142999815347e-06, 1.6158500386609376e-06,
2.354227831347089e-06, 1.6565111877753225e-06, 2.0593813587765908e-06, 2.013462449212966e-06,
1.3830051415197886e-06, 2.7284538646199508e-06, 1.48081591078153e-06, 1.6116162839807657e-06,
1.42440096340124e-06, 2.0933469500050705e-06, 1.2509252584891328e-06, 2.0418109443198773e-06,
1.501805058978789e-06, 2.1502744402823737e-06, 2.020651265866036e-06, 2.6877628442889545e-06,
2.2556392877959297e-06, 2.0823014779125515e-06, 1.735712089612207e-06, 1.6865236602825462e-06,
1.2554226245242717e-06, 2.128188555161614e-06, 1.5248367617459735e-06, 2.872705863410374e-06,
1.540834887236997e-06, 2.4165088916561217e-06, 1.458533148479546e-06, 2.3212262476590695e-06,
1.6442436105990055e-06, 2.4543768404328148e-06, 1.7516254047222901e-06, 1.5116579561436083e-06,
2.245056293759262e-06, 3.6467465633904794e-06, 1.9104708712802676e-06, 1.3365695394895738e-06,
1.6342224853360676e-06, 2.017119584252214e-06, 1.5025845527816273e-06, 1.2154040334166893e-06,
2.1160546452847484e-06, 2.1962900973448996e-06, 1.8132064383280522e-06, 1.7360937931698572e-06,
1.839061951613985e-06, 1.3548893917914029e-06])}}
dtypes = ['float32']
structure = "PyTreeDef({'params': {'embedding': *}})"


print("mapped by", "flax.linen.vmap", "on jax", jax.__version__)
try:
    import flax.linen as nn
    from flax.linen import Embed
    """`nn.vmap` with options other than axes, and with other lifts.

A standalone script of a violation holds this whole file: it imports Flax, JAX and Python only.
"""

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


    plain = Embed(num_embeddings=5, features=4)
    lifted = lifted_with(Embed, dict(num_embeddings=5, features=4), {'in_axes': (0,), 'out_axes': 0, 'variable_axes': {'params': 0}, 'split_rngs': {'params': True}}, {'around': 'jit'})

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
