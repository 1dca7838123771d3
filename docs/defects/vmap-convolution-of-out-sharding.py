"""mapping.equals-per-example does not hold for jax.vmap on lax.conv_general_dilated.on-a-mesh.

Mapping a function gives the results of applying it to each example, stacked.
values differ at index (0, 0): expected -4, got -5 (2.1e+06 ULP)

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


def function(a):

    import contextlib

    if jax.__version_info__ < (0, 10, 2):
        raise NotImplementedError("its types do not say all of this")
    P = jax.sharding.PartitionSpec
    explicit = (jax.sharding.AxisType.Explicit,) * 3
    mesh = jax.sharding.AbstractMesh((2, 2, 1), ("batch", "y", "one"), axis_types=explicit)

    def types(function, shape, spec):
        # What it gives of an array whose axes are sharded so, without a value.
        with jax.sharding.use_abstract_mesh(mesh):
            sharded = jax.sharding.NamedSharding(mesh, P(*spec))
            found = jax.eval_shape(function, jax.ShapeDtypeStruct(shape, "float32", sharding=sharded))
        return [
            (x.shape, x.dtype, x.weak_type, (*x.sharding.spec, *[None] * x.ndim)[: x.ndim])
            for x in jax.tree_util.tree_leaves(found)
        ]

    def with_batch(axis, name, shape, spec):
        return (*shape[:axis], 2, *shape[axis:]), (*spec[:axis], name, *spec[axis:])

    def is_kept(function, axis, out, name, says_name=False, gains=...):
        shape, spec = (4, 6), ("y", None)
        due = []
        for of_one, dtype, weak, where in types(function, shape, spec):
            place = 0 if out == 0 else len(of_one)
            batched, whole = with_batch(place, name if gains is ... else gains, of_one, where)
            due.append((batched, dtype, weak, whole))
        mapped = jax.vmap(function, axis, out, spmd_axis_name=name if says_name else None)
        return types(mapped, *with_batch(axis, name, shape, spec)) == due

    @contextlib.contextmanager
    def without_axes_of_one():
        # Types then leave out the axes of the mesh that have one device.
        before = jax.config.jax_remove_size_one_mesh_axis_from_type
        jax.config.update("jax_remove_size_one_mesh_axis_from_type", True)
        try:
            yield
        finally:
            jax.config.update("jax_remove_size_one_mesh_axis_from_type", before)

    @jax.custom_jvp
    def forward(x):
        return 2 * x

    @jax.custom_vjp
    def backward(x):
        return 2 * x

    @jax.custom_vjp
    def without_slope(x):
        return 2 * x

    without_slope.defvjp(lambda x: (2 * x, None), lambda _, g: (None,))
    forward.defjvp(lambda p, t: (2 * p[0], 3 * t[0]))
    backward.defvjp(lambda x: (2 * x, x), lambda x, g: (3 * g,))
    half, shard_map = jnp.bfloat16, getattr(jax, "shard_map", None)
    whole = lambda x: jax.sharding.reshard(x, P())

    def convolved(of_kernel, spec):
        def function(x):
            images, kernels = (jnp.ones((2, 1, 6)), whole(x)[:, None, :3]) if of_kernel else (
                whole(x)[:, None], jnp.ones((2, 1, 3)))
            return lax.conv_general_dilated(images, kernels, (1,), "SAME", out_sharding=P(*spec))
        return function

    def is_said(*given):
        try:
            return is_kept(*given)
        except IndexError:
            return False

    # What is left out at the end of a spec is not sharded.
    calls = (
        (convolved(False, ()), "batch"), (convolved(True, ("y",)), "batch"),
        (convolved(False, ("y", None, None)), None), (convolved(True, (None, "y", None)), None),
    )
    kept = [is_said(each, axis, -axis, name) for each, name in calls for axis in (0, 1)]
    return a + jnp.array(kept, a.dtype)


arguments = (array('float32', (3,), [-5.0, 8.0, 6.0]),)
expected = array('float64', (3, 8), [-4.0, -4.0, -4.0, -4.0, -4.0, -4.0, -4.0, -4.0, 9.0, 9.0, 9.0, 9.0,
9.0, 9.0, 9.0, 9.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0])
allowed = array('float64', (3, 8), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
dtypes = ['float32']
structure = 'PyTreeDef(*)'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    mapped = jax.vmap(function, 0, 0, axis_name=None)
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
