"""parallel.shard-map-agrees does not hold for jax.shard_map on lax.custom_jvp_call.zero-slopes.

`shard_map` over a mesh, each device with its own examples, gives what `vmap` gives.
it raised ValueError: unexpected JAX type (e.g. shape/dtype) for argument to vjp function: got
float32[], but expected float32[]{V:devices} because the corresponding output of the function
<lambda> had JAX type float32[]{V:devices}

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
import numpy as np


def function(a, b):

    from jax.custom_derivatives import SymbolicZero, zero_from_primal

    @jax.custom_jvp
    def three(x, y):
        return x * x, x + y, 2 * y

    def rule(primals, tangents):
        (x, y), (by_x, by_y) = primals, tangents
        nothing = zero_from_primal(x, symbolic_zeros=True)
        first = nothing if type(by_x) is SymbolicZero else 3 * x * by_x
        return three(x, y), (first, nothing, nothing if type(by_y) is SymbolicZero else 5 * by_y)

    three.defjvp(rule, symbolic_zeros=True)
    mapped = jax.vmap(jax.jit(three))
    both = jax.jvp(mapped, (a, b), (b, 2 * b))
    alone = jax.jvp(jax.vmap(jax.jit(lambda x: three(x, x + 1)[0])), (a,), (b,))
    back = jax.grad(lambda x, y: sum(map(jnp.sum, mapped(x, y))), (0, 1))(a, b)
    return both, jax.jvp(lambda x: mapped(x, b), (a,), (b,))[1], alone, back, jax.jacfwd(
        jax.jacrev(lambda x: jnp.sum(jax.jit(three)(x, b)[0])))(a)


arguments = (array('float32', (3, 3), [5.0, 8.0, -6.0, -1.0, 4.0, -4.0, -4.0, -8.0, -2.0]), array('float32', (3, 3), [-6.0, 8.0, -6.0, -8.0, -2.0, -6.0, -6.0, 3.0, -7.0]),)
expected = (((array('float64', (3, 3), [25.0, 64.0, 36.0, 1.0, 16.0, 16.0, 16.0, 64.0, 4.0]), array('float64', (3, 3), [-1.0, 16.0, -12.0, -9.0, 2.0, -10.0, -10.0, -5.0, -9.0]), array('float64', (3, 3), [-12.0, 16.0, -12.0, -16.0, -4.0, -12.0, -12.0, 6.0, -14.0]),), (array('float64', (3, 3), [-90.0, 192.0, 108.0, 24.0, -24.0, 72.0, 72.0, -72.0, 42.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 3), [-60.0, 80.0, -60.0, -80.0, -20.0, -60.0, -60.0, 30.0, -70.0]),),), (array('float64', (3, 3), [-90.0, 192.0, 108.0, 24.0, -24.0, 72.0, 72.0, -72.0, 42.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),), (array('float64', (3, 3), [25.0, 64.0, 36.0, 1.0, 16.0, 16.0, 16.0, 64.0, 4.0]), array('float64', (3, 3), [-90.0, 192.0, 108.0, 24.0, -24.0, 72.0, 72.0, -72.0, 42.0]),), (array('float64', (3, 3), [15.0, 24.0, -18.0, -3.0, 12.0, -12.0, -12.0, -24.0, -6.0]), array('float64', (3, 3), [5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0]),), array('float64', (3, 3, 3), [3.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 3.0, 3.0, 0.0, 0.0, 0.0,
3.0, 0.0, 0.0, 0.0, 3.0, 3.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 3.0]),)
allowed = (((array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),), (array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),),), (array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),), (array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),), (array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),), array('float64', (3, 3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),)
dtypes = ['float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float32']
structure = 'PyTreeDef((((*, *, *), (*, *, *)), (*, *, *), (*, *), (*, *), *))'


print("mapped by", "jax.shard_map", "on jax", jax.__version__)
try:
    from jax.sharding import Mesh, PartitionSpec as P

    shard_map = getattr(jax, "shard_map", None)
    if shard_map is None:
        from jax.experimental.shard_map import shard_map
    in_axes, out_axes = (0, 0), 0
    mesh = Mesh(np.array(jax.devices()[:3]), ("devices",))


    def split(leaf, axis):
        if axis is None:
            return P()
        return P(*("devices" if i == axis % leaf.ndim else None for i in range(leaf.ndim)))


    def mapped(*arguments):
        arguments = jax.tree_util.tree_map(jnp.asarray, arguments)
        local = jax.vmap(function, in_axes, out_axes)
        in_specs = tuple(
            jax.tree_util.tree_map(lambda leaf: split(leaf, axis), a) for a, axis in zip(arguments, in_axes)
        )
        shapes = jax.eval_shape(local, *arguments)
        out_specs = jax.tree_util.tree_map(lambda leaf: split(leaf, out_axes), shapes)
        return shard_map(local, mesh=mesh, in_specs=in_specs, out_specs=out_specs)(*arguments)

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
