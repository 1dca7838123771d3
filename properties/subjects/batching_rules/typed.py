"""Where maps of arrays on an Explicit mesh say that results lie: as one example's, and the batch as it was.

Types are enough: each function is evaluated without values, by itself and mapped, so that many cost little.
"""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import exactly, of, rule

_HEAD = """
import contextlib

if jax.__version_info__ < (0, 10, 2):
    raise NotImplementedError("its types do not say all of this")
P = jax.sharding.PartitionSpec
explicit = (jax.sharding.AxisType.Explicit,) * 3
mesh = jax.sharding.AbstractMesh((2, 2, 1), ("batch", "y", "one"), axis_types=explicit)

def types(function, shape, spec):
    # What it gives of an array whose axes are sharded so, without a value.
    with jax.sharding.use_abstract_mesh(mesh):
        sharded = jax.sharding.NamedSharding(mesh, P(*spec))
        found = jax.eval_shape(function, jax.ShapeDtypeStruct(shape, "float32", sharding=sharded))
    return [
        (x.shape, x.dtype, x.weak_type, (*x.sharding.spec, *[None] * x.ndim)[: x.ndim])
        for x in jax.tree_util.tree_leaves(found)
    ]

def with_batch(axis, name, shape, spec):
    return (*shape[:axis], 2, *shape[axis:]), (*spec[:axis], name, *spec[axis:])

def is_kept(function, axis, out, name, says_name=False, gains=...):
    shape, spec = (4, 6), ("y", None)
    due = []
    for of_one, dtype, weak, where in types(function, shape, spec):
        place = 0 if out == 0 else len(of_one)
        batched, whole = with_batch(place, name if gains is ... else gains, of_one, where)
        due.append((batched, dtype, weak, whole))
    mapped = jax.vmap(function, axis, out, spmd_axis_name=name if says_name else None)
    return types(mapped, *with_batch(axis, name, shape, spec)) == due

@contextlib.contextmanager
def without_axes_of_one():
    # Types then leave out the axes of the mesh that have one device.
    before = jax.config.jax_remove_size_one_mesh_axis_from_type
    jax.config.update("jax_remove_size_one_mesh_axis_from_type", True)
    try:
        yield
    finally:
        jax.config.update("jax_remove_size_one_mesh_axis_from_type", before)

@jax.custom_jvp
def forward(x):
    return 2 * x

@jax.custom_vjp
def backward(x):
    return 2 * x

@jax.custom_vjp
def without_slope(x):
    return 2 * x

without_slope.defvjp(lambda x: (2 * x, None), lambda _, g: (None,))
forward.defjvp(lambda p, t: (2 * p[0], 3 * t[0]))
backward.defvjp(lambda x: (2 * x, x), lambda x, g: (3 * g,))
half, shard_map = jnp.bfloat16, getattr(jax, "shard_map", None)
whole = lambda x: jax.sharding.reshard(x, P())
"""
_FUNCTIONS = (
    # Conversions, and what is done to each number.
    *("x.astype(half)", "x.astype('int8')", "lax.convert_element_type(x, float)"),
    *("lax.bitcast_convert_type(x, 'int32')", "lax.bitcast_convert_type(x, 'int8')"),
    *(
        "lax.reduce_precision(x, 5, 10)",
        "-x",
        "x > 0",
        "x + 1.0",
        "x * x",
        "lax.complex(x, x).real",
    ),
    *("jnp.where(x > 0, x, 2.0)", "lax.clamp(0.0, x, 1.0)", "lax.select_n(x > 0, x, 2 * x)"),
    *("lax.stop_gradient(x)", "lax.optimization_barrier(x)", "jnp.full_like(x, 3, 'int32')"),
    # Shapes.
    *("x.T", "x[None]", "x[:, :, None]", "lax.squeeze(x[:, None], (1,))", "x.reshape(2, 2, 6)"),
    *("x.reshape(4, 1, 3, 2)", "lax.broadcast(x, (3,))", "lax.expand_dims(x, (0, 3))"),
    *(
        "lax.broadcast_in_dim(x, (4, 5, 6), (0, 2))",
        "lax.rev(x, (0, 1))",
        "jnp.moveaxis(x[None], 0, 2)",
    ),
    *("x[:, 1:3]", "x[:, ::2]", "jnp.pad(x, ((0, 0), (1, 2)))", "jnp.tile(x, (1, 2))"),
    *("jnp.concatenate([x, x], 1)", "jnp.stack([x, x])", "jnp.split(x, 2, 1)"),
    *("lax.dynamic_slice(x, (0, 1), (4, 2))", "lax.dynamic_update_slice(x, x[:, :2], (0, 1))"),
    *("x[:, jnp.array([1, 2])]", "x.at[:, 0].set(1.0)", "jnp.repeat(x, 2, 1)"),
    "jnp.take_along_axis(x, jnp.zeros((4, 1), int), 1)",
    *(
        "jnp.tril(x)",
        "jnp.triu(x[None], 1)",
        "jnp.flip(x, 1)",
        "jnp.diff(x, axis=1)",
        "jnp.unstack(x, axis=1)",
    ),
    *("x.view('int8')", "lax.complex(x, x).view('float32')", "x.view('complex64')"),
    # Reductions and products.
    *("jnp.sum(x, 1)", "jnp.sum(x, 0)", "jnp.max(x, 1)", "jnp.argmax(x, 1)", "jnp.all(x > 0, 1)"),
    *("jnp.prod(x)", "lax.cumsum(x, 1)", "jnp.sort(x, 1)", "lax.sort((x, x), dimension=1)"),
    *(
        "lax.top_k(x, 2)",
        "x @ jnp.ones((6, 3))",
        "jnp.einsum('ij,ij->i', x, x)",
        "jax.nn.softmax(x, 1)",
    ),
    *("lax.reduce_window(x, 0.0, lax.add, (1, 2), (1, 1), 'VALID')", "lax.clamp(x, x, x)"),
    *("lax.associative_scan(jnp.add, x, axis=1)", "jax.random.bits(jax.random.key(0), (2,))"),
    *("jnp.cumprod(x, 1)", "lax.cummax(x, 1)", "lax.cumlogsumexp(x, 1)", "lax.approx_max_k(x, 2)"),
    *(
        "np.ones((3, 4), np.float32) @ x",
        "jnp.fft.fft(x, axis=1)",
        "jnp.var(x, 1)",
        "jnp.linalg.norm(x, axis=1)",
    ),
    *("jax.random.uniform(jax.random.key(0)) + x", "jax.random.normal(jax.random.key(0)) + x"),
    # Functions of functions.
    *("jax.jit(lambda x: 2 * x)(x)", "jax.checkpoint(jnp.sin)(x)", "jax.jvp(forward, (x,), (x,))"),
    "jax.grad(lambda x: jnp.sum(jax.checkpoint(jnp.sin)(x) * x))(x)",
    "jax.grad(lambda x: jnp.sum(backward(x)))(x)",
    "jax.grad(lambda w: jnp.sum(w @ x))(np.ones((3, 4), np.float32))",
    "jax.jvp(lambda x: x.astype(half), (x,), (x,))",
    "jax.vjp(lambda x: x.astype(half), x)[1](x.astype(half))",
    # Of a predicate that is mapped JAX says no type: a known defect, which `placed-branches` has.
    "lax.cond(np.bool_(True), lambda x: 2 * x, lambda x: x, x)",
    "lax.scan(lambda c, _: (2 * c, c), x, None, length=3)",
    "lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, 2 * c[1]), (0, x))",
    *("lax.fori_loop(0, 3, lambda i, c: c + i, x)", "jax.vmap(lambda y: 2 * y, 1, 1)(x)"),
    # What says itself where it lies.
    *("jax.sharding.reshard(x, P(None, 'y'))", "jax.sharding.reshard(x, P())"),
    "jnp.reshape(x, (3, 8), order='F', out_sharding=P(None, 'y'))",
    "jnp.repeat(x, jnp.array([1, 2, 1, 0, 1, 1]), 1, total_repeat_length=6, out_sharding=P('y'))",
    "jnp.matmul(x, jnp.ones((6, 3)), out_sharding=P('y'))",
    "jnp.tensordot(x, jnp.ones((6, 3)), 1, out_sharding=P('y'))",
    "jax.sharding.reshard(jax.random.split(jax.random.key(0), 4), P('y'))",
    "shard_map(lambda x: 2 * x, in_specs=P('y'), out_specs=P('y'))(x)",
    "shard_map(lambda x: lax.psum(x, 'y'), in_specs=P('y'), out_specs=P())(x)",
    "shard_map(lambda x: 2 * x, out_specs=P('y'))(x)",
    "jax.sharding.auto_axes(lambda x: x.T, out_sharding=P(None, 'y'))(x)",
    "jax.grad(lambda x: jnp.sum(shard_map(without_slope, out_specs=P('y'), check_vma=False)(x)))(x)",
    "lax.select_n(jnp.sum(x) > 0, x, 2 * x)",
    *(
        f"lax.conv_general_dilated({of_whole}, (1,), 'SAME'{groups}, out_sharding=P({where}, None))"
        for of_whole, groups, where in (
            ("whole(x)[:, None], jnp.ones((2, 1, 3))", "", "None, 'y'"),
            ("jnp.ones((2, 1, 6)), whole(x)[:, None, :3]", "", "'y', None"),
            (
                "whole(x)[:, None], jnp.ones((4, 1, 3))",
                ", batch_group_count=2",
                "None, 'y'",
            ),
            ("whole(x)[None], jnp.ones((4, 2, 3))", ", feature_group_count=2", "None, 'y'"),
        )
    ),
)
"""Expressions of an array of four rows, which are sharded, of six numbers."""
_LAMBDAS = "".join(f"    lambda x: {each},\n" for each in _FUNCTIONS)
_TYPED = f"""{_HEAD}
functions = [
{_LAMBDAS}]
# Along each axis, in front and at the end; of some, where the batch is not sharded, too.
kept = [is_kept(each, i % 3, -(i % 2), "batch", i % 5 < 2) for i, each in enumerate(functions)]
kept += [is_kept(each, i % 3, -(i % 2), None) for i, each in enumerate(functions[6::7])]
# The name of the batch's axis is said, of several letters and of several axes.
names = "batch", ("batch", "one"), "one"
kept += [is_kept(functions[i], 0, 0, name, True) for i, name in enumerate(names)]
with without_axes_of_one():
    kept += [
        is_kept(functions[i], 0, 0, name, says, gains)
        for i, (name, gains) in enumerate(zip(names, ("batch", "batch", None))) for says in (False, True)
    ]
return a + jnp.array(kept, a.dtype)
"""
_SLOPED = (
    *(
        "1.0 - x",
        "x / 2.0",
        "x - x[:, :1]",
        "jnp.maximum(x, 0.0)",
        "lax.clamp(0.0, x, 1.0)",
    ),
    *(
        "x.reshape(2, 2, 6)",
        "x.reshape(4, 6, 1)",
        "x.reshape(4, 2, 3, 1)",
        "lax.complex(x, x).real",
    ),
    *(
        "lax.broadcast_in_dim(x, (4, 5, 6), (0, 2))",
        "x[:, None] * x[:, :, None]",
        "jnp.roll(x, 1, 1)",
    ),
    *("lax.dynamic_update_slice(x, x[:, :2], (0, 1))", "lax.dynamic_slice(x, (0, 1), (4, 2))"),
    *("x.at[:, 0].subtract(x[:, 1])", "x[:, jnp.array([1, 2])]", "jnp.pad(x, ((0, 0), (1, 2)))"),
    *(
        "jnp.concatenate([x, x], 1)",
        "jnp.split(x, 2, 1)[1]",
        "lax.cumsum(x, 1)",
        "lax.top_k(x, 2)[0]",
    ),
    *("jnp.max(x, 1)", "x @ jnp.ones((6, 3))", "jax.nn.softmax(x, 1)", "jnp.repeat(x, 2, 1)"),
    *(
        "lax.map(lambda y: y * y, x.T, batch_size=4)",
        "jnp.take_along_axis(x, jnp.zeros((4, 1), int), 1)",
    ),
    *("lax.map(lambda y: y * y, x.T, batch_size=9)", "lax.map(lambda y: y * y, x.T, batch_size=3)"),
    *(
        "x @ np.ones((6, 3), np.float32)",
        "np.ones((3, 4), np.float32) @ x",
        "x ** 3",
        "jnp.var(x, 1)",
    ),
    *(
        "jnp.cumprod(x, 1)",
        "lax.cummax(x, 1)",
        "lax.cumlogsumexp(x, 1)",
        "jnp.min(x, 1)",
        "jnp.tril(x)",
    ),
    *(
        "jnp.linalg.norm(x, axis=1)",
        "jnp.dot(x, x.T, out_sharding=P('y'))",
        "x.at[:, 0].multiply(x[:, 1])",
    ),
    *(
        "jnp.stack([x, x])",
        "lax.squeeze(x[:, None], (1,))",
        "jnp.tile(x, (1, 2))",
        "jax.checkpoint(jnp.sin)(x)",
    ),
    *("jax.sharding.reshard(x, P(None, 'y'))", "lax.fori_loop(0, 3, lambda i, c: c * x, x)"),
    "lax.conv_general_dilated(x[:, None], jnp.ones((1, 1, 3)), (1,), 'SAME')",
    "lax.reduce_window(x, 0.0, lax.add, (1, 2), (1, 1), 'VALID')",
    "lax.reduce_window(x, -jnp.inf, lax.max, (1, 2), (1, 1), 'VALID')",
    "jax.sharding.auto_axes(lambda x: x.T, out_sharding=P(None, 'y'))(x)",
    "jnp.repeat(x, jnp.array([1, 2, 1, 0, 1, 1]), 1, total_repeat_length=6, out_sharding=P('y'))",
    "lax.scan(lambda c, _: (2 * c, c), x, None, length=4, unroll=2)[1]",
    "shard_map(lambda x: lax.psum(x * x, 'y'), in_specs=P('y'), out_specs=P())(x)",
    "shard_map(lambda x: lax.psum(x, 'y'), in_specs=P('y'), out_specs=P(), check_vma=False)(x)",
)
"""Those whose slope is taken, back and forwards in turn: of its sum, or along itself."""


def _of_slopes(expressions: tuple[str, ...]) -> str:
    """A function of one number, to which it adds one for each expression whose slope's type is kept."""
    ways = "jax.grad(lambda x: jnp.sum({}))(x)", "jax.jvp(lambda x: {}, (x,), (x,))"
    each = "".join(f"    lambda x: {ways[i % 2].format(e)},\n" for i, e in enumerate(expressions))
    kept = "jnp.array([is_kept(each, 1, -1, 'batch') for each in functions], a.dtype)"
    return f"{_HEAD}functions = [\n{each}]\nreturn a + {kept}\n"


_CALLED_AGAIN = """
if jax.__version_info__ < (0, 9):
    raise NotImplementedError("it takes no name where a type has one")
P, kinds = jax.sharding.PartitionSpec, jax.sharding.AxisType

def under(kind, function, *given):
    mesh = jax.sharding.AbstractMesh((2, 2), ("batch", "y"), axis_types=(kind,) * 2)
    with jax.sharding.use_abstract_mesh(mesh):
        return function(mesh, *given)

def program(mesh, mapped):
    # By its name the map says how the batch lies; what is traced anew is another function for JAX.
    return str(jax.make_jaxpr(lambda x: mapped(x))(jnp.ones((4, 2))).eqns[-1].params["sharding"].spec)

def typed(mesh, mapped):
    sharding = jax.sharding.NamedSharding(mesh, P("batch", None))
    return jax.eval_shape(mapped, jax.ShapeDtypeStruct((4, 2), "float32", sharding=sharding))

def function(x):
    is_typed = jax.typeof(x).sharding.mesh.axis_types[0] == kinds.Explicit
    return x if is_typed else lax.with_sharding_constraint(2 * x, P("y"))

mapped = jax.vmap(function, spmd_axis_name="batch")
first = under(kinds.Auto, program, mapped)
under(kinds.Explicit, typed, mapped)
return a + np.float32("batch" in first and under(kinds.Auto, program, mapped) == first)
"""


def _typed(a: Any) -> Any:
    """One for each function whose type is kept: all, a seventh again, and three in three more ways."""
    return exactly(a[..., None] + np.ones(len(_FUNCTIONS) + len(_FUNCTIONS[6::7]) + 9, a.dtype))


_PUT = f"""{_HEAD}
def to(*spec):
    return lambda x: jax.device_put(x, jax.sharding.NamedSharding(mesh, P(*spec)))

puts = to("y"), to(None, "y"), to()
kept = [is_kept(each, axis, axis, "batch") for each in puts for axis in (0, 2)]
return a + jnp.array(kept, a.dtype)
"""
_CONVOLVED = f"""{_HEAD}
def convolved(of_kernel, spec):
    def function(x):
        images, kernels = (jnp.ones((2, 1, 6)), whole(x)[:, None, :3]) if of_kernel else (
            whole(x)[:, None], jnp.ones((2, 1, 3)))
        return lax.conv_general_dilated(images, kernels, (1,), "SAME", out_sharding=P(*spec))
    return function

def is_said(*given):
    try:
        return is_kept(*given)
    except IndexError:
        return False

# What is left out at the end of a spec is not sharded.
calls = (
    (convolved(False, ()), "batch"), (convolved(True, ("y",)), "batch"),
    (convolved(False, ("y", None, None)), None), (convolved(True, (None, "y", None)), None),
)
kept = [is_said(each, axis, -axis, name) for each, name in calls for axis in (0, 1)]
return a + jnp.array(kept, a.dtype)
"""
_ENTRIES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    (
        "conv_general_dilated.on-a-mesh",
        _CONVOLVED,
        lambda a: exactly(a[..., None] + np.ones(8, a.dtype)),
    ),
    ("device_put.on-a-mesh", _PUT, lambda a: exactly(a[..., None] + np.ones(6, a.dtype))),
    ("convert_element_type.on-a-mesh", _TYPED, _typed),
    ("sharding_constraint.called-again", _CALLED_AGAIN, lambda a: exactly(a + 1)),
    (
        "broadcast_in_dim.slopes-on-a-mesh",
        _of_slopes(_SLOPED),
        lambda a: exactly(a[..., None] + np.ones(len(_SLOPED), a.dtype)),
    ),
    (
        "reduce_prod.slope-on-a-mesh",
        _of_slopes(("jnp.prod(x, 1)",)),
        lambda a: exactly(a[..., None] + 1),
    ),
)
TYPED: tuple[FunctionSubject, ...] = tuple(
    attrs.evolve(rule(name, source, of("whole"), answer=answer), most_axes=1)
    for name, source, answer in _ENTRIES
)
