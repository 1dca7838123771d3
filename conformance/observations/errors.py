"""What calls that cannot mean anything raise: exception type and first line."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance.observations.cases import KEY, array
from conformance.observations.record import Absent, Observation, described, needed, one
from conformance.observations.selection import EVERYTHING, Selection
from properties import trees


def add(x: Any, y: Any) -> Any:
    """Give the sum of two arrays."""
    return x + y


def identity(x: Any) -> Any:
    """Give the argument, unchanged."""
    return x


def _misuses(map: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    """Of any map of functions, `map(function, in_axes=, out_axes=)`."""
    x, y, v = array(3, 4), array(2, 4), array(3)
    return {
        "sizes-disagree": lambda: map(add)(x, y),
        "sizes-disagree-in-one-argument": lambda: map(identity)({"a": x, "b": y}),
        "sizes-disagree-by-keyword": lambda: map(add, in_axes=(0,))(x, y=y),
        "axis-out-of-range": lambda: map(identity, in_axes=2)(x),
        "axis-out-of-range-negative": lambda: map(identity, in_axes=-3)(x),
        "axis-not-an-integer": lambda: map(identity, in_axes="0")(x),
        "nothing-mapped": lambda: map(identity, in_axes=None)(x),
        "no-arguments": map(lambda: 1.0),
        "mapped-scalar": lambda: map(identity)(1.0),
        "in-axes-too-short": lambda: map(add, in_axes=(0,))(x, x),
        "in-axes-too-long": lambda: map(identity, in_axes=(0, 0))(x),
        "in-axes-a-list": lambda: map(add, in_axes=[0, None])(x, x),
        "in-axes-of-another-tree": lambda: map(identity, in_axes=({"a": 0},))({"b": x}),
        "out-axes-none-on-a-mapped-result": lambda: map(identity, out_axes=None)(x),
        "out-axes-out-of-range": lambda: map(identity, out_axes=3)(x),
        "out-axes-of-another-tree": lambda: map(identity, out_axes=(0, 0))(x),
        "axis-size-disagrees": lambda: map(identity, axis_size=5)(x),
        "result-not-an-array": lambda: map(lambda a: "text")(x),
        "function-not-callable": lambda: map(3)(x),
        "unknown-axis-name": lambda: map(lambda a: jax.lax.psum(a, "rows"))(x),
        "axis-name-used-twice": lambda: map(map(identity, axis_name="i"), axis_name="i")(x),
        "branch-on-a-value": lambda: map(lambda a: a if a > 0 else -a)(v),
        "size-from-a-value": lambda: map(jnp.zeros)(v.astype("int32")),
        "array-from-a-value": lambda: map(float)(v),
        "gradient-of-a-vector": lambda: map(jax.grad(identity))(x),
    }


def _pmap() -> dict[str, Callable[[], Any]]:
    def pmap(*arguments: Any, **options: Any) -> Any:
        return needed("jax.pmap")(*arguments, **options)

    x, more = array(3, 4), jax.local_device_count() + 1
    return _misuses(pmap) | {
        "more-examples-than-devices": lambda: pmap(identity)(array(more, 2)),
        "negative-in-axes": lambda: pmap(identity, in_axes=-1)(x),
        "negative-out-axes": lambda: pmap(identity, out_axes=-1)(x),
        "negative-axes-in-front": lambda: pmap(identity, in_axes=-2, out_axes=-2)(x),
        "devices-fewer-than-examples": lambda: pmap(identity, devices=jax.devices()[:2])(x),
        "static-argument-mapped": lambda: pmap(add, static_broadcasted_argnums=1)(x, x),
    }


def _linen() -> dict[str, Callable[[], Any]]:
    x, key = array(3, 4), jax.random.key(KEY)
    shared: dict[str, Any] = {"variable_axes": {"params": None}, "split_rngs": {"params": False}}

    def init(module: Any, *inputs: Any, **options: Any) -> Any:
        return nn.vmap(module, **{**shared, **options})(5).init(key, *inputs)

    def apply(variables: Any, *inputs: Any) -> Any:
        return nn.vmap(nn.Dense, **shared)(5).apply(variables, *inputs)

    class Two(nn.Module):
        features: int

        @nn.compact
        def __call__(self, x: Any, y: Any) -> Any:
            return nn.Dense(self.features)(x) + y.sum()

    def lifted_method() -> Any:
        return nn.vmap(nn.Dense, methods=["absent"], **shared)(5).init(key, x)

    not_a_module: Any = 3
    return {
        "shared-params-with-split-keys": lambda: init(nn.Dense, x, split_rngs={"params": True}),
        "stream-missing-in-split-rngs": lambda: init(nn.Dense, x, split_rngs={}),
        "collection-missing-in-variable-axes": lambda: init(nn.Dense, x, variable_axes={}),
        "key-missing": lambda: nn.vmap(nn.Dense, **shared)(5).init({}, x),
        "sizes-disagree": lambda: init(Two, x, array(2, 4)),
        "in-axes-too-short": lambda: init(Two, x, x, in_axes=(0,)),
        "axis-out-of-range": lambda: init(nn.Dense, x, in_axes=2),
        "mapped-scalar": lambda: init(nn.Dense, 1.0),
        "nothing-mapped": lambda: init(nn.Dense, x, in_axes=None),
        "out-axes-none-on-a-mapped-result": lambda: init(nn.Dense, x, out_axes=None),
        "axis-size-disagrees": lambda: init(nn.Dense, x, axis_size=5),
        "params-axis-out-of-range": lambda: init(
            nn.Dense, x, variable_axes={"params": 4}, split_rngs={"params": True}
        ),
        "variables-missing": lambda: apply({}, x),
        "variables-of-another-shape": lambda: apply(
            {"params": {"kernel": array(3, 4, 5), "bias": array(5)}}, x
        ),
        "method-missing": lifted_method,
        "not-a-module": lambda: nn.vmap(not_a_module, **shared),
        "outside-a-module": lambda: nn.vmap(nn.Dense, **shared)(5)(x),
    }


def _nnx() -> dict[str, Callable[[], Any]]:
    x = array(3, 4)

    def model() -> Any:
        return needed("flax.nnx.Linear")(4, 5, rngs=needed("flax.nnx.Rngs")(0))

    def vmap(*arguments: Any, **options: Any) -> Any:
        return needed("flax.nnx.vmap")(*arguments, **options)

    return {
        "sizes-disagree": lambda: vmap(add)(x, array(2, 4)),
        "in-axes-too-short": lambda: vmap(add, in_axes=(0,))(x, x),
        "mapped-scalar": lambda: vmap(identity)(1.0),
        "nothing-mapped": lambda: vmap(identity, in_axes=None)(x),
        "shared-module-mapped": lambda: vmap(lambda m, a: m(a), in_axes=(0, 0))(model(), x),
    }


def _shard_map() -> dict[str, Callable[[], Any]]:
    spec: Any = jax.sharding.PartitionSpec

    def shard_map(function: Any, given: Any, out: Any) -> Any:
        map = needed("jax.shard_map")
        if jax.device_count() < 2:
            raise Absent("it takes two devices")
        mesh = jax.sharding.Mesh(jax.devices()[:2], ("i",))
        return map(function, mesh=mesh, in_specs=given, out_specs=out)

    x, rows = array(4, 4), spec("i")
    return {
        "not-divisible": lambda: shard_map(identity, rows, rows)(array(3, 4)),
        "mapped-scalar": lambda: shard_map(identity, rows, rows)(1.0),
        "specs-too-short": lambda: shard_map(add, (rows,), rows)(x, x),
        "result-not-replicated": lambda: shard_map(identity, rows, spec())(x),
        "unknown-axis-name": lambda: shard_map(identity, spec("j"), spec("j"))(x),
    }


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`errors/TRANSFORM/MISUSE`: {type, line}, or {gives} where the call is accepted."""
    groups: dict[str, Callable[[], dict[str, Callable[[], Any]]]] = {
        "jax.vmap": partial(_misuses, jax.vmap),
        "jax.pmap": _pmap,
        "jax.shard_map": _shard_map,
        "flax.linen.vmap": _linen,
        "flax.nnx.vmap": _nnx,
    }
    for name, calls in groups.items():
        if not selection.has_transform(name):
            continue
        for misuse, call in calls().items():
            yield from one(f"errors/{name}/{misuse}", partial(_raised, call))


def _raised(call: Callable[[], Any]) -> dict[str, Any]:
    got = trees.attempt(call)
    if isinstance(got, trees.Raised):
        if isinstance(got.error, Absent):
            raise got.error
        return described(got.error)
    return {"gives": trees.describe(trees.raw(jax.tree_util.tree_map(jnp.asarray, got)))}
