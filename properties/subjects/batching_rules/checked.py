"""Functions that `checkify` checks, within a map and around one: which examples fail."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import below, exactly, of, rule

_HEAD = """
from jax.experimental import checkify

def fails(function, *given):
    error, _ = checkify.checkify(function, errors=checkify.all_checks)(*given)
    return jnp.any(jnp.array([x for x in jax.tree_util.tree_leaves(error) if x.dtype == bool]))

def checked(x):
    checkify.check(x < 3, "{x} is not below three", x=x)
    return x + 1
"""
_IN_MANY_WAYS = f"""
if jax.__version_info__ < (0, 5):
    raise NotImplementedError("it does not check each of these, nor what is empty")
{_HEAD}
@jax.custom_jvp
def forward(x):
    return checked(x)

@jax.custom_vjp
def backward(x):
    return checked(x)

forward.defjvp(lambda p, t: (checked(*p), 2 * t[0]))
backward.defvjp(lambda x: (checked(x), None), lambda _, g: (2 * g,))
row, three = a * jnp.arange(1.0, 5), jnp.arange(3.0)
pairs, two = jnp.stack([row, row]), jnp.arange(2)
zeros, ends = (jnp.float32(0), jnp.float32(0)), jnp.array([np.inf, -np.inf, 0])
# The second of the two sums is NaN.
both = lambda x: (three, jnp.where(x < 0, ends, 0.0))
summed = lambda x: lax.reduce(both(x), zeros, lambda p, q: (p[0] + q[0], p[1] + q[1]), (0,))
of_numbers = (
    jax.jit(checked), forward, backward,
    lambda x: lax.switch(b, [lambda x: x, checked, lambda x: checked(x + 1)], x),
    lambda x: lax.fori_loop(0, 2, lambda i, c: checked(c), x),
    # A map within what is checked: one of its examples is enough.
    lambda x: jax.vmap(checked)(x * three), lambda x: lax.map(checked, x * three),
    lambda x: jax.vmap(lambda y: lax.cond(y > 1, checked, lambda y: y, y))(x * three),
    jnp.sqrt, lambda x: x / b, lambda x: b // (b - 1), summed,
    lambda x: lax.sqrt(x) + random.uniform(random.key(0)),
)
of_places = (
    lambda x, i: x[i], lambda x, i: x.at[i].set(7), lambda x, i: x.at[i].multiply(2),
    lambda x, i: lax.dynamic_slice(x, (i,), (2,)), lambda x, i: lax.dynamic_update_slice(x, x[:2], (i,)),
    lambda x, i: jax.vmap(lambda j: x[j])(i + two), lambda x, i: jax.vmap(lambda y, j: y[j])(pairs, i + two),
    lambda x, i: pairs[i % 2, i],
)
return [fails(each, a) for each in of_numbers], [fails(each, row, b) for each in of_places]
"""
_LOOPS = f"""{_HEAD}
def rooted(c):
    return c[0] + 1, jnp.sqrt(c[1]), c[2]

return (
    fails(lambda x: lax.while_loop(lambda c: c[0] < b, lambda c: (c[0] + 1, checked(c[1])), (0, x)), a),
    fails(lambda x: lax.while_loop(lambda c: checked(c) < 3, lambda c: c + 1, x), a),
    fails(lambda x: lax.while_loop(lambda c: c[0] < c[2], rooted, (0, x, b)), a),
)
"""
_PLACES = f"""{_HEAD}
rows, places = jnp.arange(12.0).reshape(3, 4) + a, jnp.array([0, 1, 2]) + b
return (
    fails(jax.vmap(lambda x, i: x.at[i].set(7)), rows, places),
    fails(jax.vmap(lambda x, i: x.at[i].add(7), (None, 0)), rows[0], places),
)
"""


def _in_many_ways(a: Any, b: Any) -> Any:
    above, negative, outside = a >= 3, a < 0, b > 3
    after_one, of_two = a + 1 >= 3, 2 * a >= 3
    of_numbers = (
        *[above] * 3,
        (b == 1 and above) or (b >= 2 and after_one),
        *(above or after_one, of_two, of_two, of_two),
        *(negative, b == 0, b == 1, negative, negative),
    )
    places = *[outside] * 3, *[b > 2] * 2, *[b > 2] * 2, outside
    return exactly(([np.array(each) for each in of_numbers], [np.array(each) for each in places]))


def _loops(a: Any, b: Any) -> Any:
    first = any(a + i >= 3 for i in range(int(b)))
    # Another turn is taken while one more is below three.
    second = a >= 3
    return exactly((np.array(first), np.array(second), np.array(a < 0 and b > 0)))


def _places(a: Any, b: Any) -> Any:
    return exactly((np.array(b + 2 > 3),) * 2)


_ENTRIES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("cond.checked-in-many-ways", _IN_MANY_WAYS, _in_many_ways),
    ("while.checked", _LOOPS, _loops),
    ("scatter.checked", _PLACES, _places),
)
_GIVEN: tuple[Array, ...] = (of("whole"), below(6))
CHECKED: tuple[FunctionSubject, ...] = tuple(
    attrs.evolve(rule(name, source, *_GIVEN, answer=answer), most_axes=1)
    for name, source, answer in _ENTRIES
)
