"""nesting.composes does not hold for jax.vmap on lax.gather.placed.

Two nested maps are two nested loops, also where the inner one never sees what the outer one maps.
it raised ValueError: Cannot lower jaxpr with verifier errors:

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
from jax import lax, random


def function(a, b, c):

    row = jnp.arange(3.0) * b
    return (
        jnp.nonzero(a > 0, size=3, fill_value=b), jax.ops.segment_sum(a, c, 4), jnp.lexsort((a, c)),
        jnp.repeat(row, c[:3], total_repeat_length=6), jnp.insert(row, c[0], 7),
        jnp.delete(row, c[1], assume_unique_indices=True),
        jnp.apply_along_axis(lambda x: x[::-1] * b, 0, jnp.stack([a, 2 * a])),
        lax.dynamic_slice(a[0], (), ()), lax.dynamic_update_slice(a[0], row[1], ()),
    )


arguments = (array('float32', (3, 4), [0.0, 5.0, -2.0, 4.0, -4.0, 2.0, -5.0, 1.0, 3.0, -3.0, -6.0, -1.0]), array('int32', (3,), [1, 1, 1]), array('int32', (3, 4), [0, 1, 2, 1, 2, 2, 2, 1, 1, 0, 2, 2]),)
expected = ((array('int32', (3, 3), [1, 3, 1, 1, 3, 1, 0, 1, 1]),), array('float32', (3, 4), [0.0, 9.0, -2.0, 0.0, 0.0, 1.0, -7.0, 0.0, -3.0, 3.0, -7.0, 0.0]), array('int32', (3, 4), [0, 3, 1, 2, 3, 2, 0, 1, 1, 0, 2, 3]), array('float32', (3, 6), [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 0.0, 2.0,
2.0, 2.0, 2.0, 2.0]), array('float32', (3, 4), [7.0, 0.0, 1.0, 2.0, 0.0, 1.0, 7.0, 2.0, 0.0, 7.0, 1.0, 2.0]), array('float32', (3, 2), [0.0, 2.0, 0.0, 1.0, 1.0, 2.0]), array('float32', (3, 2, 4), [0.0, 10.0, -4.0, 8.0, 0.0, 5.0, -2.0, 4.0, -8.0, 4.0, -10.0, 2.0,
-4.0, 2.0, -5.0, 1.0, 6.0, -6.0, -12.0, -2.0, 3.0, -3.0, -6.0, -1.0]), array('float32', (3,), [0.0, -4.0, 3.0]), array('float32', (3,), [1.0, 1.0, 1.0]),)
allowed = ((array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),), array('float64', (3, 4), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 4), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 6), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0]), array('float64', (3, 4), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 2), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3, 2, 4), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3,), [0.0, 0.0, 0.0]), array('float64', (3,), [0.0, 0.0, 0.0]),)
dtypes = ['int32', 'float32', 'int32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float32']
structure = 'PyTreeDef(((*,), *, *, *, *, *, *, *, *))'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    mapped = jax.vmap(function, 0, 0, axis_name=None)
    twice = jax.vmap(mapped)(*jax.tree_util.tree_map(lambda x: np.stack([x, x]), arguments))
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
