"""parallel.placed-within does not hold for jax.vmap on placed-shard_map-unchecked.

Where a function says how values are sharded, the map shards each example's so, and leaves the rest.
it raised ValueError: shard_map out_specs argument must refer to an axis marked as manual
(frozenset({'z', 'y'})), but:

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


def function(a):

    mesh = jax.sharding.get_abstract_mesh() if hasattr(jax, "set_mesh") else None
    is_set = mesh is not None and not mesh.empty
    if not is_set:
        devices = np.array(jax.devices()[:8]).reshape(2, 2, 2)
        mesh = jax.sharding.Mesh(devices, ("x", "y", "z"))
    P, sharding = jax.sharding.PartitionSpec, jax.sharding.NamedSharding
    ANY = P.UNCONSTRAINED
    return jax.shard_map(lambda x: 2 * x, mesh=mesh, in_specs=P('y'), out_specs=P('y'), check_vma=False)(a)

arguments = (array('float32', (6, 4, 2), [-5.0, 8.0, -6.0, 1.0, 4.0, 4.0, 4.0, -8.0, 2.0, -4.0, -6.0, 3.0,
5.0, -8.0, 7.0, -1.0, 1.0, -5.0, -3.0, -2.0, -7.0, -8.0, 8.0, 7.0, -1.0, -2.0, -6.0, 2.0, 6.0,
-1.0, 2.0, -5.0, -4.0, 1.0, -4.0, 6.0, 7.0, 8.0, 8.0, 1.0, 3.0, -4.0, 1.0, 2.0, -4.0, -6.0, 4.0,
-4.0]),)
expected = array('float32', (6, 4, 2), [-10.0, 16.0, -12.0, 2.0, 8.0, 8.0, 8.0, -16.0, 4.0, -8.0, -12.0,
6.0, 10.0, -16.0, 14.0, -2.0, 2.0, -10.0, -6.0, -4.0, -14.0, -16.0, 16.0, 14.0, -2.0, -4.0,
-12.0, 4.0, 12.0, -2.0, 4.0, -10.0, -8.0, 2.0, -8.0, 12.0, 14.0, 16.0, 16.0, 2.0, 6.0, -8.0,
2.0, 4.0, -8.0, -12.0, 8.0, -8.0])
allowed = array('float64', (6, 4, 2), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
dtypes = ['float32']
structure = 'PyTreeDef(*)'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    import contextlib

    def over_mesh(mapped: Any, arguments: Any, specs: Any, kind: Any, compiled: bool) -> Any:
        """What a map gives of arguments sharded over a mesh, which is set where `kind` is given."""
        devices = np.array(jax.devices()[:8]).reshape(2, 2, 2)
        if kind is None:
            mesh = jax.sharding.Mesh(devices, ("x", "y", "z"))
        else:
            kinds = {"all": ("Explicit",) * 3}.get(kind, (kind, "Auto", "Auto"))
            types = [getattr(jax.sharding.AxisType, each) for each in kinds]
            mesh = jax.sharding.Mesh(devices, ("x", "y", "z"), axis_types=tuple(types))
        shardings = [jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*s)) for s in specs]
        given = [jax.device_put(*each) for each in zip(arguments, shardings, strict=True)]
        with contextlib.nullcontext() if kind is None else jax.set_mesh(mesh):
            return (jax.jit(mapped) if compiled else mapped)(*given)


    mapped = jax.vmap(function, 0, 0, axis_name=None)
    got = over_mesh(mapped, arguments, [('x', None, None)], 'Explicit', False)
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
