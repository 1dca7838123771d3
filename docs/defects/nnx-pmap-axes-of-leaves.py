"""axes.none-beside-a-tree does not hold for flax.nnx.pmap on matrix-add.

One axis is for all leaves of its argument, also where there are as many arguments as leaves.
shapes differ: expected float32[3,2,4], got float32[3,3,2,4]

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


def matrix_add(a: Any, b: Any) -> Any:
    """(m, n), (m, n) to (m, n)."""
    return a + b

function = matrix_add
arguments = ((array('float32', (3, 2, 4), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942, 0.9500884413719177,
-0.15135720372200012, -0.10321885347366333, 0.4105985164642334, 0.14404356479644775,
1.4542734622955322, 0.7610377073287964, 0.12167501449584961, 0.44386324286460876,
0.3336743414402008, 1.4940791130065918, -0.2051582634449005, 0.3130677044391632,
-0.8540957570075989, -2.5529897212982178, 0.653618574142456, 0.8644362092018127,
-0.7421650290489197]), array('float32', (3, 2, 4), [0.6958053708076477, -1.3924404382705688, 0.49503716826438904,
3.1041676998138428, -0.3653036952018738, -0.7760704755783081, -1.2519217729568481,
-0.9849866032600403, 2.1550655364990234, -1.2668442726135254, -1.0524613857269287,
0.7933069467544556, -0.20274534821510315, 1.8284659385681152, 0.6890909671783447,
-0.5332818031311035, 0.0350877121090889, -1.3278684616088867, 1.2806342840194702,
-0.07463160902261734, 1.3093587160110474, 1.133135199546814, -0.3221283555030823,
2.4809694290161133]),), None,)
expected = array('float64', (3, 2, 4), [2.459857761859894, -0.9922832250595093, 1.473775178194046,
5.3450608253479, 1.50225430727005, -1.7533483505249023, -0.3018333315849304,
-1.1363438069820404, 2.05184668302536, -0.856245756149292, -0.908417820930481,
2.247580409049988, 0.5582923591136932, 1.9501409530639648, 1.1329542100429535,
-0.1996074616909027, 1.5291668251156807, -1.5330267250537872, 1.5937019884586334,
-0.9287273660302162, -1.2436310052871704, 1.78675377368927, 0.5423078536987305,
1.7388043999671936])
allowed = array('float64', (3, 2, 4), [2.932378961872928e-07, 0.0, 1.7568769195008827e-07, 0.0,
1.790826686942637e-07, 0.0, 0.0, 1.3546273791575913e-07, 2.4459918535058023e-07, 0.0, 0.0,
2.6793246377110336e-07, 6.6553635491573e-08, 0.0, 1.3505866647278708e-07, 0.0,
1.8229089082666405e-07, 1.8275102675602284e-07, 1.8998408179982107e-07, 1.1071292949083045e-07,
0.0, 0.0, 0.0, 2.0728163718786163e-07])
dtypes = ['float32']
structure = 'PyTreeDef(*)'


print("mapped by", "flax.nnx.pmap", "on jax", jax.__version__)
try:
    def beside_none(function: Any) -> Any:
        """The function, of one tuple of its arguments and any number of None."""

        def function_beside_none(arguments: Any, *none: None) -> Any:
            return function(*arguments)

        return function_beside_none


    function = beside_none(function)

    from flax import nnx

    mapped = nnx.pmap(
        function, in_axes=(0, None), out_axes=0, axis_name=None
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
