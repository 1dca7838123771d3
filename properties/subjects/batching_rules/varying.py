"""Functions of `jax.numpy` and others on each device, of arrays that vary over the devices: types are enough.

Within `shard_map`, what a function makes itself (a carry, a bound, a constant) is the same on all devices.
It must be made to vary where it meets an array that does, else JAX refuses the types.
"""

from typing import Any

import attrs
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import exactly, of, rule

_FUNCTIONS = (
    # What searches and counts, and what solves.
    *("jnp.searchsorted(x[0], x[1])", "jnp.searchsorted(jnp.arange(6.0), x[0])"),
    *(
        "jnp.searchsorted(x[0], jnp.arange(3.0))",
        "jnp.searchsorted(x[0], x[1], method='scan_unrolled')",
    ),
    *(
        "jnp.interp(x, jnp.arange(3.0), jnp.arange(3.0))",
        "jnp.unique(x, size=3)",
        "jnp.nonzero(x, size=3)",
    ),
    *("jnp.histogram(x, 3)", "jnp.bincount(x[0].astype(int), length=3)", "jnp.quantile(x, 0.3)"),
    *("jnp.linalg.inv(x[:, :2])", "lax.map(jnp.linalg.inv, jnp.stack([x[:, :2]] * 2))"),
    *(
        "jnp.linalg.solve(x[:, :2], jnp.ones(2))",
        "jnp.linalg.solve(jnp.eye(2), x[:, 2])",
        "jnp.linalg.eigh(x[:, :2])",
    ),
    *(
        "jnp.linalg.svd(x)",
        "jnp.linalg.qr(x)",
        "jnp.linalg.slogdet(x[:, :2])",
        "jnp.linalg.lstsq(x, x[:, 0])",
    ),
    *("jnp.linalg.matrix_power(x[:, :2], 3)", "jax.scipy.linalg.expm(x[:, :2])"),
    "lax.linalg.tridiagonal_solve(x[0], x[0] + 2, x[0], jnp.ones((6, 1)))",
    "lax.custom_linear_solve(lambda z: 2 * z, x, lambda _, y: y / 2)",
    # What writes where it is told, and chooses.
    *(
        "jnp.insert(x, 0, 0, axis=0)",
        "jnp.full_like(x, 2) * x",
        "jnp.zeros(3).at[x[0].astype(int)].add(1.0)",
    ),
    *(
        "jnp.zeros(3).at[0].set(x[0, 0])",
        "x.at[x[0].astype(int)].add(1)",
        "jnp.roll(x, x[0, 0].astype(int))",
    ),
    *(
        "lax.dynamic_update_slice(jnp.zeros((2, 6)), x[:1], (0, 0))",
        "jnp.select([x > 0, x > 1], [x, 2 * x], 3)",
    ),
    *(
        "lax.dynamic_slice(jnp.ones((2, 6)), (x[0, 0].astype(int), 0), (1, 2))",
        "lax.clamp(0.0, x, 1.0)",
    ),
    *(
        "jax.ops.segment_max(x, x[:, 0].astype(int), 2)",
        "jnp.piecewise(x, [x > 0], [1, 2])",
        "lax.top_k(x, 2)",
    ),
    "jnp.repeat(jnp.ones((2, 3)), x[0, :2].astype(int), 0, total_repeat_length=3)",
    "lax.cond(x[0, 0] > 0, lambda: x, lambda: jnp.zeros_like(x))",
    *(
        "lax.fori_loop(0, 3, lambda i, c: c + i, x)",
        "lax.associative_scan(jnp.add, x)",
        "lax.cumlogsumexp(x)",
    ),
    *(
        "lax.reduce(x, 0.0, lax.add, (0,))",
        "lax.reduce_window(x, 0.0, lax.add, (1, 2), (1, 1), 'SAME')",
    ),
    # Draws, special functions and derivatives.
    *(
        "random.choice(random.key(0), jnp.arange(3), p=x[0, :3])",
        "random.categorical(random.key(0), x)",
    ),
    *(
        "random.truncated_normal(random.key(0), x, x + 1)",
        "random.uniform(random.key(0), (2,)) + x[:, 0]",
    ),
    *("random.poisson(random.key(0), jnp.exp(x))", "random.permutation(random.key(0), x)"),
    *("jax.scipy.special.gammainc(1.0, jnp.exp(x))", "jax.scipy.special.betainc(1.0, 2.0, x)"),
    *(
        "jax.nn.softmax(x)",
        "jax.nn.one_hot(x[0].astype(int), 3)",
        "jnp.median(x)",
        "jnp.fft.fft(x)",
        "jnp.cov(x)",
    ),
    *(
        "jax.jacfwd(lambda x: x * jnp.ones(6))(x)",
        "jax.hessian(lambda x: jnp.sum(x * x * x))(x[0, :2])",
    ),
    *(
        "jax.linearize(jnp.sin, x)[1](x)",
        "jax.grad(lambda x: jnp.sum(jax.checkpoint(jnp.sin)(x) * jnp.ones(6)))(x)",
    ),
    "jax.eval_shape(lambda y: jnp.sin(y) * x, x).shape[0] * x",
    # What is made is filled with, or bounded by, a number that varies itself.
    *("jnp.full_like(x, x[0, 0])", "lax.full_like(x, x[0, 0], jnp.int32)", "jnp.full(3, x[0, 0])"),
    *("jnp.full_like(jnp.ones(3), x[0, 0])", "jnp.pad(x, 1, constant_values=x[0, 0])"),
    *("lax.pad(x, x[0, 0], ((0, 0, 1), (1, 0, 0)))", "jnp.max(x, initial=x[0, 0])"),
    *("jnp.clip(x, x[0, 0])", "lax.clamp(x[0, 0], x, 1.0)", "jnp.nan_to_num(x, nan=x[0, 0])"),
    *(
        "jnp.insert(x, 0, x[0, 0], axis=0)",
        "jnp.linspace(x[0, 0], 1.0, 3)",
        "jnp.arange(3) * x[0, 0]",
    ),
    *(
        "jnp.where(x > 0, x[0, 0], 1.0)",
        "jnp.sum(x, initial=x[0, 0])",
        "jnp.zeros(3).at[1].set(x[0, 0])",
    ),
)
"""Expressions of the array that one of two devices has, of two rows of six numbers."""
_LAMBDAS = "".join(f"    lambda x: {each},\n" for each in _FUNCTIONS)
_VARYING = f"""
if jax.__version_info__ < (0, 10, 1):
    raise NotImplementedError("not every function makes what it makes vary")
split = jax.sharding.PartitionSpec("y")
mesh = jax.sharding.AbstractMesh((2,), ("y",), axis_types=(jax.sharding.AxisType.Auto,))
functions = [
{_LAMBDAS}]

def types(function, *shape):
    found = jax.eval_shape(function, jax.ShapeDtypeStruct(shape, "float32"))
    return [(x.size, x.dtype, x.weak_type) for x in jax.tree_util.tree_leaves(found)]

def is_kept(function, within):
    # Of the results of both devices, end to end: the map lies around the devices, or on each of them.
    flat = lambda x: jax.tree_util.tree_map(jnp.ravel, function(x))
    over = lambda f: jax.shard_map(f, in_specs=split, out_specs=split)
    due = [(6 * size, dtype, weak) for size, dtype, weak in types(flat, 2, 6)]
    if within:
        return types(over(jax.vmap(flat, 1)), 4, 3, 6) == due
    return types(jax.vmap(over(flat)), 3, 4, 6) == due

with jax.sharding.use_abstract_mesh(mesh):
    kept = [is_kept(each, i % 2 > 0) for i, each in enumerate(functions)]
return a + jnp.array(kept, a.dtype)
"""


def _varying(a: Any) -> Any:
    """One for each function whose types are kept."""
    return exactly(a[..., None] + np.ones(len(_FUNCTIONS), a.dtype))


VARYING: tuple[FunctionSubject, ...] = (
    attrs.evolve(
        rule("pvary.of-what-is-made", _VARYING, of("whole"), answer=_varying), most_axes=1
    ),
)
