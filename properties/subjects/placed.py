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

_ARRAY, _CUBE = of("whole", 4, 2), of("whole", 4, 2, 6)


def _placed(name: str, source: str, specs: tuple[Spec, ...]) -> FunctionSubject:
    arrays: tuple[Array, ...] = tuple(_CUBE if len(spec) > 2 else _ARRAY for spec in specs)
    subject = rule(name, f"{_HEAD}return {source}", *arrays, exact=True)
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
)
PLACED = tuple(_placed(*each) for each in _ENTRIES)
SPECS: dict[str, tuple[Spec, ...]] = {f"placed-{name}": specs for name, _, specs in _ENTRIES}
"""How each result of one example is sharded, by the name of the subject."""
