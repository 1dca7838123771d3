"""`shard_map` over some axes of a mesh, and within another `shard_map`."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from conformance.observations.call_forms import Forms, whole
from conformance.observations.meshes import mesh, used
from conformance.observations.record import needed

_OWN = jax.sharding.PartitionSpec
lax = jax.lax


def shard_mapped() -> Forms:
    """Of `jax.shard_map`: over one axis of two, checked and not, compiled and not; within another."""
    x = whole(4, 2)

    def over_one(function: Any, *given: Any, jit: bool = True, checked: bool = False) -> Any:
        mapped = _over_one(function, check_vma=checked)
        return (jax.jit(mapped) if jit else mapped)(*(given or (x,)))

    def keys(jit: bool) -> Any:
        given = over_one(lambda k: k, jax.random.split(jax.random.key(0), 4), jit=jit)
        return jax.random.key_data(given)

    uses = {
        "doubled": lambda a: 2 * a,
        "summed": lambda a: a + lax.psum(a, "x"),
        "placed": lambda a: a + lax.axis_index("x"),
    }
    forms: Forms = {
        "part-of-keys": partial(keys, True),
        "part-of-keys-eagerly": partial(keys, False),
    }
    for name, use in uses.items():
        forms[f"part-{name}"] = partial(over_one, use)
        forms[f"part-{name}-checked"] = partial(over_one, use, checked=True)
        forms[f"part-{name}-eagerly"] = partial(over_one, use, jit=False)
    for kind in ("Auto", "Explicit"):
        for name, options in (("", {}), ("-unchecked", {"check_vma": False})):
            forms[f"places-{kind.lower()}{name}"] = partial(_places, kind, True, **options)
            forms[f"places-{kind.lower()}{name}-eagerly"] = partial(_places, kind, False, **options)
    return forms | {
        "part-gradient": lambda: jax.jit(jax.grad(lambda a: _over_one(lambda b: b * b)(a).sum()))(
            x
        ),
        "part-mapped": lambda: jax.jit(jax.vmap(_over_one(lambda b: 2 * b), 1, 1))(x),
        "part-without-arguments": _place_eagerly,
        "within-two-others": _nested,
        "within-another-in-jit": lambda: jax.jit(_within_another)(x),
    }


def _over_one(function: Any, **options: Any) -> Any:
    """Over the first of a mesh's two axes. Before there was `axis_names`, XLA may end the process."""
    rows = {"in_specs": _OWN("x"), "out_specs": _OWN("x"), "check_vma": False}
    mapped = needed("jax.shard_map")
    return mapped(function, mesh=mesh((2, 2), ("x", "y")), axis_names={"x"}, **{**rows, **options})


def _place_eagerly() -> Any:
    return _over_one(lambda: lax.axis_index("x").reshape(1), in_specs=())()


def _places(kind: str, jit: bool, **options: Any) -> Any:
    """Each device's place along every axis of a mesh, one of them of one device."""
    names = ("x", "y", "z")

    def places() -> Any:
        return jnp.array([lax.axis_index(name) for name in names])

    with used(mesh((1, 2, 2), names, kind)):
        mapped = needed("jax.shard_map")(places, in_specs=(), out_specs=_OWN(names), **options)
        return (jax.jit(mapped) if jit else mapped)()


def _nested() -> Any:
    shard = partial(needed("jax.shard_map"), in_specs=_OWN(), out_specs=_OWN())

    def innermost(x: Any) -> Any:
        return shard(lambda y: 2 * y)(x)

    def inner(x: Any) -> Any:
        return shard(innermost, axis_names={"y"})(x)

    with used(mesh((2, 2, 2), ("x", "y", "z"))):
        return jax.jit(shard(inner, axis_names={"x"}))(jnp.ones(4))


def _within_another(x: Any) -> Any:
    shard = needed("jax.shard_map")
    chosen = mesh((2, 2), ("x", "y"))

    def inner(a: Any) -> Any:
        rows = {"in_specs": _OWN(None, "y"), "out_specs": _OWN(None, "y")}
        return shard(lambda b: 2 * b, axis_names={"y"}, **rows)(a)

    rows = {"in_specs": _OWN("x"), "out_specs": _OWN("x")}
    return shard(inner, mesh=chosen, axis_names={"x"}, **rows)(x)
