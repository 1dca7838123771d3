"""parallel.shard-map-agrees does not hold for jax.shard_map on lax.regularized_incomplete_beta.

`shard_map` over a mesh, each device with its own examples, gives what `vmap` gives.
it raised TypeError: while_loop body function carry input and carry output must have equal
types, but they differ:

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
    return lax.betainc(a, b, c)

arguments = (array('float32', (3, 2, 4), [1.872033715248108, 2.287973403930664, 2.006908416748047,
1.8622080087661743, 1.559136986732483, 2.1147353649139404, 1.5939680337905884,
2.7294325828552246, 2.9091567993164062, 1.4586037397384644, 2.4793126583099365,
1.822237253189087, 1.9201114177703857, 2.8139915466308594, 0.6775901317596436,
0.7178232669830322, 0.5505459904670715, 2.581549644470215, 2.445391893386841, 2.675030469894409,
2.9465458393096924, 2.497896432876587, 1.653698444366455, 2.4513230323791504]), array('float32', (3, 2, 4), [1.1398606300354004, 2.0548877716064453, 1.8543877601623535,
1.766647219657898, 0.8090420961380005, 1.307082176208496, 2.845817804336548, 2.6859052181243896,
1.3401448726654053, 1.2290724515914917, 1.6171925067901611, 1.975922703742981,
2.2373673915863037, 1.1034213304519653, 2.283090114593506, 1.6908894777297974,
1.1172306537628174, 2.567645788192749, 0.6118293404579163, 2.46726131439209, 0.9461333751678467,
1.7712414264678955, 2.423830509185791, 0.6941365599632263]), array('float32', (3, 2, 4), [0.4041712284088135, 0.5529381632804871, 0.1665922999382019,
0.5145491361618042, 0.35143449902534485, 0.720770537853241, 0.4547184109687805,
0.06526638567447662, 0.6743294596672058, 0.6749290823936462, 0.397722989320755,
0.7183056473731995, 0.641955554485321, 0.17488563060760498, 0.9105508923530579,
0.5216596722602844, 0.4364790618419647, 0.7644768357276917, 0.5400195121765137,
0.08019594103097916, 0.29510605335235596, 0.7286115884780884, 0.4019072353839874,
0.22418178617954254]),)
expected = array('float64', (3, 2, 4), [0.2126172030067119, 0.5340932004292194, 0.06572035871205867,
0.49818985979662406, 0.1561197967322949, 0.614912490070941, 0.6846824085533154,
0.003713266481577647, 0.43082011500563594, 0.6464365087583167, 0.19265473363853194,
0.8238582053617072, 0.7673548420279157, 0.008706361340377906, 0.9977395369545091,
0.7951319304002515, 0.6670575302005963, 0.8913463965724511, 0.1243081074924295,
0.006070119917791593, 0.025161719027633707, 0.7074238752914304, 0.5203022365089562,
0.015055152199330075])
allowed = array('float64', (3, 2, 4), [5.1908496827810526e-05, 0.00013039384776103989,
1.60450094511862e-05, 0.00012162838373941017, 3.8115184749095434e-05, 0.00015012511964622582,
0.00016715879115071177, 9.065591996039177e-07, 0.00010518069214004784, 0.00015782141327107342,
4.703484707971971e-05, 0.00020113725716838554, 0.0001873424907294716, 2.1255764991156996e-06,
0.00024358875413928445, 0.0001941240064453739, 0.00016285584233412996, 0.00021761386635069606,
3.034865905576892e-05, 1.4819628705545882e-06, 6.1429978094808855e-06, 0.00017271090705357187,
0.0001270269132101944, 3.675574267414569e-06])
dtypes = ['float32']
structure = 'PyTreeDef(*)'


print("mapped by", "jax.shard_map", "on jax", jax.__version__)
try:
    from jax.sharding import Mesh, PartitionSpec as P

    shard_map = getattr(jax, "shard_map", None)
    if shard_map is None:
        from jax.experimental.shard_map import shard_map
    in_axes, out_axes = (0, 0, 0), 0
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
