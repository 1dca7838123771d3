"""mapping.equals-per-example does not hold for jax.vmap on lax.rsqrt.layer-norm.

Mapping a function gives the results of applying it to each example, stacked.
values differ at index (1, 0, 3): expected -1.65935983, got 4.0255661 (4.77e+07 ULP)

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
import jax.numpy as jnp
from jax import lax, random


def function(a, b, c):

    mean = jnp.mean(a, axis=-1)
    variance = jnp.maximum(0.0, jnp.mean(a * a, axis=-1) - mean * mean)
    factor = lax.rsqrt(variance[:, None] + 1e-6) * b.reshape(1, -1)
    return (a - mean[:, None]) * factor + c.reshape(1, -1)


arguments = (array('float32', (3, 2, 4), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942, 0.9500884413719177,
-0.15135720372200012, -0.10321885347366333, 0.4105985164642334, 0.14404356479644775,
1.4542734622955322, 0.7610377073287964, 0.12167501449584961, 0.44386324286460876,
0.3336743414402008, 1.4940791130065918, -0.2051582634449005, 0.3130677044391632,
-0.8540957570075989, -2.5529897212982178, 0.653618574142456, 0.8644362092018127,
-0.7421650290489197]), array('float32', (3, 4), [0.6958053708076477, -1.3924404382705688, 0.49503716826438904,
3.1041676998138428, -0.3653036952018738, -0.7760704755783081, -1.2519217729568481,
-0.9849866032600403, 2.1550655364990234, -1.2668442726135254, -1.0524613857269287,
0.7933069467544556]), array('float32', (3, 4), [1.1497923135757446, -2.0813565254211426, 0.04767199233174324,
-1.092450737953186, 1.202675223350525, -0.809329092502594, -0.33944791555404663,
-0.03535667806863785, 1.0973308086395264, 1.093569278717041, 1.430798053741455,
-0.6703343391418457]),)
expected = array('float64', (3, 2, 4), [1.560678211030444, -0.22124626364539002, -0.2090884371436949,
2.8312606645270306, 2.0819866671944434, -0.2749387434714561, 0.2898839744070588,
-2.742971765038375, 1.5597007765674635, -0.7231938306382495, 0.36216486352548805,
-1.6593598339521434, 0.6552785339468833, 0.176827946506247, -0.49561264291390816,
0.3118556794713301, 4.370791760626398, 1.6708550124722663, 1.2765789283097106,
-1.6300811045205643, -2.2317759882791375, 0.07466617234565698, 0.421778914153752,
-0.8434541026401151])
allowed = array('float64', (3, 2, 4), [3.2138600764823703e-06, 1.1742024877327832e-05,
1.985239488185799e-06, 2.5239655299376347e-05, 2.486693404969452e-06, 4.391859277387464e-06,
7.678829018962916e-07, 5.194189902474239e-06, 1.2597553118529166e-06, 7.032138650413597e-07,
2.43127292811746e-06, 4.730247968405408e-06, 3.2408903734174596e-06, 5.845342587358531e-06,
2.1911609535474514e-06, 2.8504619090800445e-06, 7.651334128900055e-06, 1.831733432783332e-06,
8.903335528580725e-07, 2.3531502503112502e-06, 7.853019026010877e-06, 2.6097775718840276e-06,
2.533138787153976e-06, 8.078633585644029e-07])
dtypes = ['float32']
structure = 'PyTreeDef(*)'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    mapped = jax.vmap(function, (0, 0, 0), 0, axis_name=None)
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
