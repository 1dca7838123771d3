"""Programs of one example, to be traced under maps: loops, branches, own rules, checks, callbacks."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations import own_rules
from conformance.observations.derived_functions import Function
from conformance.observations.record import needed

lax = jax.lax


def functions() -> dict[str, Function]:
    """By name, functions of `a`, `i` and `w`, as those of `mapped_functions`."""
    return {
        **_loops(),
        **_branches(),
        **own_rules.functions(),
        **_checks(),
        **_checks_and_rules(),
        **_callbacks(),
    }


def _loops() -> dict[str, Function]:
    def step(c: Any, x: Any) -> Any:
        return c * x, c + x

    return {
        "scan-in-reverse": lambda a, i, w: lax.scan(step, a[0], a, reverse=True),
        "scan-unrolled": lambda a, i, w: lax.scan(step, w, jnp.outer(a, w), unroll=2),
        "scan-of-scan": lambda a, i, w: lax.scan(
            lambda c, x: (lax.scan(step, c, w)[0] + x, c), a[0], a
        ),
        "scan-of-a-checkpoint": lambda a, i, w: lax.scan(jax.checkpoint(step), a[0], w),
        "scan-of-a-branch": lambda a, i, w: lax.scan(
            lambda c, x: (lax.cond(x > i, lambda y: y * x, lambda y: y, c), c), w[0], a
        ),
        "scan-that-carries-a-pair": lambda a, i, w: lax.scan(
            lambda c, x: ((c[1], c[0] + x), c), (w[0], 0.0), a
        ),
        "scan-that-carries-whole-numbers": lambda a, i, w: lax.scan(
            lambda c, x: ((c[0] + 1, c[1] * x), None), (i, a[0]), w
        ),
        "scan-that-differs-later": lambda a, i, w: lax.scan(
            lambda c, x: ((c[1], c[2], x), c[0]), (0.0, 0.0, 0.0), a
        ),
        "scan-without-steps-to-read": lambda a, i, w: lax.scan(
            lambda c, _: (c * w, c.sum()), a, None, length=2
        ),
        "loop-over-what-is-shared": lambda a, i, w: lax.fori_loop(
            0, 3, lambda n, c: c + w[n] * a, jnp.zeros(3)
        ),
        "loop-in-a-loop": lambda a, i, w: lax.fori_loop(
            0, 2, lambda n, c: lax.fori_loop(0, n, lambda m, d: d + a, c), w
        ),
        "loop-that-updates": lambda a, i, w: lax.fori_loop(
            0, 3, lambda n, c: c.at[n].set(a[n] * c[0]), w
        ),
        "while-of-shared": lambda a, i, w: lax.while_loop(
            lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * w), (i, w)
        )[1],
        "while-that-swaps": lambda a, i, w: lax.while_loop(
            lambda c: c[0].sum() < 30, lambda c: (2 * c[1], c[0]), (a, w)
        ),
        "while-bounded-by-shared": lambda a, i, w: lax.while_loop(
            lambda c: c < w[0], lambda c: c + 1, 0.0
        ),
        "loop-map-of-pairs": lambda a, i, w: lax.map(lambda p: p[0] * p[1], (a, w), batch_size=2),
        "root": lambda a, i, w: lax.custom_root(
            lambda x: x * x - a[0],
            a[0],
            lambda f, x: lax.fori_loop(0, 2, lambda n, y: y - f(y) / 4, x),
            lambda g, y: y / g(1.0),
        ),
        "linear-solve-of-own": lambda a, i, w: lax.custom_linear_solve(
            lambda x: w * x, a, lambda mv, b: b / mv(jnp.ones(3)), symmetric=True
        ),
    }


def _branches() -> dict[str, Function]:
    return {
        "cond-of-a-shared-choice": lambda a, i, w: lax.cond(
            w[0] > 2, lambda x: 2 * x, lambda x: x, a
        ),
        "cond-closed-over": lambda a, i, w: lax.cond(i > 0, lambda: a * w, lambda: w),
        "cond-of-whole-and-broken": lambda a, i, w: lax.cond(
            i > 0, lambda x, n: (x * n, n), lambda x, n: (x, n + 1), a, i
        ),
        "cond-in-cond": lambda a, i, w: lax.cond(
            i > 0,
            lambda x: lax.cond(x[0] > 2, jnp.sin, jnp.cos, x),
            lambda x: w,
            a,
        ),
        "cond-with-none": lambda a, i, w: lax.cond(i > 0, lambda: None, lambda: None) or a,
        "cond-that-loops": lambda a, i, w: lax.cond(
            i > 0, lambda x: lax.scan(lambda c, y: (c * y, c), x, w)[0], lambda x: x, a[0]
        ),
        "switch-clamped": lambda a, i, w: lax.switch(
            i - 5, [lambda x: x, lambda x: w, lambda x: 2 * x], a
        ),
        "switch-of-one": lambda a, i, w: lax.switch(i, [lambda x: x * w], a),
        "select-between-programs": lambda a, i, w: jnp.where(
            i > 0, jax.jit(jnp.sin)(a), jax.jit(jnp.cos)(w)
        ),
        "by-platform": lambda a, i, w: needed("jax.lax.platform_dependent")(
            a, cpu=lambda x: 2 * x, default=lambda x: x
        ),
        "composite": lambda a, i, w: needed("jax.lax.composite")(lambda x: x * w[0], "own.name")(a),
        "named-scope": lambda a, i, w: jax.named_scope("inner")(lambda x: jnp.sin(x) * w)(a),
        "jitted-with-shared": lambda a, i, w: jax.jit(lambda x, y: (x * y, y))(a, w),
        "jitted-static": lambda a, i, w: jax.jit(lambda n, x: x * n, static_argnums=0)(2, a),
        "jitted-inline": lambda a, i, w: jax.jit(lambda x: (x, w), inline=True)(a),
        "constant-under-jit": lambda a, i, w: jax.jit(lambda x: (1, x, None))(a),
    }


def _checked_within_own(kind: Any, checkify: Any, a: Any) -> Any:
    """A check in a function with a rule of its own, which is called or derived."""

    def doubled(x: Any) -> Any:
        return _checked(checkify, 2 * x)

    function = kind(doubled)
    if kind is jax.custom_jvp:
        function.defjvp(lambda p, t: (function(*p), 2 * t[0]))
    else:
        function.defvjp(lambda x: (function(x), None), lambda _, g: (2 * g,))
    return function(a)


def _checked(checkify: Any, x: Any) -> Any:
    checkify.check(jnp.all(x < 5), "too large: {x}", x=x[0])
    return x


def _with_checks(function: Any, errors: str = "user_checks") -> Function:
    def run(a: Any, i: Any, w: Any) -> Any:
        checkify = needed("jax.experimental.checkify")
        wrapped = checkify.checkify(partial(function, checkify), errors=getattr(checkify, errors))
        error, value = wrapped(a, w)
        return value, jax.tree_util.tree_leaves(error)

    return run


def _checks() -> dict[str, Function]:
    """Checks of `checkify`, in a program's parts."""
    return {
        "check": _with_checks(lambda c, a, w: _checked(c, a)),
        "check-in-a-branch": _with_checks(
            lambda c, a, w: lax.cond(a[0] > 2, lambda x: _checked(c, x), lambda x: x, a)
        ),
        "check-in-a-scan": _with_checks(
            lambda c, a, w: lax.scan(lambda s, x: (_checked(c, s + x), x), a, w)
        ),
        "check-in-a-loop": _with_checks(
            lambda c, a, w: lax.fori_loop(0, 2, lambda n, x: _checked(c, x + n), a)
        ),
        "check-in-jit": _with_checks(lambda c, a, w: jax.jit(lambda x: _checked(c, x))(a)),
        "check-in-a-checkpoint": _with_checks(
            lambda c, a, w: jax.checkpoint(lambda x: _checked(c, x))(a)
        ),
        "check-in-a-map": _with_checks(lambda c, a, w: jax.vmap(lambda x: _checked(c, x[None]))(a)),
        "check-of-floats": _with_checks(lambda c, a, w: jnp.log(a) / w, "float_checks"),
        "check-of-indices": _with_checks(
            lambda c, a, w: (a[jnp.argmax(w)], a.at[7].set(1)), "index_checks"
        ),
        "check-of-all": _with_checks(lambda c, a, w: _checked(c, jnp.sin(a) / w), "all_checks"),
        "check-of-a-while": _with_checks(
            lambda c, a, w: lax.while_loop(lambda x: x.sum() < 9, lambda x: 2 * x, a),
            "float_checks",
        ),
    }


def _checks_and_rules() -> dict[str, Function]:
    """Checks beside functions with derivatives of their own, and within them."""

    @jax.custom_jvp
    def doubled(x: Any) -> Any:
        return 2 * x

    doubled.defjvp(lambda p, t: (doubled(*p), 2 * t[0]))

    @jax.custom_vjp
    def halved(x: Any) -> Any:
        return x / 2

    halved.defvjp(lambda x: (x / 2, None), lambda _, g: (g / 2,))
    own_jvp, own_vjp = (partial(_checked_within_own, k) for k in (jax.custom_jvp, jax.custom_vjp))
    return {
        "check-beside-own-jvp": _with_checks(lambda c, a, w: doubled(_checked(c, a))),
        "check-beside-own-vjp": _with_checks(lambda c, a, w: halved(_checked(c, a))),
        "check-in-own-jvp": _with_checks(lambda c, a, w: own_jvp(c, a)),
        "check-in-own-vjp": _with_checks(lambda c, a, w: own_vjp(c, a)),
        "check-in-own-vjp-derived": _with_checks(
            lambda c, a, w: jax.grad(lambda x: own_vjp(c, x).sum())(a)
        ),
        "check-in-own-jvp-checkpointed": _with_checks(
            lambda c, a, w: jax.checkpoint(lambda x: own_jvp(c, x))(a)
        ),
    }


def _callbacks() -> dict[str, Function]:
    shape = jax.ShapeDtypeStruct((3,), jnp.float32)
    forms: dict[str, Function] = {}
    for method in ("sequential", "sequential_unrolled", "expand_dims", "broadcast_all", "legacy"):
        forms[f"callback-{method}"] = lambda a, i, w, method=method: jax.pure_callback(
            lambda x, y: np.asarray(x) + np.asarray(y), shape, a, w, vmap_method=f"{method}"
        )
    return forms | {
        "callback-to-print": lambda a, i, w: jax.debug.print("{a} {d}", a=a, d=a.dtype),
        "callback-to-print-words": lambda a, i, w: jax.debug.print("{} {w}", i, w=w),
        "callback-seen": lambda a, i, w: jax.debug.callback(lambda x: None, a),
        "callback-with-effects": lambda a, i, w: needed("jax.experimental.io_callback")(
            np.asarray, shape, a
        ),
        "callback-in-order": lambda a, i, w: needed("jax.experimental.io_callback")(
            np.asarray, shape, a, ordered=True
        ),
        "callback-in-a-loop": lambda a, i, w: lax.scan(
            lambda c, x: (c + x, jax.debug.callback(lambda y: None, x)), a[0], w
        )[0],
        "callback-in-a-branch": lambda a, i, w: lax.cond(
            i > 0, lambda x: jax.debug.print("{}", x), lambda x: None, a
        ),
    }
