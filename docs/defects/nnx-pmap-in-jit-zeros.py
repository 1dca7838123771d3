"""mapping.jit-agrees does not hold for flax.nnx.pmap on sort.

`jit` of the map, the map of `jit` and the map compiled ahead of time give what the map gives.
values differ at index (1, 0, 3): expected -9.9999461e-41, got 0 (7.14e+04 ULP)

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


def sort(x: Any) -> Any:
    """(m, n) to (m, n), each row ascending, NaN last."""
    return jnp.sort(x, axis=-1)

function = sort
arguments = (array('float32', (3, 5, 4), [0.10874635726213455, -1.2039947509765625, 0.2848345935344696,
0.6272972822189331, -0.0, nan, 0.5905845761299133, -0.0, -1.668993592262268, -1.0,
-3.3999999521443642e+38, nan, -3.3999999521443642e+38, -9.99994610111476e-41,
1.5754189491271973, 0.5246747732162476, -1.3054308891296387, -0.36208945512771606, -0.0,
-9.99994610111476e-41, -1.2553666830062866, 0.5967241525650024, -1.572741150856018,
-3.3999999521443642e+38, -1.4297728538513184, -1.0, -3.3999999521443642e+38, -0.0,
0.07882102578878403, 1.0, -inf, -0.0, -0.0, -inf, 0.8252062201499939, -0.3101986050605774, 1.0,
0.8500174283981323, -inf, 3.3999999521443642e+38, 1.238556981086731, -0.0,
-3.3999999521443642e+38, 2.3806729316711426, inf, 1.3174227476119995, 0.22923187911510468,
-0.1234225407242775, -3.3999999521443642e+38, 1.401298464324817e-45, 0.03334258869290352, -0.0,
0.0, 0.9581618905067444, -0.2534470856189728, -1.0, -1.0, 2.3022282123565674,
0.6380837559700012, -1.0699881315231323]),)
expected = array('float32', (4, 3, 5), [-3.3999999521443642e+38, -1.668993592262268, -1.3054308891296387,
-0.0, 0.10874635726213455, -1.4297728538513184, -1.2553666830062866, -0.0, 0.07882102578878403,
1.0, -3.3999999521443642e+38, -1.0, 0.0, 1.238556981086731, inf, -1.2039947509765625, -1.0,
-0.36208945512771606, -9.99994610111476e-41, nan, -inf, -1.0, 0.5967241525650024,
0.8500174283981323, 1.0, -0.0, 1.401298464324817e-45, 0.9581618905067444, 1.3174227476119995,
2.3022282123565674, -3.3999999521443642e+38, -0.0, 0.2848345935344696, 0.5905845761299133,
1.5754189491271973, -inf, -inf, -3.3999999521443642e+38, -1.572741150856018, 0.8252062201499939,
-3.3999999521443642e+38, -0.2534470856189728, 0.03334258869290352, 0.22923187911510468,
0.6380837559700012, -0.0, -9.99994610111476e-41, 0.5246747732162476, 0.6272972822189331, nan,
-3.3999999521443642e+38, -0.3101986050605774, -0.0, -0.0, 3.3999999521443642e+38,
-1.0699881315231323, -1.0, -0.1234225407242775, -0.0, 2.3806729316711426])
allowed = array('float64', (4, 3, 5), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
dtypes = ['float32']
structure = 'PyTreeDef(*)'

print("mapped by", "flax.nnx.pmap", "on jax", jax.__version__)
try:

    from flax import nnx

    mapped = nnx.pmap(
        function, in_axes=(2,), out_axes=0, axis_name=None
    )

    got = jax.jit(mapped)(*arguments)
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
