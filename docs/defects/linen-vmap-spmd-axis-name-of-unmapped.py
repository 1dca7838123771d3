"""sharing.options does not hold for flax.linen.vmap on simple-cell.

Options that name the batch axis, give its size or choose methods do not change the result.
it raised ValueError: Expected None, got JitTracer(float32[4]).

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

inputs = (array('float32', (4,), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576]), array('float32', (3, 2), [0.6958053708076477, -1.3924404382705688, 0.49503716826438904,
3.1041676998138428, -0.3653036952018738, -0.7760704755783081]),)
rngs = {'params': jax.random.PRNGKey(0)}
expected = {'params': {'h': {'kernel': array('float32', (3, 4, 4), [0.2929738759994507, 0.4094133675098419, -0.4759005904197693,
0.7211557626724243, 0.34735894203186035, -0.14673903584480286, -0.7454032301902771,
-0.5497121810913086, 0.6617683172225952, 0.5430203080177307, 0.42181795835494995,
-0.2987663745880127, -0.596297562122345, 0.7183157205581665, -0.19990557432174683,
-0.29747194051742554, 0.794575572013855, 0.35424092411994934, -0.39472079277038574,
0.2955644130706787, 0.4192158877849579, -0.17141282558441162, 0.02267340011894703,
-0.8912696242332458, -0.010566528886556625, -0.774018406867981, -0.6199749112129211,
0.12812070548534393, -0.43908530473709106, 0.49601057171821594, -0.6777259111404419,
-0.3191632330417633, 0.6832300424575806, -0.3406852185726166, 0.42342087626457214,
-0.4876936972141266, 0.24600794911384583, -0.40731215476989746, -0.8703872561454773,
-0.12650342285633087, 0.3000997006893158, -0.41418781876564026, 0.15582600235939026,
0.8450483679771423, -0.6185604929924011, -0.7392422556877136, 0.19712704420089722,
-0.17901082336902618])}, 'i': {'bias': array('float32', (3, 4), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 'kernel': array('float32', (3, 2, 4), [-0.26188144087791443, 0.19417674839496613, -0.06399765610694885,
0.9756557941436768, -0.5496441721916199, -0.5725234150886536, 0.2841041386127472,
0.019951781257987022, 1.2065308094024658, 0.9941738843917847, -1.575385332107544,
-0.8723700046539307, 0.8516088128089905, 0.7728596925735474, -0.07078035920858383,
-1.5348531007766724, -0.2959384024143219, -0.14807797968387604, -0.35915085673332214,
1.0087310075759888, 0.3107876181602478, -1.3212734460830688, 0.28640231490135193,
0.31231018900871277])}}}
allowed = {'params': {'h': {'kernel': array('float64', (3, 4, 4), [1.2871566468675155e-05, 1.3093657173612883e-05,
1.3220471487329633e-05, 1.3688258604815928e-05, 1.297529775001749e-05, 1.2592645646236633e-05,
1.373450697883527e-05, 1.3361255923882709e-05, 1.357498604193097e-05, 1.3348492188924865e-05,
1.3117317053001898e-05, 1.2882614782938617e-05, 1.3450110486701305e-05, 1.3682841654372169e-05,
1.2694052770712005e-05, 1.2880145845883817e-05, 8.616783702564135e-06, 7.77691201392372e-06,
7.85412123605056e-06, 7.664995450795686e-06, 7.900841922037216e-06, 7.428195090142253e-06,
7.144497150335383e-06, 8.80121297086589e-06, 7.121405126042646e-06, 8.577574021728651e-06,
8.283759370897315e-06, 7.345621924059742e-06, 7.938739827295649e-06, 8.047316157444584e-06,
8.393910661652626e-06, 7.710006627803523e-06, 1.966033983080706e-05, 1.9006987429293076e-05,
1.916479317287667e-05, 1.9287383850041806e-05, 1.882640486883247e-05, 1.9134068224957446e-05,
2.0017313886455668e-05, 1.8598468074060293e-05, 1.8929576697246375e-05, 1.9147182513279404e-05,
1.865439645598599e-05, 1.9968983792750805e-05, 1.953699245405005e-05, 1.9767174649132357e-05,
1.873317194167612e-05, 1.869861799264072e-05])}, 'i': {'bias': array('float64', (3, 4), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 'kernel': array('float64', (3, 2, 4), [1.6915921037252701e-06, 1.562455651082928e-06,
1.314158737386606e-06, 3.0530086405633483e-06, 2.240455955870857e-06, 2.2840946485302993e-06,
1.7339785358672088e-06, 1.2301478982124081e-06, 3.4933677852677647e-06, 3.0883290946803754e-06,
4.196901954856003e-06, 2.8560066311911214e-06, 2.8164078003101167e-06, 2.666205773493857e-06,
1.3270957168742825e-06, 4.119592858842225e-06, 1.7565506027494848e-06, 1.4745292276074906e-06,
1.8771187910715526e-06, 3.1160946036834503e-06, 1.7848732341008144e-06, 3.7122219964658143e-06,
1.7383619592692412e-06, 1.7877773075269943e-06])}}}
dtypes = ['float32', 'float32', 'float32']
structure = "PyTreeDef({'params': {'h': {'kernel': *}, 'i': {'bias': *, 'kernel': *}}})"

print("mapped by", "flax.linen.vmap", "on jax", jax.__version__)
try:

    import flax.linen as nn
    from flax.linen import SimpleCell
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


    plain = SimpleCell(features=4)
    lifted = lifted_with(SimpleCell, dict(features=4), {'in_axes': (None, 0), 'out_axes': 0, 'variable_axes': {'params': 0}, 'split_rngs': {'params': True}}, {'spmd_axis_name': 'devices'})

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
