"""errors.keywords does not hold for flax.linen.vmap on dot-product.

A keyword argument is mapped along its first axis, or raises TypeError; it is never ignored.
shapes differ: expected float32[3], got None

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
arguments = (array('float32', (3, 2), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942]), array('float32', (3, 2), [0.6958053708076477, -1.3924404382705688, 0.49503716826438904,
3.1041676998138428, -0.3653036952018738, -0.7760704755783081]),)
expected = array('float64', (3,), [0.6702420427394884, 7.440619751926009, 0.0762106658751378])
allowed = array('float64', (3,), [4.2548952726500666e-07, 1.7739822003643774e-06, 3.4348071008423344e-07])
dtypes = ['float32']
structure = 'PyTreeDef(*)'

print("mapped by", "flax.linen.vmap", "on jax", jax.__version__)
try:
    def by_name(function: Any) -> Any:
        """The function with its last argument given by name; without that argument it returns None."""

        def named(*others: Any, last: Any = None) -> Any:
            return None if last is None else function(*others, last)

        return named


    function = by_name(function)

    import flax.linen as nn


    class Applied(nn.Module):
        def __call__(self, *arguments, **named):
            return function(*arguments, **named)


    Lifted = nn.vmap(
        Applied, in_axes=(0,), out_axes=0, variable_axes={}, split_rngs={}, axis_name=None
    )
    mapped = lambda *arguments, **named: Lifted().apply({}, *arguments, **named)

    got = mapped(*arguments[:-1], last=arguments[-1])
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
