"""What jax.numpy and jax.random make of several primitives: padded to a size, put elsewhere, drawn."""

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import below, of, rule

_PLACED = """
row = jnp.arange(3.0) * b
return (
    jnp.nonzero(a > 0, size=3, fill_value=b), jax.ops.segment_sum(a, c, 4), jnp.lexsort((a, c)),
    jnp.repeat(row, c[:3], total_repeat_length=6), jnp.insert(row, c[0], 7),
    jnp.delete(row, c[1], assume_unique_indices=True),
    jnp.apply_along_axis(lambda x: x[::-1] * b, 0, jnp.stack([a, 2 * a])),
    lax.dynamic_slice(a[0], (), ()), lax.dynamic_update_slice(a[0], row[1], ()),
)
"""
_DRAWN = """
old = a.astype(jnp.uint32)
key = random.wrap_key_data(old, impl="threefry2x32")
turn = lambda c: (c[0] + 1, random.split(c[1])[0])
return (
    random.split(old), random.fold_in(old, b), lax.while_loop(lambda c: c[0] < b + 2, turn, (0, old))[1],
    random.key_data(jax.vmap(random.fold_in, (None, 0))(key, jnp.arange(2) + b)),
    random.choice(key, 5, (2,), False),
    jax.vmap(lambda k: random.bits(random.fold_in(k, lax.axis_index("i"))), axis_name="i")(
        random.split(key, 3)),
)
"""

LOOKUPS: tuple[FunctionSubject, ...] = (
    rule("gather.placed", _PLACED, *(of("distinct", 4), below(3), below(3, 4)), exact=True),
    rule("random_bits.drawn", _DRAWN, *(of("bits", 2, dtype="uint32"), below(5)), exact=True),
)
