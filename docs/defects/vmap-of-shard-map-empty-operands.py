"""parallel.shard-map-within does not hold for jax.vmap on dot-product.

A map with `spmd_axis_name` around `shard_map` over another axis of the mesh is two nested loops.
it raised JaxRuntimeError: UNKNOWN: <unknown>:0: error: loc('jit(mapped)/vmap()/shard_map'):
'func.call' op expected at least one operand of @xla.sdy.manual_computation_body.1 to be
produced by a xla.sdy.GlobalToLocalShape CustomCallOp

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


def dot_product(x: Any, y: Any) -> Any:
    """(n,), (n,) to ()."""
    return jnp.dot(x, y)

function = dot_product
arguments = (array('float32', (4, 0), []), array('float32', (4, 0), []),)
expected = array('float64', (4,), [0.0, 0.0, 0.0, 0.0])
allowed = array('float64', (4,), [2.350988701644575e-38, 2.350988701644575e-38, 2.350988701644575e-38,
2.350988701644575e-38])
dtypes = ['float32']
structure = 'PyTreeDef(*)'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    import inspect

    Any = object
    def mesh_of_two_axes(size: int) -> Any:
        """Two times as many devices as divide the batch: the most that there are."""
        most = jax.device_count() // 2
        count = max(n for n in range(1, most + 1) if size % n == 0)
        devices = np.array(jax.devices()[: 2 * count]).reshape(2, count)
        return jax.sharding.Mesh(devices, ("outer", "inner"))


    def over_inner_axis(function: Any, axes: Any, ranks: Any, mesh: Any, checked: bool) -> Any:
        """`shard_map` over the inner axis of the mesh, each device mapping the function over its examples."""
        in_axes, out_axes = axes
        spec = jax.sharding.PartitionSpec

        def over(rank: int, axis: Any) -> Any:
            if axis is None:
                return spec()
            return spec(*("inner" if i == axis % rank else None for i in range(rank)))

        def specs(tree: Any, axis: Any) -> Any:
            return jax.tree_util.tree_map(lambda leaf: over(np.ndim(leaf), axis), tree)

        def mapped(*arguments: Any) -> Any:
            shard_map: Any = getattr(jax, "shard_map", None)
            if shard_map is None:
                from jax.experimental.shard_map import shard_map
            named = "check_vma" in inspect.signature(shard_map).parameters
            return shard_map(
                jax.vmap(function, in_axes, out_axes),
                mesh=mesh,
                in_specs=tuple(map(specs, arguments, in_axes)),
                out_specs=jax.tree_util.tree_map(lambda rank: over(rank, out_axes), ranks),
                **{"check_vma" if named else "check_rep": checked},
            )(*arguments)

        return mapped


    batch_axes = ((0, 0), 0)
    shapes = jax.eval_shape(jax.vmap(function, *batch_axes), *arguments)
    ranks = jax.tree_util.tree_map(np.ndim, shapes)
    mesh = mesh_of_two_axes(4)
    inner = over_inner_axis(function, batch_axes, ranks, mesh, False)
    mapped = jax.vmap(function, 0, 0, axis_name=None)
    twice = jax.jit(jax.vmap(inner, spmd_axis_name='outer'))(*jax.tree_util.tree_map(lambda x: np.stack([x, x]), arguments))
    got = jax.tree_util.tree_map(lambda x: x[1], twice)
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
