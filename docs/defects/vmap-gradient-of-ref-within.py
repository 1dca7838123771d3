"""mapping.equals-per-example does not hold for jax.vmap on lax.addupdate.within.

Mapping a function gives the results of applying it to each example, stacked.
it raised NotImplementedError: Batching rule for 'freeze' not implemented

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


def function(a, b):

    def counted(x):
        # It is the same for every example until it is written to.
        ref, turns = jax.new_ref(jnp.zeros(3)), jax.new_ref(1)
        ref[...] += x

        def turn(i, carry):
            ref[i] += carry
            turns[...] += 1
            return carry + ref[0]

        carry = lax.fori_loop(0, 2, turn, x[0])
        lax.scan(lambda c, y: (c, jax.ref.addupdate(ref, 2, y)), 0, x)
        return ref[...], turns[...], jax.checkpoint(lambda y: y * x)(ref[...])

    def squared(x):
        ref = jax.new_ref(x)
        ref[...] = ref[...] * x
        return jnp.sum(ref[...])

    return jax.jit(counted)(a), jax.grad(squared)(b)


arguments = (array('float32', (3, 3), [5.0, 8.0, -6.0, -1.0, 4.0, -4.0, -4.0, -8.0, -2.0]), array('float32', (3, 3), [-6.0, 8.0, -6.0, -8.0, -2.0, -6.0, -6.0, 3.0, -7.0]),)
expected = ((array('float32', (3, 3), [10.0, 23.0, 1.0, -2.0, 1.0, -5.0, -8.0, -20.0, -16.0]), array('int32', (3,), [3, 3, 3]), array('float32', (3, 3), [50.0, 184.0, -6.0, 2.0, 4.0, 20.0, 32.0, 160.0, 32.0]),), array('float32', (3, 3), [-12.0, 16.0, -12.0, -16.0, -4.0, -12.0, -12.0, 6.0, -14.0]),)
allowed = ((array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (3,), [0.0, 0.0, 0.0]), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),), array('float64', (3, 3), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),)
dtypes = ['float32', 'int32', 'float32', 'float32']
structure = 'PyTreeDef(((*, *, *), *))'


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
