"""mapping.calls-back does not hold for jax.vmap on effect-callbacks-within.

What a function calls back, the map calls back once for each example, with that example's values.
shapes differ: expected [float32[42], float32[42]], got [float32[39], float32[39]]

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
from jax.experimental import io_callback


def function(a, b):

    def note(tag):
        def noted(*values, **named):
            given = [float(np.sum(x)) for x in (*values, *named.values())]
            function.seen.append(100 * tag + sum(given))
        return noted

    @jax.custom_batching.custom_vmap
    def own(x):
        io_callback(note(1), None, x)
        return 2 * x

    @own.def_vmap
    def _(size, mapped, x):
        jax.vmap(lambda x: io_callback(note(2), None, x))(x)
        return 2 * x, True

    @jax.custom_batching.sequential_vmap
    def sequential(x):
        io_callback(note(3), None, x)
        return x

    def called(tag):
        def step(i, x):
            io_callback(note(tag), None, x)
            return x + 1
        return step

    def seen(tag):
        # What a map may run more often, such as a branch, takes no other callback.
        def step(x):
            jax.debug.callback(note(tag), x)
            return x + 1
        return step

    own(a), sequential(a)
    jax.jit(called(4))(0, a)
    jax.checkpoint(seen(5))(a)
    lax.cond(jnp.bool_(True), seen(6), lambda x: x, a)
    lax.fori_loop(0, 2, called(7), a)
    lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, seen(8)(c[1])), (0, a))
    lax.scan(lambda x, _: (called(9)(0, x), None), a, None, length=3)
    lax.map(lambda x: called(10)(0, a + x), jnp.arange(2.0))
    return b

arguments = (array('float32', (3,), [-1.0, 2.0, -2.0]), array('float32', (3,), [2.0, -2.0, -1.0]),)
expected = [array('float32', (42,), [198.0, 199.0, 202.0, 298.0, 299.0, 302.0, 398.0, 399.0, 402.0, 498.0,
499.0, 502.0, 598.0, 599.0, 602.0, 698.0, 699.0, 699.0, 700.0, 702.0, 703.0, 798.0, 799.0,
799.0, 800.0, 802.0, 803.0, 898.0, 899.0, 899.0, 900.0, 900.0, 901.0, 902.0, 903.0, 904.0,
998.0, 999.0, 999.0, 1000.0, 1002.0, 1003.0]), array('float32', (42,), [198.0, 199.0, 202.0, 298.0, 299.0, 302.0, 398.0, 399.0, 402.0, 498.0,
499.0, 502.0, 598.0, 599.0, 602.0, 698.0, 699.0, 699.0, 700.0, 702.0, 703.0, 798.0, 799.0,
799.0, 800.0, 802.0, 803.0, 898.0, 899.0, 899.0, 900.0, 900.0, 901.0, 902.0, 903.0, 904.0,
998.0, 999.0, 999.0, 1000.0, 1002.0, 1003.0])]
allowed = [array('float64', (42,), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), array('float64', (42,), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])]
dtypes = ['float32', 'float32']
structure = 'PyTreeDef([*, *])'


print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    mapped = jax.vmap(function, 0, 0, axis_name=None)
    def noted(mapped):
        function.seen = []
        jax.block_until_ready(mapped(*arguments))
        jax.effects_barrier()
        return np.sort(np.array(function.seen, np.float32))


    called = jax.jit(mapped)
    got = [noted(called), noted(called)]
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
