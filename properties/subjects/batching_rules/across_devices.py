"""Maps of `shard_map`, and `shard_map` of maps, over two devices: names, gradients, what is closed over."""

from typing import Any

import attrs
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import TWO_DEVICES, exactly, of, rule

_OF_MAPS = f"""{TWO_DEVICES}
kept = dict(mesh=mesh, in_specs=split, out_specs=split)
doubled = jax.shard_map(lambda x: 2 * x, **kept)
summed = jax.shard_map(lambda x: x * x + lax.psum(x, "i"), **kept)
placed = lambda x, y: jax.shard_map(lambda z: z * y * (1 + lax.axis_index("i")), **kept)(x)
along = lambda x: x * (1 + lax.axis_index("i")) + lax.psum(x, "i")
slope = jax.grad(lambda x: jnp.sum(jax.checkpoint(summed)(x)))

def every(x, y):
    return (
        # The name of the map is one of the mesh's, too.
        *(jax.vmap(doubled, axis_name="i")(x), jax.vmap(summed, 1, 1)(x.T), jax.vmap(slope)(x)),
        *(jax.vmap(placed)(x, y), jax.vmap(placed, (None, 0))(x[0], y)),
        jax.shard_map(jax.vmap(along), **kept)(x),
    )

# Eagerly, JAX has no values for what is closed over.
return jax.jit(every)(a, b)
"""

_OF_OPTIONS = f"""{TWO_DEVICES}
rows, everywhere = jax.sharding.NamedSharding(mesh, split), jax.sharding.NamedSharding(mesh, whole)
options = (
    {{"donate_argnums": 0}}, {{"donate_argnames": "y", "keep_unused": True}}, {{"inline": True}},
    {{"in_shardings": (rows, everywhere)}}, {{"out_shardings": rows}},
    {{"in_shardings": rows, "out_shardings": {{"s": everywhere, "t": rows}}, "donate_argnums": (0, 1)}},
)

def slopes(compiled, x, y):
    def total(x, y):
        given = compiled(x, y)
        return jnp.sum(given["s"] * given["s"]) + jnp.sum(given["t"] * y)

    back, push = jax.vjp(compiled, x, y)[1], jax.linearize(compiled, x, y)[1]
    curvature = jax.jacfwd(jax.grad(total))(x, y)
    return jax.grad(total, (0, 1))(x, y), back({{"s": x, "t": y}}), push(y, x), jnp.diag(curvature)

# By itself it would take what is donated, which its slopes need.
return jax.jit(lambda x, y: [
    slopes(jax.jit(lambda x, y: {{"s": x * y, "t": 3 * x}}, **each), x, y) for each in options
])(a, b)
"""
_NEST = """
side = 2 if jax.device_count() >= 8 else 1
devices = np.array(jax.devices()[: 2 * side * side]).reshape(2, side, side)
three = jax.sharding.Mesh(devices, ("x", "y", "z"))
P = jax.sharding.PartitionSpec

def over(function, spec=P(), **options):
    return jax.shard_map(function, in_specs=spec, out_specs=spec, **options)

def nested(function):
    # The innermost one names no axis of the mesh: it is over all that are left.
    inner = over(over(function), axis_names={"y"})
    return over(inner, P("x"), mesh=three, axis_names={"x"})
"""
_NESTED = f"""
if jax.__version_info__ < (0, 10, 2):
    raise NotImplementedError("it does not lower the innermost one")
{TWO_DEVICES}{_NEST}
doubled = nested(lambda x: x + x)
total = lambda x: jnp.sum(doubled(x) * x)
return jax.jit(lambda x: (doubled(x), jax.jvp(doubled, (x,), (x,))[1], jax.grad(total)(x)))(a)
"""
_NESTED_SLOPES = f"""
if jax.__version_info__ < (0, 8):
    raise NotImplementedError("it does not know of one within another")
{TWO_DEVICES}{_NEST}
within = over(lambda x: over(lambda x: 2 * x, axis_names={{"y"}})(x), P("x"), mesh=three, axis_names={{"x"}})
return jax.jit(jax.grad(lambda x: jnp.sum(within(x))))(a)
"""
_OVER_ONE = """
if jax.__version_info__ < (0, 9):
    raise NotImplementedError("it has it elsewhere, or does not map its sums")
only = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("i",))
split, whole = jax.sharding.PartitionSpec("i"), jax.sharding.PartitionSpec()

def every(x):
    # Where there is one device, each of these leaves what it is given.
    gathered = lax.all_gather(x, "i", tiled=True)
    row, around = x[None], lax.ppermute(x, "i", [(0, 0)])
    exchanged = lax.all_to_all(x[:, None], "i", 1, 1, tiled=True)[:, 0], lax.all_to_all(row, "i", 0, 1)[:, 0]
    scattered = lax.psum_scatter(row, "i"), lax.psum_scatter(row, "i", scatter_dimension=1, tiled=True)[0]
    return x + lax.axis_index("i"), gathered, around, *exchanged, *scattered

over = lambda f, after: jax.shard_map(f, mesh=only, in_specs=split, out_specs=after)
total = lambda x: jnp.sum(over(lambda x: lax.psum(x * x, "i"), whole)(x))
return jax.jit(over(every, split))(a), over(lambda x: lax.psum(x, "i"), whole)(a), jax.jit(jax.grad(total))(a)
"""
_IN_PART = f"""
if jax.__version_info__ < (0, 9):
    raise NotImplementedError("its keys, or what is not used, is not sharded")
{TWO_DEVICES}

@jax.custom_vjp
def without_slope(x):
    return 3 * x

without_slope.defvjp(lambda x: (3 * x, None), lambda _, g: (None,))

def over(function, before=split, after=split, **options):
    return jax.shard_map(function, mesh=mesh, in_specs=before, out_specs=after, **options)

def of_several(x):
    # Of what these give, one is used.
    sums = lambda x: (lax.psum(x * x, "i"), lax.psum(2 * x, "i"), x, 5 * x)
    several = over(sums, after=(whole, whole, split, split))
    pulled = [jax.grad(lambda x: jnp.sum(several(x)[i]))(x) for i in range(4)]
    back = jax.vjp(several, x)[1]((jnp.zeros(1), jnp.ones(1), 0 * x, x))[0]
    unused = [jax.grad(lambda x: jnp.sum(over(without_slope, check_vma=c)(x) * x))(x) for c in (True, False)]
    return pulled, back, unused, jax.linearize(several, x)[1](x)

@jax.custom_vjp
def counted(x, n):
    return 3 * x, n

counted.defvjp(lambda x, n: jax.vjp(lambda x, n: (3 * x, n), x, n), lambda back, g: back(g))

def of_counts(x):
    # What whole numbers have for a slope is no number: it is not divided among devices.
    pairs = [over(counted, (split, whole), (split, whole), check_vma=c) for c in (True, False)]
    given = x, np.zeros(2, jax.dtypes.float0)
    return [jax.vjp(each, x, jnp.arange(2))[1](given)[0] for each in pairs]

def of_keys(x):
    keys = random.split(random.key(7), 2)
    turned = over(lambda key: jax.vmap(random.fold_in, (0, None))(key, 3))(keys)
    drawn = over(lambda key, x: x + 0 * random.uniform(key[0], x.shape), (split, split))(keys, x)
    due = jax.vmap(random.fold_in, (0, None))(keys, 3)
    return drawn, jnp.all(random.key_data(turned) == random.key_data(due))

return jax.jit(lambda x: (of_several(x), of_keys(x), of_counts(x)))(a)
"""


def _in_part(a: Any) -> Any:
    zero = 0 * a
    pulled = [2 * a, zero + 2, zero + 1, zero + 5]
    pushed = (2 * a * a).sum(keepdims=True), 2 * a.sum(keepdims=True), a, 5 * a
    return exactly(((pulled, 2 + 5 * a, [3 * a] * 2, pushed), (a, True), [3 * a] * 2))


def _of_maps(a: Any, b: Any) -> Any:
    summed = a * a + np.tile(a[:, :2] + a[:, 2:], 2)
    place, device = np.array([1, 1, 2, 2]), np.array([[1], [2]])
    placed = a * b[:, None] * place, a[0] * b[:, None] * place
    return exactly((2 * a, summed.T, 2 * a + 2, *placed, a * device + a.sum(0)))


def _of_options(a: Any, b: Any) -> Any:
    """The slopes of the sum of (x y)^2 + 3 x y, and those of x y and 3 x; whatever a jit is told."""
    slopes = 2 * a * b * b + 3 * b, 2 * a * a * b + 3 * a
    pushed = {"s": b * b + a * a, "t": 3 * b}
    each = slopes, (a * b + 3 * b, a * a), pushed, 2 * b * b
    return exactly([each] * 6)


ACROSS_DEVICES: tuple[FunctionSubject, ...] = (
    rule("shard_map.of-maps", _OF_MAPS, *(of("whole", 2, 4), of("whole", 2)), answer=_of_maps),
    attrs.evolve(
        rule(
            "shard_map.over-one",
            _OVER_ONE,
            of("few", 2),
            answer=lambda a: exactly(((a,) * 7, a, 2 * a)),
        ),
        most_axes=1,
    ),
    attrs.evolve(rule("shard_map.in-part", _IN_PART, of("few", 2), answer=_in_part), most_axes=1),
    attrs.evolve(
        rule(
            "jit.slopes-of-options", _OF_OPTIONS, *(of("few", 4), of("few", 4)), answer=_of_options
        ),
        most_axes=1,
    ),
    *(
        attrs.evolve(rule(name, source, of("few", 4), answer=answer), most_axes=1)
        for name, source, answer in (
            ("shard_map.nested", _NESTED, lambda a: exactly((2 * a, 2 * a, 4 * a))),
            ("shard_map.nested-slopes", _NESTED_SLOPES, lambda a: exactly(0 * a + 2)),
        )
    ),
)
