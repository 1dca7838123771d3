"""Functions with derivatives and maps of their own, and what is derived of others, to trace under maps."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from conformance.observations.derived_functions import Function
from conformance.observations.record import needed

lax = jax.lax


def functions() -> dict[str, Function]:
    """By name, functions of `a`, `i` and `w`, as those of `mapped_functions`."""
    return {**_own_jvps(), **_own_vjps(), **_own_maps(), **_derived(), **_kept(), **_of_products()}


def _jvp(rule: Any = None, nondiff: Any = (), **options: Any) -> Any:
    """A product with a rule of its own, whose derivative by the first factor is thrice the second."""

    @partial(jax.custom_jvp, nondiff_argnums=nondiff)
    def product(x: Any, y: Any) -> Any:
        return x * y

    def default(primals: Any, tangents: Any) -> Any:
        return product(*primals), 3 * tangents[0] * primals[1]

    product.defjvp(rule or default, **options)
    return product


def _own_jvps() -> dict[str, Function]:
    def with_symbols(primals: Any, tangents: Any) -> Any:
        zero = type(tangents[1]).__name__ == "SymbolicZero"
        return primals[0] * primals[1], tangents[0] * (1 if zero else 2)

    def told_pairs(a: Any, i: Any, w: Any) -> Any:
        @jax.custom_jvp
        def f(pair: Any) -> Any:
            return pair[0] * 2

        f.defjvp(lambda p, t: (f(*p), t[0][0] * 2), symbolic_zeros=True)
        return jax.jit(f)((a, 3.0))

    told = partial(_jvp, with_symbols, symbolic_zeros=True)
    return {
        "own-jvp": lambda a, i, w: _jvp()(a, w),
        "own-jvp-of-a-number": lambda a, i, w: _jvp()(a, 3.0),
        "own-jvp-not-by-the-first": lambda a, i, w: _jvp(
            lambda x, primals, tangents: (x * primals[0], tangents[0]), nondiff=(0,)
        )(2.0, a),
        "own-jvp-told-of-zeros": lambda a, i, w: told()(a, w),
        "own-jvp-told-of-zeros-jitted": lambda a, i, w: jax.jit(told())(a, 3.0),
        "own-jvp-of-a-tree-told-of-zeros": told_pairs,
        "own-jvp-in-a-loop": lambda a, i, w: lax.scan(lambda c, x: (_jvp()(c, x), c), a[0], w),
        "own-jvp-in-a-branch": lambda a, i, w: lax.cond(
            i > 0, lambda x: _jvp()(x, w), lambda x: x, a
        ),
    }


def _vjp(forward: Any = None, backward: Any = None, nondiff: Any = (), **options: Any) -> Any:
    """A product with a rule of its own, whose derivative by the first factor is thrice the second."""

    @partial(jax.custom_vjp, nondiff_argnums=nondiff)
    def product(x: Any, y: Any) -> Any:
        return x * y

    product.defvjp(
        forward or (lambda x, y: (x * y, (x, y))),
        backward or (lambda kept, g: (3 * g * kept[1], g * kept[0])),
        **options,
    )
    return product


def _own_vjps() -> dict[str, Function]:
    def with_symbols(x: Any, y: Any) -> Any:
        return x.value * y.value, (x.value, y.value, None)

    recomputed = partial(_vjp, optimize_remat=True)
    return {
        "own-vjp": lambda a, i, w: _vjp()(a, w),
        "own-vjp-of-whole-numbers": lambda a, i, w: _vjp(
            backward=lambda kept, g: (g * kept[1], None)
        )(a, i),
        "own-vjp-not-by-the-first": lambda a, i, w: _vjp(
            lambda x, y: (x * y, y), lambda x, kept, g: (g * x,), nondiff=(0,)
        )(2.0, a),
        "own-vjp-told-of-zeros": lambda a, i, w: _vjp(
            with_symbols, lambda kept, g: (kept[1], kept[0]), symbolic_zeros=True
        )(a, w),
        "own-vjp-recomputed": lambda a, i, w: recomputed()(a, w),
        "own-vjp-recomputed-jitted": lambda a, i, w: jax.jit(recomputed())(a, w),
        "own-vjp-in-a-loop": lambda a, i, w: lax.scan(lambda c, x: (_vjp()(c, x), c), a[0], w),
        "own-vjp-in-a-branch": lambda a, i, w: lax.cond(
            i > 0, lambda x: _vjp()(x, w), lambda x: x, a
        ),
        "own-vjp-checkpointed": lambda a, i, w: jax.checkpoint(_vjp())(a, w),
        "own-vjp-that-gives-none": lambda a, i, w: _vjp(backward=lambda kept, g: (None, None))(
            a, w
        ),
    }


def _own_maps() -> dict[str, Function]:
    @jax.custom_batching.custom_vmap
    def ruled(x: Any, y: Any) -> Any:
        return x * y

    @ruled.def_vmap
    def _rule(size: int, mapped: Any, x: Any, y: Any) -> Any:
        axes = [0 if each else None for each in mapped]
        return jax.vmap(lambda x, y: x * y, axes, axis_size=size)(x, y), True

    return {
        "own-map": lambda a, i, w: ruled(a, w),
        "own-map-in-a-loop": lambda a, i, w: lax.scan(lambda c, x: (ruled(c, x), c), a[0], w),
        "own-map-in-a-branch": lambda a, i, w: lax.cond(
            i > 0, lambda x: ruled(x, w), lambda x: x, a
        ),
        "own-map-jitted": lambda a, i, w: jax.jit(ruled)(a, w),
        "map-in-turn": lambda a, i, w: jax.custom_batching.sequential_vmap(lambda x: x * w)(a),
    }


def _of_products() -> dict[str, Function]:
    """Derivatives of derivatives, the other way round, of what solves and of what is done to arrays."""

    def back_and_forth(function: Any) -> Function:
        def of(a: Any, i: Any, w: Any) -> Any:
            def forth(x: Any, t: Any) -> Any:
                return jax.jvp(lambda y: function(y, w), (x,), (t,))[1]

            def back(x: Any) -> Any:
                return jax.vjp(lambda t: forth(x, t), x)[1](forth(x, x))[0]

            return jax.jacrev(back)(a)

        return of

    def solved(x: Any, w: Any) -> Any:
        return jnp.linalg.solve(x.sum() * jnp.eye(3), w)[0]

    functions = {
        "a-solution": solved,
        "a-product": lambda x, w: jnp.dot(x, w) * x,
        "a-loop": lambda x, w: lax.scan(lambda c, y: (c * y, None), 1.0, x)[0],
        "a-branch": lambda x, w: lax.cond(x[0] > 2, jnp.sin, jnp.cos, x),
        "a-slice": lambda x, w: lax.dynamic_slice(x * x, (1,), (2,)),
        "own-jvp": lambda x, w: _jvp()(x, w) * x,
        "a-factor": lambda x, w: jnp.linalg.cholesky(jnp.outer(x, x) + 9 * jnp.eye(3)),
    }
    return {f"back-and-forth-of-{n}": back_and_forth(f) for n, f in functions.items()}


def _derived() -> dict[str, Function]:
    def own_gradient(a: Any, i: Any, w: Any) -> Any:
        return jax.custom_gradient(lambda x: (x * w, lambda g: (2 * g * w,)))(a)

    def closed_over_inner(a: Any, i: Any, w: Any) -> Any:
        y = jnp.sin(a)
        return jax.custom_gradient(lambda x: (y * x, lambda g: (g * y,)))(w)

    def converted(a: Any, i: Any, w: Any) -> Any:
        function, more = jax.closure_convert(lambda x: x * w, a)
        return function(a, *more)

    def constants(a: Any, i: Any, w: Any) -> Any:
        return jax.linearize(lambda x: (x, 1.0), a)[1](w)[1] + 1

    return {
        "own-gradient": own_gradient,
        "own-gradient-closed-over": closed_over_inner,
        "transposed": lambda a, i, w: jax.linear_transpose(lambda x: x * w, a)(a),
        "closure-converted": converted,
        "gradient-stopped": lambda a, i, w: lax.stop_gradient(a) * w + a,
        "gradient-with-more": lambda a, i, w: jax.grad(
            lambda x: (jnp.sum(x * w), (x, i)), has_aux=True
        )(a),
        "value-and-gradient": lambda a, i, w: jax.value_and_grad(lambda x: jnp.sum(x * w))(a),
        "pulled-back": lambda a, i, w: jax.vjp(lambda x: x * w, a)[1](a * w),
        "pulled-back-constants": lambda a, i, w: jax.vjp(lambda x: (x, 1.0), a)[1]((a, 1.0)),
        "pushed-forward-constants": constants,
        "product-with-second-derivative": lambda a, i, w: jax.jvp(
            jax.grad(lambda x: jnp.sum(x**3 * w)), (a,), (w,)
        ),
    }


def _kept() -> dict[str, Function]:
    """Checkpoints, by what they keep."""
    policies = jax.checkpoint_policies

    def kept(policy: Any) -> Function:
        def function(a: Any, i: Any, w: Any) -> Any:
            return jax.checkpoint(lambda x: jnp.sin(jnp.cos(x) * w), policy=policy)(a)

        return function

    return {
        "kept-of-two-the-same": lambda a, i, w: (jnp.exp(a), jnp.exp(a)),
        "kept-all": kept(policies.everything_saveable),
        "kept-none": kept(policies.nothing_saveable),
        "kept-products": kept(policies.dots_saveable),
        "kept-by-name": lambda a, i, w: jax.checkpoint(
            lambda x: jnp.sin(needed("jax.ad_checkpoint.checkpoint_name")(x * w, "product")),
            policy=policies.save_only_these_names("product"),
        )(a),
        "checkpoint-static": lambda a, i, w: jax.checkpoint(lambda x, n: x * n, static_argnums=1)(
            a, 2
        ),
        "checkpoint-of-checkpoint": lambda a, i, w: jax.checkpoint(
            jax.checkpoint(lambda x: jnp.sin(x) * w)
        )(a),
    }
