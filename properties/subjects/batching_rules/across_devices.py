"""Maps of `shard_map`, and `shard_map` of maps, over two devices: names, gradients, what is closed over."""

from typing import Any

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


def _of_maps(a: Any, b: Any) -> Any:
    summed = a * a + np.tile(a[:, :2] + a[:, 2:], 2)
    place, device = np.array([1, 1, 2, 2]), np.array([[1], [2]])
    placed = a * b[:, None] * place, a[0] * b[:, None] * place
    return exactly((2 * a, summed.T, 2 * a + 2, *placed, a * device + a.sum(0)))


ACROSS_DEVICES: tuple[FunctionSubject, ...] = (
    rule("shard_map.of-maps", _OF_MAPS, *(of("whole", 2, 4), of("whole", 2)), answer=_of_maps),
)
