"""Rules of the user's own that use what is around them, lie within each other, or bring constants."""

from typing import Any

import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import below, exactly, of, rule

_CLOSURES = """
# JAX does not differentiate by what rules close over.
a, b = lax.stop_gradient((a, b))

@jax.custom_jvp
def forward(x):
    return a * x

@jax.custom_vjp
def backward(x):
    return a * x

@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 2))
def scaled(times, x, how):
    return times * x

def made(y):
    each = jax.custom_jvp(lambda z: y * z)
    each.defjvp(lambda p, t: (y * p[0], 3 * y * t[0]))
    return each

forward.defjvp(lambda p, t: (a * p[0], (a + b) * t[0]))
backward.defvjp(lambda x: (a * x, b), lambda kept, g: ((a + kept) * g,))
scaled.defjvp(lambda times, how, p, t: (how(times * p[0]), 3 * times * t[0]))
# None of what they are given here has an axis of the map's: only what they close over has.
two = jnp.full(a.shape, 2, a.dtype)
inner = lambda x, z: jax.vmap(lambda y: made(y)(z))(x)
return (
    (forward(two), backward(two), scaled(a, two, jnp.negative)),
    jax.jvp(lambda z: inner(a, z), (2.0,), (3.0,)),
    jax.jvp(forward, (two,), (3 * two,)),
    jax.value_and_grad(lambda x: jnp.sum(backward(x)))(two),
    jax.vjp(backward, b)[1](two),
    jax.jvp(lambda x: scaled(a, x, jnp.negative), (two,), (two,)),
    jax.grad(lambda x: lax.scan(lambda c, _: (forward(c), None), x, None, length=2)[0].sum())(two),
)
"""
_COMPOSED = """
if jax.__version_info__ < (0, 5):
    raise NotImplementedError("a custom_vmap function gives no None")
shared = jnp.arange(1.0, 4)
with jax.ensure_compile_time_eval():
    table = jnp.arange(5.0)

@jax.custom_batching.custom_vmap
def product(x, kept):
    return {'product': x * kept['y'] + table[:3], 'none': None}, x

@product.def_vmap
def _(size, mapped, x, kept):
    y = kept['y']
    both = jax.vmap(lambda x, y: x * y, [0 if m else None for m in (mapped[0], mapped[1]['y'])])
    value = both(x, y) if mapped[0] or mapped[1]['y'] else x * y
    is_mapped = mapped[0] or mapped[1]['y']
    result = {'product': value + table[:3], 'none': None}
    return (result, x), ({'product': is_mapped, 'none': None}, mapped[0])

@jax.custom_batching.sequential_vmap
def forward(x, y):
    return x * y, (x, y)

@jax.custom_batching.sequential_vmap
def backward(kept, g):
    return 2 * g * kept[1], 3 * g * kept[0]

weighted = jax.custom_vjp(lambda x, y: forward(x, y)[0])
weighted.defvjp(forward, backward)

@jax.custom_vjp
def outer(x, y):
    return product(x, {'y': y, 'none': None})[0]['product']

outer.defvjp(lambda x, y: (outer(x, y), (x, y)), lambda kept, g: (5 * g * kept[1], 7 * g * kept[0]))
back = jax.vjp(jax.jit(weighted), a, shared)[1]
return (
    product(a, kept={'y': shared, 'none': None}),
    jax.jit(product)(x=shared, kept={'y': b, 'none': None}),
    (back(b), back(shared), jax.vjp(weighted, shared, shared)[1](b)),
    jax.grad(lambda x, y: jnp.sum(outer(x, y)), (0, 1))(shared, b),
    lax.scan(lambda c, x: (c + 1, product(x, {'y': c, 'none': None})[0]['product']), shared, a[:, None])[1],
    # Without the table: that in a branch is a known defect.
    lax.cond(a[0] > 3, lambda x: weighted(x, shared), lambda x: x, b),
)
"""
_IN_A_BRANCH = """
with jax.ensure_compile_time_eval():
    table = jnp.arange(3.0)

@jax.custom_batching.custom_vmap
def shifted(x):
    return x + table

@shifted.def_vmap
def _(size, mapped, x):
    return x + table, mapped[0]

return lax.cond(b > 2, shifted, lambda x: 2 * x, a)
"""
_CONSTANTS = """
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

with jax.ensure_compile_time_eval():
    table = jnp.array([1.0, 2.0, 4.0])

added = Primitive('added_table')
added.def_impl(lambda x: x + table)
added.def_abstract_eval(lambda x: x)
mlir.register_lowering(added, mlir.lower_fun(lambda x: x + np.float32([1, 2, 4]), False))

def batched(arrays, axes):
    # An array that the function has under a map alone.
    (x,), (axis,) = arrays, axes
    return jnp.moveaxis(x, axis, -1) + table[:, None] * jnp.ones((1, x.shape[axis]), x.dtype), x.ndim - 1

batching.primitive_batchers[added] = batched

@jax.custom_jvp
def forward(x):
    return added.bind(x)

@jax.custom_vjp
def backward(x):
    return added.bind(x)

forward.defjvp(lambda p, t: (forward(*p), added.bind(2 * t[0])))
backward.defvjp(lambda x: (backward(x), None), lambda _, g: (added.bind(3 * g),))
use = lambda x: added.bind(x)
return (
    jax.jit(use)(a),
    jax.checkpoint(use)(a),
    lax.scan(lambda c, x: (added.bind(c), added.bind(x + b)), a, jnp.zeros((2, 3)))[0],
    lax.while_loop(lambda c: jnp.sum(added.bind(c[1])) < 40, lambda c: (c[0] + 1, added.bind(c[1])), (0, a)),
    lax.cond(b[0] > 3, lambda x: added.bind(x), lambda x: 2 * added.bind(x), a),
    lax.cond(np.bool_(True), lambda x: added.bind(x), lambda x: x, a),
    jax.jvp(forward, (a,), (b,)),
    jax.vjp(backward, a)[1](b),
)
"""
_OWN_ARRAYS = """
from jax.interpreters import batching

if (0, 4, 36) <= jax.__version_info__ < (0, 6):
    raise NotImplementedError("it lets tracers of such arrays escape, with a map around or without")

class Halves:
    # An array of one's own, of which the map is told how it is taken apart and put together.
    def __init__(self, array):
        self.array = array

class Along:
    pass

def example(read, index, halves, along):
    return Halves(read(2 * halves.array, 0))

def whole(write, size, halves, along):
    return Halves(write(size, halves.array, 0) / 2)

def plain(array):
    return jax.vmap(lambda x: x.array * x.array + 1, (Along(),), axis_size=3)(Halves(array))

def kept(array):
    square = jax.vmap(lambda x: Halves(x.array * x.array + 1), (Along(),), Along(), axis_size=3)
    return square(Halves(array)).array

jax.tree_util.register_pytree_node(Halves, lambda x: ((x.array,), None), lambda _, parts: Halves(*parts))
batching.register_vmappable(Halves, Along, int, example, whole, None)
return (
    plain(a), kept(a), jax.jit(plain)(a), jax.jit(kept)(a),
    jax.grad(lambda x: kept(x).sum())(a), jax.vmap(kept)(jnp.stack([a, -a])),
)
"""


def _of_own_arrays(a: Any) -> Any:
    """What a map of arrays of one's own gives: 2 a is an example's, and half of the result is kept."""
    first, half = 4 * a * a + 1, (4 * a * a + 1) / 2
    return exactly((first, half, first, half, 4 * a, np.stack([half, half], -2)))


OWN_FUNCTIONS: tuple[FunctionSubject, ...] = (
    rule(
        "custom_jvp_call.closures",
        "import functools\n" + _CLOSURES.strip(),
        *(of("whole", 3), of("whole", 3)),
        exact=True,
    ),
    rule("custom_vmap_call.composed", _COMPOSED, *(of("whole", 3), of("whole", 3)), exact=True),
    rule("custom_vmap_call.in-a-branch", _IN_A_BRANCH, *(of("whole", 3), below(5)), exact=True),
    rule("mul.of-own-arrays", _OWN_ARRAYS, of("whole", 3), answer=_of_own_arrays),
    rule("jit.constants-of-rules", _CONSTANTS, *(of("whole", 3), of("whole", 3)), exact=True),
)
