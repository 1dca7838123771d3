"""Calls of single functions without a map: what they take that is no array, and what options make of it.

Each is told the function's dotted name, so that an upgrade says it to who uses that function.
"""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms
from conformance.observations.record import needed

_LISTS = "array asarray ndim shape size atleast_1d atleast_2d atleast_3d hstack vstack dstack column_stack"
"""Functions of `jax.numpy` that took lists of numbers at some time."""
_FULL: dict[str, dict[str, Any]] = {
    "jax.scipy.fft.dctn": {"s": (2, 2)},
    "jax.scipy.fft.idctn": {"s": (2, 2)},
    "jax.numpy.fft.fftn": {"s": (2, 2)},
    "jax.numpy.fft.ifftn": {"s": (2, 2)},
    "jax.numpy.fft.rfftn": {"s": (2, 2)},
    "jax.numpy.fft.irfftn": {"s": (2, 2)},
}
"""By function, options that are given with an array of three dimensions."""
_RANKS = ("average", "min", "max", "dense", "ordinal")


def plain() -> Forms:
    """By function and what it is given, such as `plain-numpy.array-none`."""
    cube, vector = jnp.arange(24.0).reshape(2, 3, 4), jnp.array([3.0, 1.0, 1.0])
    forms: Forms = {
        **{
            _key(f"jax.numpy.{name}", "list"): partial(_of, f"jax.numpy.{name}", [[1.0, 2.0]])
            for name in _LISTS.split()
        },
        _key("jax.numpy.array", "none"): partial(_of, "jax.numpy.array", None),
        _key("jax.numpy.array", "list-with-none"): partial(_of, "jax.numpy.array", [1.0, None]),
    }
    for name, options in _FULL.items():
        forms[_key(name, *options)] = partial(_with, name, options, cube)
    for method in _RANKS:
        name = "jax.scipy.stats.rankdata"
        forms[_key(name, method)] = partial(_with, name, {"method": method}, vector)
    name = "jax.numpy.cov"
    forms[_key(name, "one-row")] = partial(_with, name, {"rowvar": False}, jnp.ones((1, 3)))
    forms[_key(name, "no-row")] = partial(_with, name, {"rowvar": False}, jnp.ones((0, 3)))
    name = "jax.numpy.trim_zeros"
    forms[_key(name, "matrix")] = partial(_of, name, jnp.array([[0.0, 0.0], [1.0, 2.0]]))
    name = "jax.numpy.clip"
    forms[_key(name, "complex")] = partial(_with, name, {}, jnp.array([1 + 2j, 3j]), 0.0, 1.0)
    name = "jax.experimental.multihost_utils.process_allgather"
    forms[_key(name, "vector")] = partial(_of, name, vector)
    for dtype in ("bfloat16", "float16"):
        name = "jax.numpy.arange"
        call = partial(_with, name, {"dtype": dtype}, 0.0, 1.0, 0.02)
        forms[_key(name, "step", dtype)] = call
    return forms | _of_objects()


class _Boxed:
    """An object that says which array it is."""

    def __jax_array__(self) -> Any:
        return jnp.ones(2)


def _of_objects() -> Forms:
    """What JAX's own objects are: as text, as tuples, as NumPy arrays."""
    uses: dict[str, tuple[str, Callable[[], Any]]] = {
        "as-text": ("jax.devices", lambda: str(jax.devices()[0])),
        "as-a-numpy-array": ("jax.random.key", lambda: np.asarray(jax.random.key(0)).shape),
        "names-of-primitives": (
            "jax.make_jaxpr",
            lambda: [e.primitive.name for e in jax.make_jaxpr(jax.jit(jnp.sin))(1.0).eqns],
        ),
        "of-none-beside-an-array": (
            "jax.tree.map",
            lambda: jax.tree_util.tree_map(lambda a, b: b, {"a": None}, {"a": jnp.ones(2)}),
        ),
        "none-beside-an-array": (
            "jax.tree_util.tree_map",
            lambda: jax.tree_util.tree_map(lambda a, b: b, {"a": None}, {"a": jnp.ones(2)}),
        ),
        "compared-with-a-tuple": (
            "jax.sharding.PartitionSpec",
            lambda: f"equal to a tuple: {operator.eq(jax.sharding.PartitionSpec('x'), ('x',))}",
        ),
        "is-a-tuple": (
            "jax.sharding.PartitionSpec",
            lambda: f"a tuple: {isinstance(jax.sharding.PartitionSpec('x'), tuple)}",
        ),
        "kinds-of-axes": ("jax.make_mesh", _axes),
        "of-an-object-that-is-an-array": ("jax.jit", lambda: jax.jit(jnp.sin)(_Boxed())),
        "of-float64": ("jax.vjp", lambda: str(jax.vjp(lambda a: a, np.ones(2))[0].dtype)),
        "class-of-a-tracer": ("jax.Array", _class_of_a_tracer),
        "as-lowered-text": ("jax.lax.with_sharding_constraint", _text),
    }
    return {_key(name, kind): partial(_made, name, use) for kind, (name, use) in uses.items()}


def _axes() -> str:
    mesh = needed("jax.make_mesh")((1,), ("i",), devices=jax.devices()[:1])
    return (
        f"axes are {'Explicit' if 'Explicit' in str(getattr(mesh, 'axis_types', '')) else 'Auto'}"
    )


def _class_of_a_tracer() -> str:
    found: list[bool] = []
    jax.vmap(lambda x: found.append(issubclass(type(x), jax.Array)))(jnp.ones(2))
    return f"a class of arrays: {found[0]}"


def _text() -> str:
    mesh = jax.sharding.Mesh(jax.devices()[:1], ("i",))
    placed = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("i"))
    told = jax.jit(lambda x: jax.lax.with_sharding_constraint(x, placed))
    return f"names mhlo.sharding: {'mhlo.sharding' in told.lower(jnp.ones(2)).as_text()}"


def _key(name: str, *what: str) -> str:
    return "-".join(("plain", name.removeprefix("jax."), *what))


def _of(name: str, given: Any) -> Any:
    return needed(name)(given)


def _with(name: str, options: dict[str, Any], *given: Any) -> Any:
    return needed(name)(*given, **options)


def _made(name: str, use: Callable[[], Any]) -> Any:
    needed(name)
    return use()
