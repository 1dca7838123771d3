"""parallel.explicit-mesh does not hold for jax.vmap on lax.triangular_solve.by-constant.

A map of arrays on an Explicit mesh gives the same, sharded alike, and leaves no mesh behind.
it raised ValueError: Resource axis: devices of P(None, 'devices') is not found in mesh: ().

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
import numpy as np
from jax import lax, random


def function(a):

    c = np.float32([[2, 0, 0], [1, 3, 0], [-1, 2, 4]])
    return lax.linalg.triangular_solve(c, a[:, None], left_side=True, lower=True)[:, 0]

arguments = (array('float32', (3, 3), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942, 0.9500884413719177,
-0.15135720372200012, -0.10321885347366333]),)
expected = array('float64', (3, 3), [0.882026195526123, -0.16062299410502115, 0.5455025484164556,
1.1204465627670288, 0.24903714656829834, -0.08872640132904053, 0.47504422068595886,
-0.20880047480265299, 0.19735657920440036])
allowed = array('float64', (3, 3), [3.3120900582161994e-05, 3.3120900582161994e-05,
3.3120900582161994e-05, 4.2073806199027786e-05, 4.2073806199027786e-05, 4.2073806199027786e-05,
1.7838350476750975e-05, 1.7838350476750975e-05, 1.7838350476750975e-05])
dtypes = ['float32']
structure = 'PyTreeDef(*)'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    def explicit_mesh_for(size: int) -> Any:
        """An Explicit mesh of the least number of devices above one that divides the batch; else of one."""
        count = next((n for n in range(2, jax.device_count() + 1) if size % n == 0), 1)
        explicit = (jax.sharding.AxisType.Explicit,)
        return jax.sharding.Mesh(np.array(jax.devices()[:count]), ("devices",), axis_types=explicit)


    def sharded(argument: Any, axis: Any, mesh: Any) -> Any:
        """The arrays of an argument, sharded over the devices along the axis; whole on each for None."""

        def put(leaf: Any) -> Any:
            names = ["devices" if i == axis else None for i in range(np.ndim(leaf))]
            spec = jax.sharding.PartitionSpec(*names)
            return jax.device_put(leaf, jax.sharding.NamedSharding(mesh, spec))

        return jax.tree_util.tree_map(put, argument)


    def over_mesh(mapped: Any, arguments: Any, in_axes: Any, mesh: Any, compiled: bool) -> Any:
        """What a jitted map gives of arguments that are sharded over the mesh; or its program, compiled ahead."""
        with jax.set_mesh(mesh):
            given = [sharded(x, axis, mesh) for x, axis in zip(arguments, in_axes, strict=True)]
            run: Any = jax.jit(mapped)
            return (run.lower(*given).compile() if compiled else run)(*given)


    mesh = explicit_mesh_for(3)
    mapped = jax.vmap(function, 0, 0, axis_name=None)
    got = over_mesh(mapped, arguments, (0,), mesh, False)
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
