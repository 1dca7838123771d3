"""parallel.shard-map-within does not hold for jax.vmap on mlp-loss.

A map with `spmd_axis_name` around `shard_map` over another axis of the mesh is two nested loops.
it raised ValueError: pvary is a invariant->variant collective. This means that the axis names
mentioned in `axes` passed to `pvary` must not be present in `jax.typeof(inp).mat.varying`. Got
axes=('outer',) and jax.typeof(inp)=float32[1,1,4]{V:(outer,inner)}

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


def mlp_loss(params: Any, x: Any, y: Any) -> Any:
    """Mean squared error of the tanh MLP: params as there, (m,), (n,) to ()."""
    for weights, bias in params:
        x = jnp.tanh(jnp.dot(x, weights) + bias)
    return jnp.mean((x - y) ** 2)

function = mlp_loss
arguments = (((array('float32', (3, 2, 4), [1.6243454217910767, -0.6117563843727112, -0.5281717777252197,
-1.072968602180481, 0.8654076457023621, -2.3015387058258057, 1.744811773300171,
-0.7612069249153137, 0.31903910636901855, -0.24937038123607635, 1.4621078968048096,
-2.060140609741211, -0.3224171996116638, -0.38405436277389526, 1.1337693929672241,
-1.0998913049697876, -0.1724282056093216, -0.8778584003448486, 0.042213745415210724,
0.5828152298927307, -1.1006191968917847, 1.144723653793335, 0.9015907049179077,
0.5024943351745605]), array('float32', (3, 4), [-0.41675785183906555, -0.05626682564616203, -2.1361961364746094,
1.6402708292007446, -1.7934355735778809, -0.8417473435401917, 0.5028814077377319,
-1.2452881336212158, -1.0579521656036377, -0.9090076088905334, 0.5514540672302246,
2.292207956314087]),), (array('float32', (3, 4, 5), [1.7886284589767456, 0.4365098476409912, 0.09649746865034103,
-1.863492727279663, -0.27738821506500244, -0.35475897789001465, -0.08274148404598236,
-0.6270006895065308, -0.043818168342113495, -0.47721803188323975, -1.3138647079467773,
0.8846223950386047, 0.8813180327415466, 1.7095730304718018, 0.05003364384174347,
-0.4046774208545685, -0.5453599691390991, -1.5464773178100586, 0.9823674559593201,
-1.1010676622390747, -1.1850465536117554, -0.20564989745616913, 1.4861483573913574,
0.23671627044677734, -1.02378511428833, -0.7129932045936584, 0.6252449750900269,
-0.16051335632801056, -0.7688363790512085, -0.23003071546554565, 0.7450562715530396,
1.976110816001892, -1.2441233396530151, -0.6264169216156006, -0.8037660717964172,
-2.4190831184387207, -0.9237920045852661, -1.0238757133483887, 1.1239778995513916,
-0.13191422820091248, -1.6232854127883911, 0.6466754674911499, -0.35627076029777527,
-1.7431410551071167, -0.5966496467590332, -0.588594377040863, -0.8738822937011719,
0.029713815078139305, -2.248257875442505, -0.26776185631752014, 1.0131834745407104,
0.8527978658676147, 1.1081875562667847, 1.119390606880188, 1.4875431060791016,
-1.1183006763458252, 0.845833420753479, -1.8608895540237427, -0.6028851270675659,
-1.914471983909607]), array('float32', (3, 5), [0.050561707466840744, 0.4999513328075409, -0.9959089159965515,
0.6935985088348389, -0.418301522731781, -1.584577202796936, -0.6477067470550537,
0.5985751748085022, 0.33225002884864807, -1.1474766731262207, 0.6186696887016296,
-0.08798693120479584, 0.42507240176200867, 0.3322531580924988, -1.1568162441253662]),),), array('float32', (3, 2), [1.7967497110366821, 0.12047717720270157, -1.5007728338241577,
1.0500069856643677, -0.48042091727256775, -0.07837693393230438]), array('float32', (3, 5), [-1.028236985206604, -0.4106713533401489, -0.5953831672668457,
0.4574516713619232, 0.5832249522209167, 1.7875369787216187, 1.5420645475387573,
0.6250956654548645, 1.1776338815689087, 0.7586456537246704, 1.3765259981155396,
-0.23933087289333344, -0.7145689129829407, 2.2448484897613525, 0.34582316875457764]),)
expected = array('float64', (3,), [1.3993910850624933, 3.142692458252756, 0.9140344940866815])
allowed = array('float64', (3,), [4.273387162767693e-06, 9.530586024516762e-06, 3.6993997988432094e-06])
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


    batch_axes = ((0, 0, 0), 0)
    shapes = jax.eval_shape(jax.vmap(function, *batch_axes), *arguments)
    ranks = jax.tree_util.tree_map(np.ndim, shapes)
    mesh = mesh_of_two_axes(3)
    inner = over_inner_axis(function, batch_axes, ranks, mesh, True)
    mapped = jax.vmap(function, (0, 0, 0), 0, axis_name=None)
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
