"""mapping.axis-size does not hold for jax.vmap on lax.get.slopes.

Mapping over an empty batch returns empty results, and over one example one result.
it raised ValueError: Out of bound slice: start=0, dim=0.

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


def function(a):

    if jax.__version_info__ < (0, 10, 1):
        raise NotImplementedError("it does not differentiate all of what is done to references")

    def read(x):
        ref = jax.new_ref(x)
        return ref[0] * x[1] + ref[2]

    @jax.jit
    def in_part(x):
        ref = jax.new_ref(jnp.ones(5))
        ref.at[1:4][...] += x[:3]
        return (ref[...] * jnp.arange(5.0)).sum()

    def looped(x):
        # Its axis of the map is in front: a scan takes no reference that has it elsewhere.
        ref, doubled = jax.new_ref(jnp.zeros(4)), 2 * x
        jax.ref.addupdate(ref, ..., x)

        def turn(c, y):
            ref[0] = ref[0] * y
            return c + ref[1] * y * doubled[0], ref[0] + doubled[1]

        c, ys = lax.scan(turn, np.float32(0), x[:3])
        return c + ys.sum() + ref[...].sum()

    def written(x):
        ref = jax.new_ref(x)
        jax.ref.addupdate(ref, 0, x[1] * x[2])
        before = jax.ref.swap(ref, 1, x[3] * x[3])
        return (ref[...] * x).sum() + before * x[0]

    def indexed(x):
        ref, i = jax.new_ref(x), jnp.int32(2)
        ref[...] = jax.checkpoint(lambda y: y * y)(ref[...])
        return ref[i] * ref[::2].sum() + ref[jnp.array([1, 2])].sum()

    @jax.custom_vjp
    def noted(y, ref):
        return y

    def note(ref, g):
        ref[...] = g
        return g, None

    noted.defvjp(lambda y, ref: (y, ref), note)
    notes, square = jax.new_ref(jnp.zeros(4)), jax.new_ref(a.reshape(2, 2))
    slopes = [jax.grad(each)(a) for each in (read, in_part, looped, written, jax.jit(written), indexed)]
    pushed = [jax.jvp(each, (a,), (a,))[1] for each in (read, looped, written)]
    slope, turned = jax.grad(lambda x: jnp.sum(noted(x * x, notes) * x))(a), np.array([1, 0])
    # A reference that two programs have from outside, beside constants of their own.
    inner = lambda ref: jax.jit(lambda c: c + ref[...])(jnp.zeros(4) + jnp.array([0.0, 1, 2, 3]))
    found = slopes, pushed, slope, notes[...], jax.jit(jax.jit(inner))(jax.new_ref(a)), [
        square[turned, ..., 0], square[..., turned], square[turned, ...], square[..., 0, :]]
    # Whole numbers: zeros have no sign.
    return jax.tree_util.tree_map(lambda x: x.astype(jnp.int32), found)


arguments = (array('float32', (0, 4), []),)
expected = ([array('int32', (0, 4), []), array('int32', (0, 4), []), array('int32', (0, 4), []), array('int32', (0, 4), []), array('int32', (0, 4), []), array('int32', (0, 4), [])], [array('int32', (0,), []), array('int32', (0,), []), array('int32', (0,), [])], array('int32', (0, 4), []), array('int32', (0, 4), []), array('int32', (0, 4), []), [array('int32', (0, 2), []), array('int32', (0, 2, 2), []), array('int32', (0, 2, 2), []), array('int32', (0, 2), [])],)
allowed = ([array('float64', (0, 4), []), array('float64', (0, 4), []), array('float64', (0, 4), []), array('float64', (0, 4), []), array('float64', (0, 4), []), array('float64', (0, 4), [])], [array('float64', (0,), []), array('float64', (0,), []), array('float64', (0,), [])], array('float64', (0, 4), []), array('float64', (0, 4), []), array('float64', (0, 4), []), [array('float64', (0, 2), []), array('float64', (0, 2, 2), []), array('float64', (0, 2, 2), []), array('float64', (0, 2), [])],)
dtypes = ['int32', 'int32', 'int32', 'int32', 'int32', 'int32', 'int32', 'int32', 'int32', 'int32', 'int32', 'int32', 'int32', 'int32', 'int32', 'int32']
structure = 'PyTreeDef(([*, *, *, *, *, *], [*, *, *], *, *, *, [*, *, *, *]))'


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
