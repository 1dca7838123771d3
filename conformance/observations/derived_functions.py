"""Functions of one example whose derivatives have rules, or that have references, for every place of maps."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from conformance.observations.record import needed

Function = Callable[..., Any]
lax = jax.lax


def derivatives() -> dict[str, Function]:
    """Derivatives within the map, of functions with rules of their own and of others."""

    @jax.custom_jvp
    def doubled(x: Any) -> Any:
        return 2 * x

    doubled.defjvp(lambda primals, tangents: (2 * primals[0], 3 * tangents[0]))

    @jax.custom_vjp
    def ignored(x: Any) -> Any:
        return x

    ignored.defvjp(lambda x: (x, None), lambda kept, g: (None,))

    def squares(x: Any) -> Any:
        return jnp.sum(x * x)

    return {
        "derivative-of-own-rule": lambda a, i, w: jax.jvp(doubled, (a,), (a,)),
        "derivative-if-known": lambda a, i, w: _if_known(a),
        "derivative-kept-for-later": _kept_for_later,
        "gradient-that-is-none": lambda a, i, w: jax.grad(lambda x: jnp.sum(ignored(x)) + x[0])(a),
        "gradient-of-squares": lambda a, i, w: jax.value_and_grad(squares)(a),
        "gradient-by-shared": lambda a, i, w: jax.grad(lambda y: jnp.sum(y * y * a) + jnp.sum(y))(
            w
        ),
        "gradient-of-split": lambda a, i, w: jax.grad(
            lambda x: jnp.split(jnp.concatenate([x, x]), 2)[0].sum()
        )(a),
        "gradient-of-complex": lambda a, i, w: jax.grad(lambda x: jnp.sum((x + 1j) ** 2).real)(a),
        "gradient-where": lambda a, i, w: jax.grad(
            lambda x: jax.scipy.special.logsumexp(x, where=x < 5)
        )(a),
        "second-derivative": lambda a, i, w: jax.hessian(lambda x: jnp.sum(x**3))(a),
        "jacobian": lambda a, i, w: (
            jax.jacrev(lambda x: x * x)(a),
            jax.jacfwd(lambda x: x * x)(a),
        ),
        "linearized": lambda a, i, w: jax.linearize(lambda x: (2 * x, 1.0), a)[1](a),
        "checkpoint": lambda a, i, w: jax.grad(jax.checkpoint(squares))(a),
        "checkpoint-of-a-loop": lambda a, i, w: jax.grad(
            jax.checkpoint(
                lambda x: lax.fori_loop(0, 2, lambda n, c: (c[1], c[0]), (x, a))[0].sum()
            )
        )(a),
    }


def _if_known(a: Any) -> Any:
    """Forward over reverse of a rule that is told which tangents are zero."""

    @jax.custom_jvp
    def function(pair: Any) -> Any:
        return pair

    def rule(primals: Any, tangents: Any) -> Any:
        return function(primals[0]), tangents[0]

    function.defjvp(rule, symbolic_zeros=True)
    return jax.jacfwd(jax.jacrev(lambda x: jax.jit(function)((x, 3.0))))(a)


def _kept_for_later(a: Any, i: Any, w: Any) -> Any:
    """A rule that recomputes what it would keep."""

    @jax.custom_vjp
    def product(x: Any, y: Any) -> Any:
        return x * y

    product.defvjp(
        lambda x, y: (x * y, (x, y)),
        lambda kept, g: (3 * g * kept[1], 5 * g * kept[0]),
        optimize_remat=True,
    )
    return jax.grad(lambda x: jnp.sum(jax.checkpoint(product)(x, w)))(a)


def references() -> dict[str, Function]:
    """Uses of a reference within the map: read, written and added to, whole and in part."""

    def on(use: Callable[[Any], Any]) -> Function:
        def function(a: Any, i: Any, w: Any) -> Any:
            ref = needed("jax.new_ref")(a)
            read = use(ref)
            return read, needed("jax.freeze")(ref)

        return function

    def write(index: Any, value: Any) -> Callable[[Any], Any]:
        def use(ref: Any) -> Any:
            before = ref[...]
            ref[index] = value
            return before

        return use

    def add_to_part(ref: Any) -> Any:
        ref.at[1:][...] += 2.0
        return ref[0]

    return {
        "reference-read": on(lambda ref: (ref[...], ref[1], ref[1:])),
        "reference-written": on(write(..., 2.0)),
        "reference-written-at": on(write(0, 2.0)),
        "reference-written-in-part": on(write(slice(1, 3), 2.0)),
        "reference-added-to-in-part": on(add_to_part),
        "reference-in-a-loop": on(
            lambda ref: lax.fori_loop(0, 3, lambda n, c: _added(ref, n, c), 0.0)
        ),
    }


def _added(ref: Any, n: Any, total: Any) -> Any:
    ref[n] = ref[n] + 1
    return total + ref[n]
