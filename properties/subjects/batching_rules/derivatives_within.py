"""Derivatives that a function takes within a map: of collectives, of mapped places, of rules of its own."""

from typing import Any

import attrs
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import below, exactly, of, rule

_SINCE = """
if jax.__version_info__ < (0, 8):
    raise NotImplementedError("it lacks some of what is called")"""
_OF_COLLECTIVES = f"""{_SINCE}
place = lambda: 1.0 + lax.axis_index("i")
stacked = lambda x: jnp.stack([x, 2 * x, 3 * x])
collectives = (
    lambda x: lax.psum(x, "i"),
    lambda x: lax.ppermute(x, "i", [(0, 1), (1, 2), (2, 0)]), lambda x: lax.pshuffle(x, "i", [2, 0, 1]),
    lambda x: lax.all_gather(x, "i").sum(0), lambda x: lax.all_gather(x, "i", axis=1)[:, 1],
    lambda x: lax.psum_scatter(stacked(x), "i"), lambda x: lax.all_to_all(stacked(x), "i", 0, 0).sum(0),
    lambda x: x * lax.axis_index("i"),
)

def derivatives(function, x):
    total = lambda x: jnp.sum(function(x) * place())
    along = jax.jvp(function, (x,), (2 * x,))[1]
    return along, jax.grad(total)(x), jax.linear_transpose(function, x)(x)[0]

found = [jax.vmap(lambda x: derivatives(each, x), axis_name="i")(a) for each in collectives]
# Whole numbers: zeros have no sign.
return jax.tree_util.tree_map(lambda x: x.astype(jnp.int32), found)
"""
_OF_PLACES = f"""{_SINCE}
w, at, beyond = jnp.arange(1.0, 5), jnp.stack([c, c + 1]), jnp.stack([c, c + 9])
two = w[:2]

def pulled(function, *given):
    # What it gives along the arguments themselves, and each argument's slope of the weighted sum.
    total = lambda *given: jnp.sum(function(*given) * w[: function(*given).size])
    found = jax.jvp(function, given, given)[1], *jax.grad(total, tuple(range(len(given))))(*given)
    # Whole numbers: zeros have no sign.
    return jax.tree_util.tree_map(lambda x: x.astype(jnp.int32), found)

return [
    pulled(lambda x, y: lax.dynamic_update_slice(x, y, (c,)), a, b),
    pulled(lambda x: lax.dynamic_slice(x, (c,), (2,)), a),
    pulled(lambda x: lax.dynamic_index_in_dim(x, c), a),
    pulled(lambda x, y: x.at[at].set(y, unique_indices=True), a, b),
    pulled(lambda x, y: x.at[at].set(y), a, b),
    pulled(lambda x, y: x.at[at].add(y), a, b),
    pulled(lambda x, y: x.at[at].subtract(y), a, b),
    pulled(lambda x, y: x.at[at].multiply(y, unique_indices=True), a, b),
    pulled(lambda x, y: x.at[beyond].add(y, mode="drop"), a, b),
    pulled(lambda x: x.at[beyond].get(mode="fill", fill_value=0), a),
    pulled(lambda x: x.at[beyond].get(mode="clip"), a),
    pulled(lambda x: jnp.take_along_axis(x, at, 0), a),
    pulled(lambda x: x[::-1][at], a),
    pulled(lambda x: jnp.cumsum(x), a), pulled(lambda x: lax.cumsum(x, reverse=True), a),
    pulled(lambda x: jnp.roll(x, c), a), pulled(lambda x: jnp.where(jnp.arange(4) < c, x, 2 * x), a),
    pulled(lambda x: lax.pad(x, 0.0, ((-1, 1, 0),)), a),
    pulled(lambda x: lax.switch(c, [lambda x: x, lambda x: 2 * x, lambda x: 3 * x], x), a),
    pulled(lambda x: lax.fori_loop(0, 2, lambda i, x: x.at[c].multiply(2, unique_indices=True), x), a),
    pulled(lambda x: lax.scan(lambda s, y: (s + y * c, s), 0 * x[0], x)[1], a),
]
"""
_OF_RULES = f"""{_SINCE}
import functools

@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def applied(function, x):
    return function(x)

applied.defjvp(lambda function, p, t: (function(p[0]), 3 * function(t[0])))

@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 2))
def scaled(function, x, by):
    return function(x) * by

scaled.defvjp(lambda function, x, by: (function(x) * by, x), lambda function, by, x, g: (5 * by * g * x,))

@jax.custom_jvp
def product(x, y):
    return x * y

# By its second argument there is none.
product.defjvps(lambda t, _, x, y: 7 * t * y, None)

@jax.custom_gradient
def squared(x):
    return x * x, lambda g: 11 * g * x

@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def called(function, x, *closed):
    return function(x, *closed)

called.defvjp(
    lambda function, x, *closed: (function(x, *closed), (x, closed)),
    lambda function, kept, g: (13 * g * kept[0], *[17 * g for _ in kept[1]]),
)

def lasting(x):
    # What the function closes over, and is differentiated by, becomes arguments.
    function, closed = jax.closure_convert(lambda z: z * x * b, x)
    return called(function, x, *closed)

def slopes(function, *given):
    total = lambda *given: jnp.sum(function(*given))
    return function(*given), jax.grad(total, tuple(range(len(given))))(*given)

optimized = jax.custom_vjp(lambda x, y: x * y)
optimized.defvjp(
    lambda x, y: (x * y, (x, y)), lambda kept, g: (23 * g * kept[1], g * kept[0]), optimize_remat=True)
doubled = lambda x: x + x
each = (
    slopes(lambda x: applied(doubled, x), a), slopes(lambda x: scaled(doubled, x, 2), a),
    slopes(product, a, b), slopes(squared, a), slopes(lasting, a),
    slopes(optimized, a, b), slopes(jax.jit(optimized), a, b),
    slopes(jax.checkpoint(lambda x, y: jnp.sin(0 * x) + optimized(x, y)), a, b),
)
# No slope of a whole tree.
of_tree = lambda x, tree: 2 * x + tree["y"] + tree["z"]
with_none = jax.custom_vjp(of_tree)
with_none.defvjp(lambda x, tree: (of_tree(x, tree), None), lambda _, g: (29 * g, None))
two_solved = lambda x, y: lax.custom_linear_solve(
    lambda z: (4 * z[0], 2 * z[1]), (x, y), lambda f, z: (z[0] / 4, z[1] / 2), symmetric=True)[1]
divisors = jnp.array([-2.0, 3.0, -4.0])
each += (
    slopes(lambda x, y: with_none(x, {{"y": y, "z": 2 * y}}), a, b), slopes(two_solved, 4 * a, 2 * b),
    slopes(lambda y: lax.rem(jnp.array([7.0, -7.0, -6.0]), y), divisors + 0 * b),
    slopes(lambda x: lax.pow(x, jnp.array([0, 1, 3])), a), slopes(lambda x: lax.pow(x, jnp.int32(3)), a),
    slopes(lambda x: lax.reduce_window(
        x, -jnp.inf, lax.max, (2,), (1,), "VALID", base_dilation=(2,)), a),
)
every = lambda x, y: (applied(doubled, x), scaled(doubled, x, 3), product(x, y), squared(x))
mapped = jax.vmap(every, (0, None))(a, b)
return each, mapped, jax.jvp(lambda x: applied(doubled, x), (a,), (b,))
"""


def _of_collectives(a: Any) -> Any:
    """Each is a matrix over the members: its slopes are those of the matrix that is turned."""
    ones, turn, by = np.ones((3, 3)), np.eye(3)[[2, 0, 1]], np.arange(1.0, 4)
    second = np.zeros((3, 3))
    second[:, 1] = 1
    scattered = np.outer(by, np.ones(3))
    matrices = (ones, turn, turn, ones, second, scattered, scattered, np.diag(by - 1))
    weights = np.repeat(by[:, None], a.shape[1], 1)

    def derivatives(m: Any) -> Any:
        slope = m.T @ weights
        values = (2 * m @ a, slope, m.T @ a)
        return tuple(each.astype("int32") for each in values)

    return exactly([derivatives(m) for m in matrices])


def _of_places(a: Any, b: Any, c: Any) -> Any:
    """Of each a matrix by each argument: all of them are linear, or of one index."""
    c = int(c)
    w, at = np.arange(1.0, 5), np.arange(2) + c
    eye = np.eye(4)
    kept = np.diag([float(i not in at) for i in range(4)])
    picked = eye[at]
    only_first = np.stack([eye[c], 0 * eye[0]])
    weights_of_y = np.diag([1.0, 0])

    def of(*matrices: Any) -> Any:
        given = a, b
        along = sum(m @ each for m, each in zip(matrices, given, strict=False))
        slopes = [m.T @ w[: len(m)] for m in matrices]
        return tuple(np.asarray(each, "int32") for each in (along, *slopes))

    multiplied = kept + picked.T @ np.diag(b) @ picked
    by_y = picked.T @ np.diag(a[at])
    lower = np.tril(np.ones((4, 4)))
    doubled = np.diag(np.where(np.arange(4) == c, 4.0, 1.0))
    return exactly(
        [
            *(of(kept, picked.T), of(picked), of(eye[c : c + 1])),
            *(of(kept, picked.T), of(kept, picked.T), of(eye, picked.T), of(eye, -picked.T)),
            of(multiplied, by_y),
            of(eye, picked.T @ weights_of_y),
            *(of(only_first), of(np.stack([eye[c], eye[3]])), of(picked), of(eye[::-1][at])),
            *(of(lower), of(lower.T)),
            of(np.roll(eye, c, 0)),
            of(np.diag(np.where(np.arange(4) < c, 1.0, 2.0))),
            of(np.eye(4, k=1)),
            of(eye * (c + 1)),
            of(doubled),
            of(np.tril(np.ones((4, 4)), -1) * c),
        ]
    )


def _of_rules(a: Any, b: Any) -> Any:
    one = np.ones_like(a)
    each = (
        *((2 * a, (6 * one,)), (4 * a, (10 * a,)), (a * b, (7 * b, 0 * b))),
        *((a * a, (11 * a,)), (a * a * b, (13 * a + 17,)), *[(a * b, (23 * b, a))] * 3),
        *((2 * a + 3 * b, (29 * one, 0 * b)), (b, (0 * a, one / 2))),
        (np.array([1, -1, -2], "float32"), (np.array([3, 2, -1], "float32"),)),
        (a ** np.array([0, 1, 3]), (np.array([0, 1, 3]) * a ** np.array([0, 0, 2]),)),
        (a**3, (3 * a * a,)),
        (a[[0, 1, 1, 2]], (np.array([1, 2, 1], "float32"),)),
    )
    mapped = 2 * a, 6 * a, a[:, None] * b, a * a
    return exactly((each, mapped, (2 * a, 6 * b)))


_ENTRIES = (
    (
        rule("psum.derivatives-within", _OF_COLLECTIVES, of("whole", 3, 2), answer=_of_collectives),
        2,
    ),
    (
        rule(
            "scatter.derivatives-within",
            _OF_PLACES,
            *(of("whole", 4), of("whole", 2), below(3)),
            answer=_of_places,
        ),
        1,
    ),
    (
        rule(
            "custom_jvp_call.rules-within",
            _OF_RULES,
            *(of("whole", 3), of("whole", 3)),
            answer=_of_rules,
        ),
        2,
    ),
)
DERIVATIVES_WITHIN: tuple[FunctionSubject, ...] = tuple(
    attrs.evolve(subject, most_axes=most) for subject, most in _ENTRIES
)
