"""axes.negative-count-from-end does not hold for jax.pmap on square.

A negative axis counts from the end of the batched array, in `in_axes` and in `out_axes`.
it raised AssertionError: (-1, 3)

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
arguments = (array('float32', (2, 4, 3), [1.764052391052246, -0.10321885347366333, 1.4940791130065918,
0.40015721321105957, 0.4105985164642334, -0.2051582634449005, 0.978738009929657,
0.14404356479644775, 0.3130677044391632, 2.2408931255340576, 1.4542734622955322,
-0.8540957570075989, 1.8675580024719238, 0.7610377073287964, -2.5529897212982178,
-0.9772778749465942, 0.12167501449584961, 0.653618574142456, 0.9500884413719177,
0.44386324286460876, 0.8644362092018127, -0.15135720372200012, 0.3336743414402008,
-0.7421650290489197]),)
expected = array('float64', (3, 2, 4), [3.1118808383771466, 0.1601257952848414, 0.9579280920810653,
5.021602000065798, 3.4877728925969222, 0.9550720448601311, 0.9026680464285199,
0.022909003118543048, 0.01065413171241758, 0.16859114172262935, 0.020748548559268443,
2.114911303137035, 0.5791783919762707, 0.014804809152565213, 0.19701457836628666,
0.11133856613555171, 2.232272395922564, 0.0420899130597272, 0.09801138756280725,
0.7294795621383834, 6.517756517054352, 0.4272172404640173, 0.7472499597792002,
0.5508089303431838])
allowed = array('float64', (3, 2, 4), [3.709651039096292e-07, 1.908848229465978e-08,
1.1419392729771916e-07, 5.986216068346259e-07, 4.157749286409524e-07, 1.138534599375881e-07,
1.0760641651493549e-07, 2.730965986078149e-09, 1.2700714722177482e-09, 2.009763022930972e-08,
2.473419732960277e-09, 2.521170739098829e-07, 6.904344463065514e-08, 1.7648707810122028e-09,
2.348596791819175e-08, 1.3272591368621791e-08, 2.6610760640174915e-07, 5.017508633104229e-09,
1.168386787924853e-08, 8.696074034433167e-08, 7.769771238630237e-07, 5.092826371956078e-08,
8.907913682212832e-08, 6.56615412644367e-08])
dtypes = ['float32']
structure = 'PyTreeDef(*)'

print("mapped by", "jax.pmap", "on jax", jax.__version__)
try:
    mapped = jax.pmap(
        function, None, in_axes=(-1,), out_axes=0
    )
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
    (got, expected, allowed) = (np.asarray(got), np.asarray(expected), np.asarray(allowed))
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
