"""References indexed by arrays (of two axes, after a slice, in two places apart), or read from outside."""

from typing import Any

import numpy as np

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import below, of, rule

_INDICES = """
pair, square = jnp.stack([b, 3 - b]), jnp.stack([jnp.stack([b, 3 - b]), jnp.stack([(b + 1) % 4, b])])
fixed = np.array([[0, 2], [3, 1]])
ref = jax.new_ref(a)
"""
_READ = f"""{_INDICES}
own = jax.new_ref(jnp.arange(32.0).reshape(4, 4, 2))
return (
    (ref[square], ref[:, square], ref[fixed], ref[:, fixed], ref[pair, :, pair % 2], ref[:, :, b % 2]),
    (ref[fixed[0], :, fixed[1] % 2], own[b], own[:, b], own[:, square], own[pair, :, pair % 2]),
    (own[:, :, b % 2], own[1:3, b]),
)
"""
_WRITTEN = f"""{_INDICES}
first = jax.ref.swap(ref, (slice(None), fixed), jnp.full((4, 2, 2, 2), c.sum()))
second = jax.ref.swap(ref, (fixed[0], slice(None), fixed[1] % 2), c[:2])
third = jax.ref.swap(ref, (slice(None), pair), jnp.arange(16.0).reshape(4, 2, 2))
ref[2:, b] = jnp.arange(4.0).reshape(2, 2)
ref[:, :, b % 2] = c
ref[fixed] = jnp.arange(32.0).reshape(2, 2, 4, 2)
ref[:2] = ref[:2] + 1
return first, second, third, ref[...]
"""
_ADDED = f"""{_INDICES}
jax.ref.addupdate(ref, (slice(None), fixed), jnp.full((4, 2, 2, 2), c.sum()))
jax.ref.addupdate(ref, (fixed[0], slice(None), fixed[1] % 2), c[:2])
jax.ref.addupdate(ref, (slice(None), pair), jnp.arange(16.0).reshape(4, 2, 2))
jax.ref.addupdate(ref, (slice(2, 4), b), jnp.arange(4.0).reshape(2, 2))
jax.ref.addupdate(ref, (slice(None), slice(None), b % 2), c)
jax.ref.addupdate(ref, (), jnp.arange(32.0).reshape(4, 4, 2))
return ref[...]
"""
_WHOLE = """
ref = jax.new_ref(a)
jax.ref.addupdate(ref, ..., b)
jax.ref.addupdate(ref, (), 2 * b.T)
return ref[...]
"""
_FROM_OUTSIDE = """
ref, wide = jax.new_ref(a), jax.new_ref(a.reshape(2, 2, 4, 2))

def read(i):
    pair = ref[jnp.stack([i, 3 - i]), :, jnp.stack([i % 2, 0 * i])]
    parts = ref[i], ref[:, i], ref[:, :, i % 2][:, :2], jnp.concatenate([pair, pair])[:, :2]
    return jnp.stack([*parts, wide[:, i % 2, :, (i + 1) % 2].T])

return jax.vmap(read)(b)
"""


def _read_from_outside(a: Any, b: Any) -> tuple[Any, Any]:
    """What a reference of the values of `a` gives at each index of `b`."""

    def read(i: int) -> Any:
        pair = a[[i, 3 - i], :, [i % 2, 0]]
        parts = a[i], a[:, i], a[:, :, i % 2][:, :2], np.concatenate([pair, pair])[:, :2]
        return np.stack([*parts, wide[:, i % 2, :, (i + 1) % 2].T])

    wide = a.reshape(2, 2, 4, 2)
    value = np.stack([read(int(i)) for i in b])
    return value, np.zeros(value.shape)


def _entry(name: str, source: str, *arguments: Array) -> FunctionSubject:
    return rule(name, source, *arguments, exact=True)


_REF, _INDEX, _VALUES = of("whole", 4, 4, 2), below(4), of("whole", 4, 4)

REFERENCES = (
    _entry("get.arrays", _READ, _REF, _INDEX),
    rule("get.outside", _FROM_OUTSIDE, _REF, below(4, 3), answer=_read_from_outside),
    _entry("swap.arrays", _WRITTEN, _REF, _INDEX, _VALUES),
    _entry("addupdate.arrays", _ADDED, _REF, _INDEX, _VALUES),
    _entry("addupdate.whole", _WHOLE, of("whole", 3, 3), of("whole", 3, 3)),
)
