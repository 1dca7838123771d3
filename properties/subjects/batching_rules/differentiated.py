"""Functions that derivatives leave, mapped by themselves; named residuals; roots and solutions with more."""

from typing import Any

import attrs
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
constant = lambda x: (2 * x, np.float32(3))
pushed = jax.linearize(constant, a)[1](a), jax.jvp(constant, (a,), (a,))[1]
transposed = jax.linear_transpose(jax.vmap(lambda x: jnp.stack([x, 3 * x])), a)
return (
    # Each of them twice: the second time, what the first one made is there.
    [across(jnp.eye(4)) for _ in range(2)], [along(jnp.eye(3)) for _ in range(2)], jax.vmap(back)(jnp.eye(4)),
    [each_back((a, a)), each_back((2 * a, 0 * a))],
    (jax.vmap(with_back)(jnp.eye(4)), more), forward, transposed(jnp.ones((3, 2)) * a[:, None]),
    # Of what does not depend on the argument the derivative is zero.
    pushed,
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
_POLICIES = """
import collections
import contextlib
import io
from jax.ad_checkpoint import checkpoint_name as named, print_saved_residuals

policies, places = jax.checkpoint_policies, dict(offload_src="device", offload_dst="pinned_host")
kept, dots = policies.save_only_these_names("kept"), policies.dots_with_no_batch_dims_saveable
each = (
    None, policies.nothing_saveable, policies.everything_saveable, policies.dots_saveable, dots, kept,
    policies.save_any_names_but_these("left"), policies.save_anything_except_these_names("kept"),
    policies.save_from_both_policies(dots, kept), lambda primitive, *_, **__: primitive.name == "integer_pow",
    policies.offload_dot_with_no_batch_dims("device", "pinned_host"),
    policies.save_and_offload_only_these_names(
        names_which_can_be_saved=["left"], names_which_can_be_offloaded=["kept"], **places),
)

def loss(x, w, v):
    # The first product has no batch dimension of its own, and the second has one.
    y = named(lax.integer_pow(x @ w, 3), "kept")
    z = named(jnp.einsum("ij,ij->i", y, v), "left")
    return jnp.sum(z * z)

def equations(program):
    for equation in program.eqns:
        yield equation.primitive.name
        for inner in equation.params.values():
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from equations(inner)

x, w, v = jnp.ones((3, 4, 2)), jnp.ones((2, 5)), jnp.ones((3, 4, 5))
found = []
for policy in each:
    one = jax.checkpoint(loss, policy=policy)
    total = lambda *given: jnp.sum(jax.vmap(jax.jit(one), (0, None, 0))(*given))
    for slope in (jax.vmap(jax.grad(one, (0, 1, 2)), (0, None, 0)), jax.grad(total, (0, 1, 2))):
        count = collections.Counter(equations(jax.make_jaxpr(slope)(x, w, v).jaxpr))
        found += [count[name] for name in ("dot_general", "integer_pow", "device_put")]
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        print_saved_residuals(jax.vmap(one, (0, None, 0)), x, w, v)
    found.append(text.getvalue().count("\\n"))
return a + jnp.array(found, a.dtype)
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
            ((2 * a, np.float32(0)),) * 2,
        )
    )


def _kept(a: Any, b: Any) -> Any:
    """Of the sum of x x x y y: 3 x x y y by x, 2 x x x y by y; and over the rows the same."""
    by_x, by_y = 3 * a * a * b * b, 2 * a**3 * b
    one = (by_x[0], by_y[0]), np.stack([by_x[0]] * 2, 1)
    return exactly([(one, (by_x, by_y.sum(0)))] * 2)


def _of_policies(a: Any) -> Any:
    """How often a gradient multiplies, takes powers and moves arrays, and how many arrays a map keeps.

    What is not kept is done once more: two products and a power are done forwards, and four and one back.
    """
    nothing, everything = (8, 3, 0, 3), (6, 2, 0, 6)
    each = (
        *(nothing, nothing, everything, (6, 3, 0, 5), (7, 3, 0, 4), (8, 2, 0, 4)),
        *((8, 2, 0, 4), everything, (7, 2, 0, 5), (7, 2, 0, 5)),
        *((7, 3, 2, 4), (7, 2, 2, 5)),
    )
    found = [(*counts, *counts, kept) for *counts, kept in each]
    return exactly(a + np.array(found, a.dtype).ravel())


DIFFERENTIATED: tuple[FunctionSubject, ...] = (
    rule("mul.pulled-back", _PULLED_BACK, *(of("whole", 3), of("whole")), answer=_pulled_back),
    rule("remat2.named", _KEPT, *(of("few", 2, 3), of("few", 3)), answer=_kept),
    attrs.evolve(rule("remat2.policies", _POLICIES, of("whole"), answer=_of_policies), most_axes=1),
    rule("custom_linear_solve.roots", _ROOTS, *(of("whole", 3), of("whole", 3)), exact=True),
)
