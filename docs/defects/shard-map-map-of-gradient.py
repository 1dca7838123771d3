"""gradients.per-example does not hold for jax.shard_map on square.

Mapping a gradient gives the gradient at each example.
it raised ValueError: unexpected JAX type (e.g. shape/dtype) for argument to vjp function: got
float32[], but expected float32[]{devices} because the corresponding output of the function
weighted_sum had JAX type float32[]{devices}

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

from typing import Any


def square(x: Any) -> Any:
    """Any shape to the same shape."""
    return x * x

function = square
arguments = (array('float32', (3, 2, 4), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942, 0.9500884413719177,
-0.15135720372200012, -0.10321885347366333, 0.4105985164642334, 0.14404356479644775,
1.4542734622955322, 0.7610377073287964, 0.12167501449584961, 0.44386324286460876,
0.3336743414402008, 1.4940791130065918, -0.2051582634449005, 0.3130677044391632,
-0.8540957570075989, -2.5529897212982178, 0.653618574142456, 0.8644362092018127,
-0.7421650290489197]),)
expected = (array('float64', (3, 2, 4), [-0.19251221169447774, 0.2128709983760615, 0.2432112660993182,
5.124912294456749, 5.030850404051648, 0.523244800296375, 1.1271898500924635, 0.1582769274523521,
0.011264342188233023, 0.21842544191592594, 0.03579407094869147, 3.325916734491443,
2.050092608821757, -0.0651460759453073, 0.5266016513827481, -0.34892921006815314,
-0.163049848150969, -0.10913771618451484, 0.07779568382853386, -1.9533130767619298,
-6.8772746838024545, -0.3499542239364217, 1.025571598005854, 0.776095207706156]),)
allowed = (array('float64', (3, 2, 4), [4.589848797189659e-08, 5.07524009647516e-08, 5.798608448489146e-08,
1.2218743072645066e-06, 1.1994482050065155e-06, 1.2475128180894255e-07, 2.687430024367484e-07,
3.773616014775088e-08, 2.6856284590323026e-09, 5.2076683501225935e-08, 8.533971535847537e-09,
7.929603420475586e-07, 4.887801668218987e-07, 1.5532034860922647e-08, 1.2555161747521116e-07,
8.319120647147969e-08, 3.887411311887956e-08, 2.602045921910163e-08, 1.8547936398633446e-08,
4.657061283020806e-07, 1.6396700582033287e-06, 8.343558882151168e-08, 2.4451532316347455e-07,
1.8503551666883374e-07]),)
dtypes = ['float32']
structure = 'PyTreeDef((*,))'

print("mapped by", "jax.shard_map", "on jax", jax.__version__)
try:

    forward, weights = function, [array('float32', (2, 4), [-0.05456533282995224, 0.2659842073917389, 0.12424737960100174,
    1.1434977054595947, 1.346906065940857, -0.2677052319049835, 0.5932025909423828,
    -0.5228589177131653])]

    def total(result):
        leaves = zip(jax.tree_util.tree_leaves(result), weights)
        return sum(jnp.sum(leaf * weight) for leaf, weight in leaves if weight is not None)


    function = jax.grad(lambda *x: total(forward(*x)), (0,))

    from jax.sharding import Mesh, PartitionSpec as P

    shard_map = getattr(jax, "shard_map", None)
    if shard_map is None:
        from jax.experimental.shard_map import shard_map
    in_axes, out_axes = (0,), 0
    mesh = Mesh(np.array(jax.devices()[:3]), ("devices",))


    def split(leaf, axis):
        if axis is None:
            return P()
        return P(*("devices" if i == axis % leaf.ndim else None for i in range(leaf.ndim)))


    def mapped(*arguments):
        arguments = jax.tree_util.tree_map(jnp.asarray, arguments)
        local = jax.vmap(function, in_axes, out_axes)
        in_specs = tuple(
            jax.tree_util.tree_map(lambda leaf: split(leaf, axis), a) for a, axis in zip(arguments, in_axes)
        )
        shapes = jax.eval_shape(local, *arguments)
        out_specs = jax.tree_util.tree_map(lambda leaf: split(leaf, out_axes), shapes)
        return shard_map(local, mesh=mesh, in_specs=in_specs, out_specs=out_specs)(*arguments)

    got = mapped(*arguments)
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
