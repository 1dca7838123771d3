"""mapping.equals-per-example does not hold for jax.vmap on lax.device_put.of-several.

Mapping a function gives the results of applying it to each example, stacked.
it raised AssertionError: (0, 1)

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

import jax


def function(a, b):
    return jax.device_put((a, b))

arguments = (array('float32', (3, 2, 4), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942, 0.9500884413719177,
-0.15135720372200012, -0.10321885347366333, 0.4105985164642334, 0.14404356479644775,
1.4542734622955322, 0.7610377073287964, 0.12167501449584961, 0.44386324286460876,
0.3336743414402008, 1.4940791130065918, -0.2051582634449005, 0.3130677044391632,
-0.8540957570075989, -2.5529897212982178, 0.653618574142456, 0.8644362092018127,
-0.7421650290489197]), array('float32', (2, 3), [0.6958053708076477, 0.49503716826438904, -0.3653036952018738,
-1.3924404382705688, 3.1041676998138428, -0.7760704755783081]),)
expected = (array('float32', (3, 2, 4), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942, 0.9500884413719177,
-0.15135720372200012, -0.10321885347366333, 0.4105985164642334, 0.14404356479644775,
1.4542734622955322, 0.7610377073287964, 0.12167501449584961, 0.44386324286460876,
0.3336743414402008, 1.4940791130065918, -0.2051582634449005, 0.3130677044391632,
-0.8540957570075989, -2.5529897212982178, 0.653618574142456, 0.8644362092018127,
-0.7421650290489197]), array('float32', (3, 2), [0.6958053708076477, -1.3924404382705688, 0.49503716826438904,
3.1041676998138428, -0.3653036952018738, -0.7760704755783081]),)
allowed = (array('float64', (3, 2, 4), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 2), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),)
dtypes = ['float32', 'float32']
structure = 'PyTreeDef((*, *))'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    mapped = jax.vmap(function, (0, 1), 0, axis_name=None)
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
