"""Derivatives of a map, and what else a function sees of a map that it makes: the answers are NumPy's."""

from typing import Any

import attrs
import numpy as np

from properties.subjects.batching_rules.entry import TWO_DEVICES, below, exactly, of, rule

_INFINITE = """
def branch(x):
    return lax.cond(x == 0, lambda x: 3 * x, lambda x: 8 / x, x)

def switched(x):
    return lax.switch((x == 0).astype(jnp.int32), [lambda x: 8 / x, lambda x: 3 * x, lambda x: x], x)

def summed(x):
    return jnp.sum(jax.vmap(branch)(x) + jax.vmap(switched)(x))

x = a * np.float32([0, 1, 1, 1])
return jax.grad(summed)(x), jax.jvp(jax.vmap(branch), (x,), (b,))[1]
"""
_OF_ONE_ONLY = """
@jax.custom_jvp
def second(x, y):
    return y

second.defjvp(lambda p, t: (p[1], 3 * t[0] + 5 * t[1]))

@jax.custom_vjp
def weighted(x, y):
    return x * y

weighted.defvjp(lambda x, y: (x * y, (x, y)), lambda kept, g: (2 * g * kept[1], 3 * g * kept[0]))
mapped = jax.vmap(second, (0, None))
total = lambda x, y: jnp.sum(jax.vmap(weighted, (1, 0))(x, y))
square = jnp.stack([a, 2 * a, a + 1])
return jax.jvp(mapped, (a, b), (2 * a, b)), jax.grad(total, (0, 1))(square, square + 1)
"""
_EXCHANGED = """
def between(axis, split, concat, tiled):
    exchange = lambda x: lax.all_to_all(x, 'i', split, concat, tiled=tiled)
    return jax.vmap(jax.vmap(exchange, axis, axis), axis_name='i')(jnp.moveaxis(a, 1, axis + 1))

return [
    between(axis, split, 1 - split, tiled)
    for axis in (0, 1, 2) for split in (0, 1) for tiled in (False, True)
]
"""
_SQUARE = """
def each(x, y):
    chosen = lax.select_n(jnp.bool_(True), x, y), lax.select_n(jnp.int32(0), x, y)
    return *chosen, x + y, lax.clamp(x, y, x + 8)

return jax.vmap(each, (0, 1))(a, b)
"""
_LOOPS = """
def loop(n, y):
    return lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, 2 * c[1] + y), (0, 0 * y))[1]

return jax.vmap(lambda y: jax.vmap(lambda n: loop(n, y))(jnp.arange(3)))(a)
"""
_OVER_DEVICES = f"""{TWO_DEVICES}
def gradients(checked):
    # On each device its own rows of x, and all of y and of the sum.
    summed = jax.shard_map(
        lambda x, y: lax.psum(x * y, "i"), mesh=mesh,
        in_specs=(split, whole), out_specs=whole, check_vma=checked,
    )
    total = lambda x, y: jnp.sum(summed(x, y) * np.float32([1, 3]))
    # Compiled: of an empty batch, jax 0.10.2 gives an eager gradient another shape than it has.
    return jax.jit(jax.grad(total, (0, 1)))(a, b)

return gradients(True), gradients(False)
"""
_EXPANDED = """
def called(x):
    count = lambda x, y: x + np.float32(y.size)
    return jax.pure_callback(count, x, x, jnp.arange(2.0), vmap_method='expand_dims')

return jax.vmap(called)(a)
"""
_VECTORIZED = """
x, y = a[None, :, None], b[:, None, None]
ends = jnp.vectorize(lambda x: 2 * x + x[0], signature='(n)->(n)')
both = jnp.vectorize(lambda x, y: (x + y, x[:1] * y, x.sum()), signature='(n),()->(n),(k),()')
told = jnp.vectorize(lambda x, n, *, by: by * x + n, excluded={1, 'by'})
either = jnp.vectorize(lambda x, y, z: x - z if y is None else y)
pairs = both(x, y), both(x, a[:, :1])
return ends(x), pairs, told(x, 5, by=3), either(x, None, y[..., None]), ends(b[None])
"""

_SYMBOLIC_ZEROS = """
from jax.custom_derivatives import SymbolicZero, zero_from_primal

@jax.custom_jvp
def three(x, y):
    return x * x, x + y, 2 * y

def rule(primals, tangents):
    (x, y), (by_x, by_y) = primals, tangents
    nothing = zero_from_primal(x, symbolic_zeros=True)
    first = nothing if type(by_x) is SymbolicZero else 3 * x * by_x
    return three(x, y), (first, nothing, nothing if type(by_y) is SymbolicZero else 5 * by_y)

three.defjvp(rule, symbolic_zeros=True)
mapped = jax.vmap(jax.jit(three))
both = jax.jvp(mapped, (a, b), (b, 2 * b))
alone = jax.jvp(jax.vmap(jax.jit(lambda x: three(x, x + 1)[0])), (a,), (b,))
back = jax.grad(lambda x, y: sum(map(jnp.sum, mapped(x, y))), (0, 1))(a, b)
return both, jax.jvp(lambda x: mapped(x, b), (a,), (b,))[1], alone, back, jax.jacfwd(
    jax.jacrev(lambda x: jnp.sum(jax.jit(three)(x, b)[0])))(a)
"""
_PAST_THE_END = """
def slices(x, y, i):
    inside = lax.dynamic_slice(x, (i,), (2,)), lax.dynamic_update_slice(x, y, (i,))
    return *inside, x.at[i + jnp.arange(2)].get(mode="clip"), x.at[i].get(mode="fill", fill_value=0)

def total(x, y):
    read, written, clipped, filled = jax.vmap(slices, (0, None, 0))(x, y, c)
    weights = jnp.arange(1.0, 5.0)
    return jnp.sum(read * weights[:2]) + jnp.sum(written * weights) + jnp.sum(
        clipped * weights[2:]) + 7 * jnp.sum(filled)

return jax.value_and_grad(total, (0, 1))(a, b)
"""


def _slopes(a: Any, b: Any) -> tuple[Any, Any]:
    """The slope of 3 x at zero, where the first number always is, and of 8 / x elsewhere."""
    a = a * np.array([0, 1, 1, 1], "float32")
    slope = np.where(a == 0, 3.0, -8.0 / np.where(a == 0, 1.0, a) ** 2)
    return exactly((2 * slope, b * slope))


def _of_one_only(a: Any, b: Any) -> tuple[Any, Any]:
    """What the rules say of the derivatives, which is not what the functions are."""
    square = np.stack([a, 2 * a, a + 1])
    other = square + 1
    jvp = np.broadcast_to(b, a.shape).astype(a.dtype), 6 * a + 5 * b
    return exactly((jvp, (2 * other.T, 3 * square.T)))


def _exchanged(a: Any) -> tuple[Any, Any]:
    """What each member of the named axis is sent, for each part of the axis between."""

    def one(x: Any, split: int, concat: int, tiled: bool) -> Any:
        parts = [[np.take(y, [i], split) for y in x] for i in range(len(x))]
        sent = [np.concatenate(part, concat) for part in parts]
        if tiled:
            return np.stack(sent)
        dropped = [np.stack([np.take(y, i, split) for y in x], concat) for i in range(len(x))]
        return np.stack(dropped)

    def between(axis: int, split: int, concat: int, tiled: bool) -> Any:
        each = [one(part, split, concat, tiled) for part in np.moveaxis(a, 1, 0)]
        return np.stack(each, axis + 1)

    return exactly(
        [
            between(axis, split, 1 - split, tiled)
            for axis in (0, 1, 2)
            for split in (0, 1)
            for tiled in (False, True)
        ]
    )


def _of_square(a: Any, b: Any) -> tuple[Any, Any]:
    """Rows of one array beside columns of another of the same shape."""
    return exactly((b.T, a, a + b.T, np.clip(b.T, a, a + 8)))


def _over_devices(a: Any, b: Any) -> tuple[Any, Any]:
    """The slopes of 1, 3 times the sum of both halves of a, times b; checked or not."""
    weights = np.array([1, 3], "float32")
    slopes = (
        np.tile(weights * b, (2, 1)).astype(a.dtype),
        (weights * (a[:1] + a[1:])).astype(b.dtype),
    )
    return exactly((slopes, slopes))


def _of_loops(a: Any) -> tuple[Any, Any]:
    """The last of 0, y, 3 y for each number of turns: the condition has an axis of the inner map alone."""
    return exactly(a[:, None] * np.array([0, 1, 3], "float32"))


def _vectorized(a: Any, b: Any) -> tuple[Any, Any]:
    """What NumPy's broadcasting gives of axes of one, in front of other axes and behind."""
    x, y = a[None, :, None], b[:, None, None]

    def both(y: Any) -> Any:
        column = y[..., None]
        return x + column, x[..., :1] * column, x.sum(-1) + 0 * y

    pairs = both(y), both(a[:, :1])
    return exactly((2 * x + x[..., :1], pairs, 3 * x + 5, x - y[..., None], (2 * b + b[:1])[None]))


def _symbolic_zeros(a: Any, b: Any) -> tuple[Any, Any]:
    """What the rule says: 3 x and 5 are the slopes, and the sum of both has none."""
    zero = np.zeros_like(a)
    primals, slope = (a * a, a + b, 2 * b), 3 * a * b
    back = 3 * a, np.full_like(a, 5)
    second = np.diag(np.full(len(a), 3, a.dtype))
    return exactly(
        ((primals, (slope, zero, 10 * b)), (slope, zero, zero), (a * a, slope), back, second)
    )


def _past_the_end(a: Any, b: Any, c: Any) -> tuple[Any, Any]:
    """Starts that are past the end are the last ones; indices are, too, or give nothing."""
    weights = np.arange(1.0, 5.0, dtype="float32")
    value, by_x, by_y = np.float32(0), np.zeros_like(a), np.zeros_like(b)
    for row, slope, i in zip(a, by_x, c.astype(int), strict=True):
        start, clipped = min(i, 2), np.minimum(i + np.arange(2), 3)
        written = row.copy()
        written[start : start + 2] = b
        value += (
            row[start : start + 2] @ weights[:2] + written @ weights + row[clipped] @ weights[2:]
        )
        slope += weights
        slope[start : start + 2] = weights[:2]
        by_y += weights[start : start + 2]
        np.add.at(slope, clipped, weights[2:])
        if i < 4:
            value += 7 * row[i]
            slope[i] += 7
    return exactly((np.asarray(value), (by_x, by_y)))


AROUND = tuple(
    attrs.evolve(each, is_variant=True)
    for each in (
        rule("cond.derivative-of-map", _INFINITE, of("few", 4), of("whole", 4), answer=_slopes),
        rule(
            "custom_jvp_call.derivative-of-map",
            _OF_ONE_ONLY,
            *(of("whole", 3), of("whole")),
            answer=_of_one_only,
        ),
        rule("all_to_all.between", _EXCHANGED, of("whole", 2, 3, 2, 2), answer=_exchanged),
        rule("while.map-of-maps", _LOOPS, of("whole", 2), answer=_of_loops),
        rule("select_n.square", _SQUARE, of("whole", 3, 3), of("whole", 3, 3), answer=_of_square),
        rule(
            "psum.gradients-over-devices",
            _OVER_DEVICES,
            *(of("whole", 2, 2), of("whole", 1, 2)),
            answer=_over_devices,
        ),
        rule(
            "custom_jvp_call.zero-slopes",
            _SYMBOLIC_ZEROS,
            *(of("whole", 3), of("whole", 3)),
            answer=_symbolic_zeros,
        ),
        rule(
            "dynamic_slice.slopes-past-the-end",
            _PAST_THE_END,
            *(of("whole", 3, 4), of("whole", 2), below(7, 3)),
            answer=_past_the_end,
        ),
        rule("mul.vectorized", _VECTORIZED, of("whole", 2, 3), of("whole", 4), answer=_vectorized),
        rule("pure_callback.expanded", _EXPANDED, of("whole", 3), answer=lambda a: exactly(a + 2)),
    )
)
