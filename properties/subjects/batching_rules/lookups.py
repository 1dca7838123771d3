"""What jax.numpy and jax.random make of several primitives: padded to a size, put elsewhere, drawn."""

import attrs

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
_SIZES = """
if jax.__version_info__ < (0, 8):
    raise NotImplementedError("it takes fewer arrays in place of numbers")
with jax.ensure_compile_time_eval():
    one, two, ones, of_two = jnp.array(1), jnp.array(2), jnp.array([1]), np.array([2])
row = a[0]
return [
    # A number, as an array of JAX's.
    jnp.repeat(a, one, 0, total_repeat_length=3), jnp.repeat(a, 2, one), jnp.roll(a, one, 0),
    jnp.roll(a, 1, one), jnp.split(a, two, 1), jnp.array_split(a, two, 1), jnp.tile(a, two),
    jnp.diag(row, one), jnp.stack([a, a], one), jnp.take(row, one), a.reshape(two, -1), jnp.arange(two) + b,
    jnp.full(two, b), jnp.pad(a, one), jnp.delete(a, one, 1), jnp.nonzero(row > 0, size=two),
    jnp.sum(a, one), row[:two], row[one], jnp.bincount(row.astype(int) % 2, length=two),
    lax.dynamic_slice_in_dim(a, one, 1, 1), lax.cumsum(a, one),
    lax.fori_loop(0, two, lambda _, x: 2 * x, b), lax.scan(lambda c, _: (2 * c, c), b, None, length=two),
    jax.ops.segment_sum(row, np.array([0, 0, 1, 1]), two), lax.top_k(row, two), jnp.broadcast_to(b, two),
    # An array that has one of them, of JAX's, or of NumPy's where its numbers are asked.
    jnp.repeat(a, ones, 0), jnp.repeat(a, of_two, 0), jnp.roll(a, ones, 0), jnp.pad(a, ones),
    jnp.insert(a, ones, 7, 1), row[ones], jnp.split(a, of_two, 1), jnp.tile(a, of_two),
    jnp.flip(a, of_two - 1), jnp.sum(a, of_two - 1), jnp.full(of_two, b), jnp.roll(a, 1, of_two - 1),
    lax.dynamic_slice(row, ones, (2,)),
]
"""
_REPEATED = """
with jax.ensure_compile_time_eval():
    two = jnp.array(2)
return jnp.repeat(a, two, 0)
"""

LOOKUPS: tuple[FunctionSubject, ...] = (
    rule("gather.placed", _PLACED, *(of("distinct", 4), below(3), below(3, 4)), exact=True),
    rule("random_bits.drawn", _DRAWN, *(of("bits", 2, dtype="uint32"), below(5)), exact=True),
    attrs.evolve(
        rule("gather.sizes-as-arrays", _SIZES, *(of("distinct", 2, 4), of("whole")), exact=True),
        most_axes=1,
    ),
    attrs.evolve(rule("gather.repeated", _REPEATED, of("distinct", 3), exact=True), most_axes=1),
)
