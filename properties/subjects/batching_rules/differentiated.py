"""Functions that derivatives leave, mapped by themselves; named residuals; roots and solutions with more."""

from typing import Any

import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import exactly, of, rule

_PULLED_BACK = """
def products(x):
    return jnp.stack([x[0] * x[1], x[1] * x[2], 3 * x[0] * x[2], x[2]])

def with_more(x, y):
    return products(x) * y, {"doubled": 2 * y}

_, back = jax.vjp(products, a)
_, push = jax.linearize(products, a)
across, along = jax.vmap(back, 1, -1), jax.vmap(push, 1, 1)
value, each_back = jax.vjp(jax.vmap(lambda x, y: (x * y, 2 * x), (0, None)), a, b)
_, with_back, more = jax.vjp(with_more, a, b, has_aux=True)
forward = jax.jacfwd(with_more, (0, 1), has_aux=True)(a, b)
transposed = jax.linear_transpose(jax.vmap(lambda x: jnp.stack([x, 3 * x])), a)
return (
    # Each of them twice: the second time, what the first one made is there.
    [across(jnp.eye(4)) for _ in range(2)], [along(jnp.eye(3)) for _ in range(2)], jax.vmap(back)(jnp.eye(4)),
    [each_back((a, a)), each_back((2 * a, 0 * a))],
    (jax.vmap(with_back)(jnp.eye(4)), more), forward, transposed(jnp.ones((3, 2)) * a[:, None]),
)
"""
_KEPT = """
from jax.ad_checkpoint import checkpoint_name as named

def loss(x, y):
    kept = named(x, "kept")
    return jnp.sum(named(kept * kept * y, "left") * x * y)

def slope(x, y):
    inner = jax.checkpoint(loss, policy=policy)
    return jax.grad(inner, (0, 1))(x, y), jax.vmap(jax.grad(inner), (1, None), 1)(x[:, None] * jnp.ones(2), y)

policies = jax.checkpoint_policies
gradients = []
for policy in (policies.save_only_these_names("kept"), policies.save_anything_except_these_names("left")):
    total = lambda x, y: jnp.sum(jax.vmap(jax.checkpoint(loss, policy=policy), (0, None))(x, y))
    gradients.append((slope(a[0], b), jax.grad(total, (0, 1))(a, b)))
return gradients
"""
_ROOTS = """
def root(x, y):
    # Of 2 z + y - 4 x, which is linear: one step finds it.
    def solve(f, guess):
        return -f(0 * guess) / 2, {"value": f(guess), "count": np.float32(7)}

    return lax.custom_root(lambda z: 2 * z + y - 4 * x, x, solve, lambda g, v: v / 2, has_aux=True)

def solution(x, y):
    s = jnp.where(y > 0, np.float32(2), np.float32(0.5))
    solve = lambda _, v: (v / s, {"scale": s, "count": jnp.ones(2)})
    return lax.custom_linear_solve(lambda z: s * z, x, solve, solve, symmetric=True, has_aux=True)

shared = jnp.arange(1.0, 4)
total = lambda f: jax.grad(lambda x, y: jnp.sum(f(x, y)[0] * jnp.arange(1.0, 4)), (0, 1))
return [
    (f(a, b), f(a, shared), f(shared, b), total(f)(a, b), total(f)(shared, b)) for f in (root, solution)
], jax.jvp(root, (a, shared), (shared, b))[1][0]
"""


def _pulled_back(a: Any, b: Any) -> Any:
    x, y, z = a
    rows = np.array([[y, x, 0], [0, z, y], [3 * z, 0, 3 * x], [0, 0, 1]], a.dtype)
    value = np.array([x * y, y * z, 3 * x * z, z], a.dtype)
    more = {"doubled": 2 * b}
    each = [(b * a + 2 * a, (a * a).sum()), (2 * b * a, 2 * (a * a).sum())]
    return exactly(
        (
            *([(rows.T,)] * 2, [rows] * 2, (rows,)),
            *(each, ((b * rows, value), more), ((b * rows, value), more), (4 * a,)),
        )
    )


def _kept(a: Any, b: Any) -> Any:
    """Of the sum of x x x y y: 3 x x y y by x, 2 x x x y by y; and over the rows the same."""
    by_x, by_y = 3 * a * a * b * b, 2 * a**3 * b
    one = (by_x[0], by_y[0]), np.stack([by_x[0]] * 2, 1)
    return exactly([(one, (by_x, by_y.sum(0)))] * 2)


DIFFERENTIATED: tuple[FunctionSubject, ...] = (
    rule("mul.pulled-back", _PULLED_BACK, *(of("whole", 3), of("whole")), answer=_pulled_back),
    rule("remat2.named", _KEPT, *(of("few", 2, 3), of("few", 3)), answer=_kept),
    rule("custom_linear_solve.roots", _ROOTS, *(of("whole", 3), of("whole", 3)), exact=True),
)
