"""Functions that say within them where values live, on the mesh that is set, else on one of their own.

A mesh has three axes of two devices: `x` is for the batch, `y` for what an example's function names,
and `z` for what its caller shards. A new one is an expression here, and how its results are sharded.
"""

import attrs

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import of, rule

_HEAD = """
mesh = jax.sharding.get_abstract_mesh() if hasattr(jax, "set_mesh") else None
is_set = mesh is not None and not mesh.empty
if not is_set:
    devices = np.array(jax.devices()[:8]).reshape(2, 2, 2)
    mesh = jax.sharding.Mesh(devices, ("x", "y", "z"))
P, sharding = jax.sharding.PartitionSpec, jax.sharding.NamedSharding
ANY = P.UNCONSTRAINED
"""
FREE = "free"
"""An axis of a result of which the function says nothing: it stays as the argument's is."""
Spec = tuple[str | None, ...]
"""The name of the mesh's axis that shards each axis of one example's array."""

_BEFORE = {
    "joined": """
def shared():
    return jnp.arange(8.0).reshape(4, 2)

def number(x):
    return (x[0, 0] > 0).astype(np.int32)

def solved(scale):
    return lax.custom_linear_solve(
        lambda x: scale * x, 2 * shared(), lambda _, y: y / scale, symmetric=True)

@jax.custom_jvp
def product(x, y):
    return x * y

@jax.custom_vjp
def weighted(x, y):
    return x * y

product.defjvp(lambda p, t: (p[0] * p[1], 3 * t[0] * p[1] + 5 * p[0] * t[1]))
weighted.defvjp(lambda x, y: (x * y, (x, y)), lambda kept, g: (2 * g * kept[1], 3 * g * kept[0]))
chosen = lambda x, i: lax.cond(i > 0, lambda x: 3 * x, lambda x: x, x)
"""
}
"""What the functions need that are no single expression."""
_JOINED = """[
    lax.switch(number(a), [lambda x: x, lambda x: 2 * x, lambda x: x + 1], shared()),
    lax.cond(number(b) > 0, lambda x, y: x, lambda x, y: y, b, shared())
    + lax.cond(number(b) > 0, lambda: b, shared),
    lax.scan(lambda k, x: (k + x, k), shared()[0], c)[1]
    + lax.fori_loop(0, 3, lambda _, x: x + c, shared()),
    lax.select_n(number(d) > 0, shared(), 2 * shared()) + jnp.where(number(d) > 0, d, shared())
    + lax.clamp(np.float32(0), d, shared()),
    jnp.concatenate([e[:2], shared()[:2]]) + shared().at[1].set(e[0])
    + lax.dynamic_update_slice(shared(), e[:1], (number(e), 0)),
    jax.grad(lambda x: jnp.sum(x * f) + jnp.sum(chosen(x, number(f))))(shared()),
    jax.jvp(product, (shared(), g), (2 * shared(), g))[1]
    + jax.grad(lambda x: jnp.sum(weighted(g, x)))(shared()),
    solved(1 + number(h).astype(np.float32)),
]
"""
_ARRAY, _CUBE = of("whole", 4, 2), of("whole", 4, 2, 6)


def _placed(name: str, source: str, specs: tuple[Spec, ...]) -> FunctionSubject:
    arrays: tuple[Array, ...] = tuple(_CUBE if len(spec) > 2 else _ARRAY for spec in specs)
    whole = f"{_HEAD}{_BEFORE.get(name, '')}return {source}"
    subject = rule(name, whole, *arrays, exact=True)
    return attrs.evolve(subject, name=f"placed-{name}", kind="placed")


_ENTRIES: tuple[tuple[str, str, tuple[Spec, ...]], ...] = (
    (
        "constraint",
        (
            "[lax.with_sharding_constraint(2 * x, sharding(mesh, spec)) for x, spec in"
            " ((a, P('y')), (b, P(None, 'y')), (c, P()), (d, P(('y', 'z'))))]"
        ),
        (("y", None), (None, "y"), (None, None), ("yz", None)),
    ),
    (
        "unconstrained",
        (
            "[lax.with_sharding_constraint(2 * x, sharding(mesh, spec)) for x, spec in"
            " ((a, P(ANY, 'y')), (b, P('y', ANY)), (c, P(ANY)), (d, P(ANY, None, 'y')), (e, P(None, ANY)))]"
        ),
        (
            (FREE, "y"),
            ("y", FREE),
            (FREE, None),
            (FREE, None, "y"),
            (None, FREE, None),
        ),
    ),
    (
        "jit",
        (
            "[jax.jit(lambda x: 2 * x, in_shardings=[s], out_shardings=s)(x) for x, s in"
            " ((a, sharding(mesh, P(('y', 'z')))), (b, sharding(mesh, P(None, 'y'))),"
            " (c, sharding(mesh, P())))],"
            " jax.jit(lambda x, y: 2 * x + y,"
            " in_shardings=[sharding(mesh, P(None, 'y')), sharding(mesh, P())])(d, np.float32(3))"
        ),
        # Of four devices: they do not divide the batch, whose axis is thus never mistaken for the example's.
        (("yz", None), (None, "y"), (None, None), (None, "y")),
    ),
    (
        "shard_map",
        (
            "[jax.shard_map(f, mesh=mesh, in_specs=before, out_specs=after)(x) for f, before, after, x in ("
            "(lambda x: x + lax.psum(x, 'y'), P('y'), P('y'), a),"
            " (lambda x: 3 * x, P(None, 'y'), P(None, 'y'), b),"
            " (lambda x: lax.psum(x, 'y'), P('y'), P(), c),"
            " (lambda x: jax.jit(lambda x: x[0] + x)(x) * np.float32([1, 2]) + 1, P('y'), P('y'), d))]"
        ),
        (("y", None), (None, "y"), (None, None), ("y", None)),
    ),
    (
        "convolution",
        (
            "[lax.conv_general_dilated(image, kernel, (1,), 'SAME', feature_group_count=groups, **where)"
            " for where in [{'out_sharding': sharding(mesh, P(None, None, None))} if is_set else {}]"
            " for image, kernel, groups in ("
            "(a, np.ones((4, 2, 3), np.float32), 1), (b, np.ones((4, 1, 3), np.float32), 2),"
            " (np.ones((2, 2, 6), np.float32), c, 1))]"
        ),
        ((None, None, None), (None, None, None), (None, None, None)),
    ),
    (
        "types",
        (
            "[f(x, sharding(mesh, P(*spec))) if is_set else f(x, None) for f, x, spec in ("
            "(lambda x, s: lax.reduce_sum(jnp.stack([x, 2 * x]), (0,), out_sharding=s), a, ('y', None)),"
            " (lambda x, s: jnp.dot(x, np.ones((2, 4), np.float32), out_sharding=s), b, ('y', None)),"
            " (lambda x, s: x + jnp.dot(np.eye(4, dtype=np.float32), np.ones((4, 2), np.float32),"
            " out_sharding=s), c, ('y', None)),"
            " (lambda x, s: jnp.einsum('ij,kj->ik', x, x, out_sharding=s), d, (None, 'y')),"
            " (lambda x, s: lax.broadcast_in_dim(x[0], (3, 2, 6), (1, 2), out_sharding=s), e,"
            " (None, 'y', None)),"
            " (lambda x, s: x + lax.broadcasted_iota(np.float32, (4, 2), 0, out_sharding=s), f,"
            " (None, 'y')))]"
        ),
        (("y", None), ("y", None), ("y", None), (None, "y"), (None, "y", None), (None, "y")),
    ),
    (
        "shard_map-results",
        "jax.shard_map(lambda x: 2 * x, mesh=mesh, in_specs=P(), out_specs=P('y'), check_vma=False)(a)",
        (("y", None),),
    ),
    (
        "shard_map-unchecked",
        "jax.shard_map(lambda x: 2 * x, mesh=mesh, in_specs=P('y'), out_specs=P('y'), check_vma=False)(a)",
        (("y", None),),
    ),
    (
        "branches",
        (
            "lax.cond(jnp.sum(a) > 0, lambda x: 2 * x, lambda x: x, a),"
            " lax.switch((b[0, 0] > 0).astype(np.int32), [lambda x: 3 * x, lambda x: x + 1], b)"
        ),
        ((FREE, None), (None, FREE)),
    ),
    # What depends on the batch meets what does not, of which each example has the same.
    ("joined", _JOINED, ((None, None),) * 8),
)
PLACED = tuple(_placed(*each) for each in _ENTRIES)
SPECS: dict[str, tuple[Spec, ...]] = {f"placed-{name}": specs for name, _, specs in _ENTRIES}
"""How each result of one example is sharded, by the name of the subject."""
