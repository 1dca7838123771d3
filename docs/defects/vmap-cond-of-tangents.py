"""gradients.generated-program does not hold for jax.vmap on program-rules.

The gradient of a map of a generated program is each example's, and by a shared input their sum.
it raised NotImplementedError: Transpose rule (for reverse-mode differentiation) for
'stop_gradient' not implemented

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
from jax import lax


def doubled(derivatives):
    return tuple(2 * x if x.dtype == jnp.float32 else x for x in derivatives)


def function(v0):
    def f9(v1, v2):
        v3 = v1 < v2
        def f5(v6):
            return (v6,)

        def g5(v7):
            v8 = -v7
            return (v8,)

        (v5,) = lax.cond(v3, f5, g5, v2, )
        return (v5,)

    f9_rule = jax.custom_jvp(f9)


    @f9_rule.defjvp
    def _(primals, tangents):
        results, derivatives = jax.jvp(f9, primals, tangents)
        return results, doubled(derivatives)


    (v9,) = f9_rule(v0, v0)
    return (v9,)

arguments = (array('float32', (2,), [1.0, -2.0]),)
expected = (array('float32', (2,), [-14.0, -14.0]),)
allowed = (array('float64', (2,), [4.450147717014403e-308, 4.450147717014403e-308]),)
dtypes = ['float32']
structure = 'PyTreeDef((*,))'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    mapped = jax.vmap(function, 0, 0, axis_name=None)

    weights = [array('float32', (2,), [7.0, 7.0])]

    def total(result):
        leaves = zip(jax.tree_util.tree_leaves(result), weights)
        return sum(jnp.sum(leaf * weight) for leaf, weight in leaves if weight is not None)


    gradient = jax.grad(lambda *x: total(mapped(*x)), (0,))
    got = gradient(*arguments)
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
