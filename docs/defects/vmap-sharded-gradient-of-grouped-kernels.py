"""parallel.sharded-gradients does not hold for jax.vmap on lax.conv_general_dilated.depthwise.

Of sharded arrays, the map of a gradient and the gradient of the map give each example's gradient.
it raised NotImplementedError:

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


import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random


def function(a, b):
    return lax.conv_general_dilated(a, b, (1,), 'SAME', feature_group_count=3)

arguments = (array('float32', (2, 3, 5), [5.0, -8.0, 6.0, -1.0, 4.0, 4.0, -4.0, 8.0, 2.0, -4.0, -6.0, 3.0,
-5.0, 8.0, 7.0, 1.0, 1.0, 5.0, -3.0, 2.0, -7.0, 8.0, 8.0, 7.0, 1.0, -2.0, 6.0, -2.0, -6.0, 1.0]), array('float32', (3, 6, 1, 2), [-6.0, -8.0, -6.0, 8.0, -2.0, -6.0, 6.0, -3.0, 7.0, -5.0, 2.0,
-7.0, -7.0, -7.0, 5.0, -3.0, -6.0, 3.0, -2.0, -3.0, -7.0, 1.0, 3.0, 2.0, 4.0, 4.0, 7.0, -2.0,
5.0, 2.0, -4.0, 6.0, -8.0, 7.0, -3.0, 4.0]),)
expected = (array('float32', (3, 2, 3, 5), [-6.0, 156.0, -86.0, -110.0, 122.0, -26.0, 22.0, -6.0, -65.0,
-19.0, 44.0, -36.0, 94.0, -73.0, 15.0, 36.0, 28.0, 82.0, -60.0, -192.0, -46.0, 15.0, -5.0,
-11.0, -10.0, -72.0, 97.0, 53.0, -33.0, 47.0, 89.0, -29.0, -69.0, 46.0, -54.0, 2.0, 23.0, -28.0,
2.0, 25.0, -74.0, 9.0, -43.0, 28.0, 21.0, 54.0, 88.0, -65.0, -73.0, -30.0, 2.0, 65.0, -7.0,
-14.0, -35.0, 32.0, -40.0, -72.0, 5.0, 14.0, 28.0, -92.0, 10.0, 65.0, -74.0, 21.0, -40.0, 27.0,
48.0, -16.0, -46.0, 79.0, -94.0, 84.0, -11.0, -21.0, 15.0, -48.0, -5.0, 122.0, 38.0, -64.0,
15.0, 3.0, 14.0, 88.0, -87.0, -43.0, 75.0, -37.0]), array('float32', (3, 6, 1, 2), [25.0, 26.0, 44.0, -38.0, 39.0, -48.0, -60.0, -57.0, -116.0,
-40.0, 43.0, -10.0, 25.0, 26.0, 44.0, -38.0, 39.0, -48.0, -60.0, -57.0, -116.0, -40.0, 43.0,
-10.0, 25.0, 26.0, 44.0, -38.0, 39.0, -48.0, -60.0, -57.0, -116.0, -40.0, 43.0, -10.0]),)
allowed = (array('float64', (3, 2, 3, 5), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308]), array('float64', (3, 6, 1, 2), [4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308, 4.450147717014403e-308,
4.450147717014403e-308, 4.450147717014403e-308]),)
dtypes = ['float32', 'float32']
structure = 'PyTreeDef((*, *))'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    forward, weights = function, [array('float32', (2, 6, 5), [-7.0, 2.0, 7.0, -6.0, 5.0, 8.0, -8.0, -6.0, 7.0, -8.0, 1.0, -2.0,
    3.0, 4.0, 2.0, -4.0, 2.0, -1.0, -7.0, -2.0, 8.0, -4.0, 5.0, -4.0, -4.0, -6.0, -5.0, 2.0, -3.0,
    1.0, -7.0, -1.0, 3.0, 5.0, 8.0, 1.0, 7.0, -6.0, -7.0, 8.0, 2.0, -6.0, 1.0, 7.0, 8.0, -7.0, -1.0,
    -7.0, -2.0, 7.0, -8.0, 1.0, 7.0, -4.0, -3.0, -8.0, -3.0, -6.0, -6.0, 3.0])]

    def total(result):
        leaves = zip(jax.tree_util.tree_leaves(result), weights)
        return sum(jnp.sum(leaf * weight) for leaf, weight in leaves if weight is not None)


    function = jax.grad(lambda *x: total(forward(*x)), (0, 1))

    def mesh_for(size: int) -> Any:
        """Devices in a row, as many as divide the batch: each must have a whole number of examples."""
        count = max(n for n in range(1, jax.device_count() + 1) if size % n == 0)
        return jax.sharding.Mesh(np.array(jax.devices()[:count]), ("devices",))


    def sharded(argument: Any, axis: Any, mesh: Any) -> Any:
        """The arrays of an argument, sharded over the devices along the axis; whole on each for None."""

        def put(leaf: Any) -> Any:
            names = ["devices" if i == axis else None for i in range(np.ndim(leaf))]
            spec = jax.sharding.PartitionSpec(*names)
            return jax.device_put(leaf, jax.sharding.NamedSharding(mesh, spec))

        return jax.tree_util.tree_map(put, argument)


    mesh = mesh_for(3)
    mapped = jax.vmap(function, (None, 0), 0, axis_name=None)
    got = jax.jit(mapped)(*[sharded(x, axis, mesh) for x, axis in zip(arguments, (None, 0))])
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
