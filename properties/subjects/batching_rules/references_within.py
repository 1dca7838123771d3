"""References that are arguments of a map or of a jit, and that loops and derivatives use within."""

from typing import Any

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
    rule("addupdate.within", _WITHIN, *(of("whole", 3), of("whole", 3)), exact=True),
    rule("addupdate.accumulated", _ACCUMULATED, *(of("whole", 3), of("whole")), exact=True),
)
