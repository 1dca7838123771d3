"""Primitives that move, repeat, cut and join, and never compute."""

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import ANYTHING, MN, of, rule


def _moves(name: str, source: str, *dims: tuple[str | int, ...]) -> FunctionSubject:
    arrays = [of("normal", *each) for each in dims]
    return rule(name, source, *arrays, dtypes=ANYTHING, exact=True)


SHAPES = (
    _moves("broadcast_in_dim", "jnp.broadcast_to(a[:, None, :], (a.shape[0], 2, a.shape[1]))", MN),
    _moves("broadcast_in_dim.scalar", "lax.broadcast(a, (2, 3))", ()),
    _moves("reshape", "lax.reshape(a, (a.shape[1], a.shape[0]))", MN),
    _moves("reshape.flat", "a.reshape(-1)", ("m", "n", "k")),
    _moves("reshape.permuted", "lax.reshape(a, (a.size,), dimensions=(1, 0))", MN),
    _moves("transpose", "lax.transpose(a, (2, 0, 1))", ("m", "n", "k")),
    _moves("squeeze", "lax.squeeze(a, (1,))", ("m", 1, "n")),
    _moves("expand_dims", "lax.expand_dims(a, (0, 2))", MN),
    _moves("rev", "lax.rev(a, (1,))", MN),
    _moves("rev.both", "lax.rev(a, (0, 1))", MN),
    _moves("slice", "lax.slice(a, (1, 0), (4, 3), (2, 1))", (5, 4)),
    _moves("concatenate", "lax.concatenate([a, b], 0)", ("m", "n"), ("k", "n")),
    _moves("concatenate.columns", "lax.concatenate([a, b, a], 1)", ("m", "n"), ("m", "k")),
    _moves("pad", "lax.pad(a, b, ((1, 2, 0), (0, 1, 1)))", MN, ()),
    _moves("pad.negative", "lax.pad(a, b, ((-1, 2, 0), (1, -1, 0)))", (4, 3), ()),
    _moves("split", "lax.split(a, (2, 1, 2), axis=0)", (5, "n")),
    _moves("stack", "jnp.stack([a, b], axis=1)", MN, MN),
    _moves("unstack", "tuple(jnp.unstack(a, axis=1))", ("m", 3)),
    _moves("tile", "jnp.tile(a, (2, 3))", MN),
    _moves("tile.primitive", "lax.tile(a, (2, 3))", MN),
    _moves("optimization_barrier", "lax.optimization_barrier((a, b))", MN, ("k",)),
    _moves("stop_gradient", "lax.stop_gradient(a)", MN),
    _moves("device_put", "jax.device_put(a)", MN),
    _moves("device_put.of-several", "jax.device_put((a, b))", MN, ("k",)),
    _moves("name", "checkpoint_name(a, 'kept')", MN),
    rule("iota", "a + lax.iota(jnp.int32, 4)", of("whole", 4, dtype="int32"), exact=True),
)
