"""References that are arguments of a map or of a jit, and that loops and derivatives use within."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import exactly, of, rule

_GIVEN = """
def use(ref, other, row, i):
    # Of the map's third axis, and of a second reference's first.
    other[:] = row
    ref[:, 1] += row[0]
    before = jax.ref.swap(ref, 0, row[1] * jnp.ones(2))
    jax.ref.addupdate(ref, 1, row)
    jax.ref.addupdate(ref, (slice(None), 1), other[...])
    return ref[i], before, shared[...] * row

ref, other, shared = jax.new_ref(a), jax.new_ref(jnp.zeros((3, 2))), jax.new_ref(jnp.full(2, 5.0))
places = jnp.array([0, 1, 1])
first = jax.vmap(use, (2, 0, 0, 0))(ref, other, b, places)
compiled = jax.jit(jax.vmap(lambda ref, row: ref.__setitem__(0, row), (2, 0)))
compiled(ref, 2 * b)
return first, ref[...], other[...]
"""
_WITHIN = """
def counted(x):
    # It is the same for every example until it is written to.
    ref, turns = jax.new_ref(jnp.zeros(3)), jax.new_ref(1)
    ref[...] += x

    def turn(i, carry):
        ref[i] += carry
        turns[...] += 1
        return carry + ref[0]

    carry = lax.fori_loop(0, 2, turn, x[0])
    lax.scan(lambda c, y: (c, jax.ref.addupdate(ref, 2, y)), 0, x)
    return ref[...], turns[...], jax.checkpoint(lambda y: y * x)(ref[...])

def squared(x):
    ref = jax.new_ref(x)
    ref[...] = ref[...] * x
    return jnp.sum(ref[...])

return jax.jit(counted)(a), jax.grad(squared)(b)
"""
_ACCUMULATED = """
def accumulated(x, y):
    sums = jax.new_ref(jnp.ones(3)), jax.new_ref(jnp.zeros(()))
    value, back = jax.vjp(lambda x, y: x * y, x, y)
    with_refs = back.with_refs(*sums)
    with_refs(jnp.arange(3.0))
    with_refs(x)
    return value, [jax.freeze(each) for each in sums]

return accumulated(a, b)
"""
_SLOPES = """
if jax.__version_info__ < (0, 10, 1):
    raise NotImplementedError("it does not differentiate all of what is done to references")

def read(x):
    ref = jax.new_ref(x)
    return ref[0] * x[1] + ref[2]

@jax.jit
def in_part(x):
    ref = jax.new_ref(jnp.ones(5))
    ref.at[1:4][...] += x[:3]
    return (ref[...] * jnp.arange(5.0)).sum()

def looped(x):
    # Its axis of the map is in front: a scan takes no reference that has it elsewhere.
    ref, doubled = jax.new_ref(jnp.zeros(4)), 2 * x
    jax.ref.addupdate(ref, ..., x)

    def turn(c, y):
        ref[0] = ref[0] * y
        return c + ref[1] * y * doubled[0], ref[0] + doubled[1]

    c, ys = lax.scan(turn, np.float32(0), x[:3])
    return c + ys.sum() + ref[...].sum()

def written(x):
    ref = jax.new_ref(x)
    jax.ref.addupdate(ref, 0, x[1] * x[2])
    before = jax.ref.swap(ref, 1, x[3] * x[3])
    return (ref[...] * x).sum() + before * x[0]

def indexed(x):
    ref, i = jax.new_ref(x), jnp.int32(2)
    ref[...] = jax.checkpoint(lambda y: y * y)(ref[...])
    return ref[i] * ref[::2].sum() + ref[jnp.array([1, 2])].sum()

@jax.custom_vjp
def noted(y, ref):
    return y

def note(ref, g):
    ref[...] = g
    return g, None

noted.defvjp(lambda y, ref: (y, ref), note)
notes, square = jax.new_ref(jnp.zeros(4)), jax.new_ref(a.reshape(2, 2))
slopes = [jax.grad(each)(a) for each in (read, in_part, looped, written, jax.jit(written), indexed)]
pushed = [jax.jvp(each, (a,), (a,))[1] for each in (read, looped, written)]
slope, turned = jax.grad(lambda x: jnp.sum(noted(x * x, notes) * x))(a), np.array([1, 0])
# A reference that two programs have from outside, beside constants of their own.
inner = lambda ref: jax.jit(lambda c: c + ref[...])(jnp.zeros(4) + jnp.array([0.0, 1, 2, 3]))
found = slopes, pushed, slope, notes[...], jax.jit(jax.jit(inner))(jax.new_ref(a)), [
    square[turned, ..., 0], square[..., turned], square[turned, ...], square[..., 0, :]]
# Whole numbers: zeros have no sign.
return jax.tree_util.tree_map(lambda x: x.astype(jnp.int32), found)
"""


def _slopes(a: Any) -> Any:
    """The slopes of the same functions without references."""

    def looped(x: Any) -> Any:
        first = jnp.cumprod(jnp.concatenate([x[:1], x[:3]]))[1:]
        return (x[1] * x[:3] * 2 * x[0] + first + 2 * x[1]).sum() + first[-1] + x[1:].sum()

    def written(x: Any) -> Any:
        kept = jnp.stack([x[0] + x[1] * x[2], x[3] * x[3], x[2], x[3]])
        return (kept * x).sum() + x[1] * x[0]

    def indexed(x: Any) -> Any:
        y = x * x
        return y[2] * (y[0] + y[2]) + y[1] + y[2]

    def read(x: Any) -> Any:
        return x[0] * x[1] + x[2]

    def in_part(x: Any) -> Any:
        return x[0] + 2 * x[1] + 3 * x[2]

    every = (read, in_part, looped, written, written, indexed)
    x, square = jnp.asarray(a), a.reshape(2, 2)
    found = (
        [jax.grad(each)(x) for each in every],
        [jax.jvp(each, (x,), (x,))[1] for each in (read, looped, written)],
        *(3 * a * a, a, a + np.arange(4)),
        [square[::-1, 0], square[:, ::-1], square[::-1], square[0]],
    )
    return exactly(jax.tree_util.tree_map(lambda each: np.asarray(each).astype("int32"), found))


def _given(a: Any, b: Any) -> Any:
    ref, results = a.copy(), []
    for k, (row, i) in enumerate(zip(b, (0, 1, 1), strict=True)):
        own = ref[:, :, k]
        own[:, 1] += row[0]
        before = own[0].copy()
        own[0] = row[1]
        own[1] += row
        own[:, 1] += row
        results.append((own[i].copy(), before, 5 * row))
    ref[0] = 2 * b.T
    return exactly((tuple(map(np.stack, zip(*results, strict=True))), ref, b))


REFERENCES_WITHIN: tuple[FunctionSubject, ...] = (
    rule("swap.given", _GIVEN, *(of("whole", 2, 2, 3), of("whole", 3, 2)), answer=_given),
    rule("get.slopes", _SLOPES, of("few", 4), answer=_slopes),
    rule("addupdate.within", _WITHIN, *(of("whole", 3), of("whole", 3)), exact=True),
    rule("addupdate.accumulated", _ACCUMULATED, *(of("whole", 3), of("whole")), exact=True),
)
