"""Rules of one's own, branches and loops whose parts disagree, and callbacks, each under a map."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, mapped, same, whole
from conformance.observations.record import needed

lax: Any = jax.lax


def vmapped() -> Forms:
    """Of `jax.vmap`: custom rules with their options, branches that disagree, callbacks."""
    return {**_own_maps(), **_own_derivatives(), **_branches(), **_callbacks()}


def _own_maps() -> Forms:
    """Maps of one's own, and what they give that they may not."""
    x = whole(3)

    def own_map(function: Any, rule: Any = None) -> Any:
        made = jax.custom_batching.custom_vmap(function)
        if rule is not None:
            made.def_vmap(rule)
        return made

    square = own_map(lambda a: a * a, lambda size, mapped, a: (a * a, mapped[0]))
    times = own_map(lambda a, b=2.0: a * b, lambda size, mapped, a, b: (a * b, True))

    return {
        "own-map-no-rule": lambda: jax.vmap(own_map(same))(x),
        "own-map-keyword": lambda: jax.vmap(lambda a: times(a, b=3.0))(x),
        "own-map-default": lambda: jax.vmap(times)(x),
        "own-map-of-map": lambda: jax.vmap(jax.vmap(square))(whole(2, 3)),
        "own-map-gradient": lambda: jax.vmap(jax.grad(square))(x),
        "gradient-of-own-map": lambda: jax.grad(lambda a: jax.vmap(square)(a).sum())(x),
        "own-map-derivative": lambda: jax.vmap(lambda a: jax.jvp(square, (a,), (a,)))(x),
        "own-map-in-jit": lambda: jax.jit(jax.vmap(jax.jit(square)))(x),
        "own-map-gives-another-tree": lambda: jax.vmap(
            own_map(same, lambda size, mapped, a: ([a], [True]))
        )(x),
        "own-map-gives-another-size": lambda: jax.vmap(
            own_map(same, lambda size, mapped, a: (a[:1], True))
        )(x),
        "own-map-says-none-is-mapped": lambda: jax.vmap(
            own_map(same, lambda size, mapped, a: (a.sum(), False))
        )(x),
        "own-map-of-a-closure": lambda: jax.vmap(
            lambda b: own_map(lambda a: a * b, lambda size, mapped, a: (a * b, True))(2.0)
        )(x),
        "sequential-map-gradient": lambda: jax.vmap(
            jax.grad(jax.custom_batching.sequential_vmap(lambda a: a * a))
        )(x),
    }


def _own_derivatives() -> Forms:
    """Derivatives of one's own with options, and what they give that they may not."""
    x = whole(3)
    custom_vjp: Any = jax.custom_vjp
    custom_jvp: Any = jax.custom_jvp

    def own_vjp(back: Any, forward: Any = None, **options: Any) -> Any:
        made: Any = partial(custom_vjp, **options)(lambda a, n: a * n)
        made.defvjp(forward or (lambda a, n: (a * n, n)), back)
        return made

    def own_jvp(rule: Any, **options: Any) -> Any:
        made: Any = partial(custom_jvp, **options)(lambda a, n: a * n)
        made.defjvp(rule)
        return made

    def derived(made: Any, n: Any = 2.0) -> Any:
        return jax.vmap(lambda a: jax.grad(made)(a, n))(x)

    by_name: Any = {"nondiff_argnames": ("n",)}
    by_number: Any = {"nondiff_argnums": (1,)}

    def linear(a: Any) -> Any:
        call = needed("jax.custom_derivatives.linear_call")
        return call(lambda r, b: 2 * b, lambda r, b: 2 * b, (), a)

    return {
        "own-vjp-by-name": lambda: derived(own_vjp(lambda n, kept, g: (g * n,), **by_name)),
        "own-vjp-by-number": lambda: derived(own_vjp(lambda n, kept, g: (g * n,), **by_number)),
        "own-vjp-of-a-list": lambda: derived(
            own_vjp(lambda n, kept, g: (g * n[0],), lambda a, n: (a * n[0], None), **by_number),
            [2.0],
        ),
        "own-vjp-gives-none": lambda: derived(own_vjp(lambda n, g: (g * n, None))),
        "own-vjp-gives-too-few": lambda: derived(own_vjp(lambda n, g: (g * n,))),
        "own-vjp-gives-another-shape": lambda: derived(own_vjp(lambda n, g: (g * jnp.ones(2), g))),
        "own-vjp-gives-another-dtype": lambda: derived(
            own_vjp(lambda n, g: (g.astype(jnp.bfloat16), g))
        ),
        "own-vjp-gives-a-number": lambda: derived(own_vjp(lambda n, g: (2.0, 3.0))),
        "own-vjp-gives-no-tuple": lambda: derived(own_vjp(lambda n, g: g)),
        "own-vjp-of-whole-numbers": lambda: derived(
            own_vjp(lambda n, g: (g * n, None)), jnp.int32(2)
        ),
        "own-jvp-by-name": lambda: derived(
            own_jvp(lambda n, p, t: (p[0] * n, t[0] * n), **by_name)
        ),
        "own-jvp-gives-a-number": lambda: derived(own_jvp(lambda p, t: (p[0] * p[1], 2.0))),
        "own-jvp-gives-another-dtype": lambda: derived(
            own_jvp(lambda p, t: (p[0] * p[1], t[0].astype(jnp.bfloat16)))
        ),
        "own-jvp-gives-another-shape": lambda: derived(
            own_jvp(lambda p, t: (p[0] * p[1], jnp.ones(2)))
        ),
        "linear-call": lambda: jax.vmap(linear)(x),
        "linear-call-derivative": lambda: jax.jvp(linear, (x,), (x,)),
    }


def _branches() -> Forms:
    """Branches and loops whose parts disagree, and what else their arguments may be."""
    x, i = whole(3), jnp.arange(3)

    def chosen(one: Any, other: Any, *given: Any) -> Any:
        return jax.vmap(lambda a: lax.cond(a > 1, one, other, *given))(x)

    def looped(start: Any, **options: Any) -> Any:
        return jax.vmap(lambda a: lax.scan(lambda c, b: (c + b, c), start, a, **options))(
            whole(2, 3)
        )

    forms: Forms = {}
    for name, unroll in {"0": 0, "true": True, "false": False, "far": 9, "below": -1}.items():
        forms[f"scan-unrolled-{name}"] = partial(looped, 0.0, unroll=unroll)

    def switched(index: Any) -> Any:
        return lax.switch(index, [lambda: 1.0, lambda: 2.0])

    def added_up(until: Any) -> Any:
        return lax.fori_loop(0, until, lambda i, c: c + i, 0)

    for name, index in {
        "float": x,
        "truth": x > 1,
        "uint8": i.astype("uint8"),
        "far": i - 1,
    }.items():
        forms[f"switch-on-{name}"] = partial(mapped, switched, index)
    for name, until in {"float": x, "int8": i.astype("int8"), "uint8": i.astype("uint8")}.items():
        forms[f"fori-to-{name}"] = partial(mapped, added_up, until)
    return forms | {
        "branches-of-other-dtypes": lambda: chosen(lambda: 1.0, lambda: 2),
        "branches-of-weak-types": lambda: chosen(lambda: 1, lambda: jnp.int32(2)),
        "branches-of-other-shapes": lambda: chosen(lambda: x, lambda: x[:1]),
        "branches-one-gives-none": lambda: chosen(lambda: None, lambda: 1.0),
        "branches-of-other-trees": lambda: chosen(lambda: (1.0, 1.0), lambda: [1.0, 1.0]),
        "branches-by-keyword": lambda: jax.vmap(
            lambda a: lax.cond(a > 1, lambda b, c: b, lambda b, c: c, a, c=a)
        )(x),
        "scan-that-changes-dtype": lambda: jax.vmap(
            lambda a: lax.scan(lambda c, b: (c + 0.5, b), 0, a)
        )(whole(2, 3)),
        "scan-from-a-python-number": lambda: looped(0),
        "scan-of-another-length": lambda: looped(0.0, length=2),
        "scan-of-another-tree": lambda: jax.vmap(
            lambda a: lax.scan(lambda c, b: ((c, b), c), 0.0, a)
        )(whole(2, 3)),
        "while-of-python-numbers": lambda: jax.vmap(
            lambda a: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * a), (0, 1))
        )(i),
        "fori-unrolled-to-what-is-mapped": lambda: jax.vmap(
            lambda n: lax.fori_loop(0, n, lambda i, c: c + i, 0, unroll=2)
        )(i),
    }


def _callbacks() -> Forms:
    x, shape = whole(3), jax.ShapeDtypeStruct((), jnp.float32)

    def kind(array: Any) -> Any:
        return np.full(np.shape(array), isinstance(array, np.ndarray), np.float32)

    forms: Forms = {}
    for method in ("sequential", "sequential_unrolled", "expand_dims", "legacy_vectorized"):
        forms[f"callback-is-given-{method}"] = partial(
            lambda m: jax.vmap(lambda a: jax.pure_callback(kind, shape, a, vmap_method=m))(x),
            method,
        )
    return forms | {
        "callback-with-effects": lambda: jax.vmap(
            lambda a: jax.experimental.io_callback(np.asarray, shape, a)
        )(x),
        "callback-with-effects-in-order": lambda: jax.vmap(
            lambda a: jax.experimental.io_callback(np.asarray, shape, a, ordered=True)
        )(x),
        "callback-for-debugging-in-order": lambda: jax.vmap(
            lambda a: jax.debug.callback(lambda b: None, a, ordered=True)
        )(x),
        "callback-gradient": lambda: jax.vmap(
            jax.grad(lambda a: jax.pure_callback(np.asarray, shape, a, vmap_method="expand_dims"))
        )(x),
    }
