"""parallel.sharded-gradients does not hold for jax.vmap on lax.get.indexers.

Of sharded arrays, the map of a gradient and the gradient of the map give each example's gradient.
it raised ValueError: Invalid type of idxer: TypedInt

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


def function(a, b):
    ref = jax.new_ref(a)
    return ref[1], ref[1:3], ref[b], ref[b, 1], ref[1, 1:], ref[jnp.stack([b, 3 - b])], ref[:, b], ref[jnp.arange(2), jnp.arange(2)]

arguments = (array('float32', (3, 4, 4), [-5.0, 8.0, -6.0, 1.0, 4.0, 4.0, 4.0, -8.0, 2.0, -4.0, -6.0, 3.0,
5.0, -8.0, 7.0, -1.0, 1.0, -5.0, -3.0, -2.0, -7.0, -8.0, 8.0, 7.0, -1.0, -2.0, -6.0, 2.0, 6.0,
-1.0, 2.0, -5.0, -4.0, 1.0, -4.0, 6.0, 7.0, 8.0, 8.0, 1.0, 3.0, -4.0, 1.0, 2.0, -4.0, -6.0, 4.0,
-4.0]), array('int32', (3,), [1, 3, 1]),)
expected = (array('float32', (3, 4, 4), [2.0, 7.0, 0.0, 0.0, 1.0, 0.0, -1.0, -8.0, -7.0, 3.0, 7.0, -2.0,
0.0, -8.0, 0.0, 0.0, 1.0, 4.0, -1.0, 9.0, 1.0, -5.0, -2.0, -3.0, -6.0, 6.0, 8.0, -11.0, 0.0,
8.0, 1.0, -16.0, 2.0, 7.0, 0.0, 0.0, 1.0, 0.0, -1.0, -8.0, -7.0, 3.0, 7.0, -2.0, 0.0, -8.0, 0.0,
0.0]),)
allowed = (array('float64', (3, 4, 4), [4.450147717014403e-308, 4.450147717014403e-308,
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
4.450147717014403e-308, 4.450147717014403e-308]),)
dtypes = ['float32']
structure = 'PyTreeDef((*,))'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
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
    mapped = jax.vmap(function, 0, 0, axis_name=None)

    weights = [array('float32', (3, 4), [-7.0, 2.0, 7.0, 6.0, -7.0, 2.0, 7.0, 6.0, -7.0, 2.0, 7.0, 6.0]), array('float32', (3, 2, 4), [8.0, 8.0, -3.0, -2.0, -6.0, 6.0, 8.0, -4.0, 8.0, 8.0, -3.0, -2.0,
    -6.0, 6.0, 8.0, -4.0, 8.0, 8.0, -3.0, -2.0, -6.0, 6.0, 8.0, -4.0]), array('float32', (3, 4), [7.0, 2.0, 6.0, -4.0, 7.0, 2.0, 6.0, -4.0, 7.0, 2.0, 6.0, -4.0]), array('float32', (3,), [3.0, 3.0, 3.0]), array('float32', (3, 3), [-7.0, -6.0, -4.0, -7.0, -6.0, -4.0, -7.0, -6.0, -4.0]), array('float32', (3, 2, 4), [-7.0, 3.0, -5.0, -4.0, -1.0, 4.0, -1.0, 2.0, -7.0, 3.0, -5.0, -4.0,
    -1.0, 4.0, -1.0, 2.0, -7.0, 3.0, -5.0, -4.0, -1.0, 4.0, -1.0, 2.0]), array('float32', (3, 4), [7.0, -3.0, -7.0, -8.0, 7.0, -3.0, -7.0, -8.0, 7.0, -3.0, -7.0, -8.0]), array('float32', (3, 2), [2.0, -8.0, 2.0, -8.0, 2.0, -8.0])]

    def total(result):
        leaves = zip(jax.tree_util.tree_leaves(result), weights)
        return sum(jnp.sum(leaf * weight) for leaf, weight in leaves if weight is not None)


    gradient = jax.grad(lambda *x: total(mapped(*x)), (0,))
    got = jax.jit(gradient)(*[sharded(x, axis, mesh) for x, axis in zip(arguments, (0, 0))])
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
