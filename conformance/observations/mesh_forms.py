"""What is done with meshes around a map and within it, and with maps over devices in one another."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, same, whole
from conformance.observations.meshes import (
    ALL,
    ROWS,
    mesh,
    over_two_devices,
    placed,
    put,
    shard_map,
    used,
)
from conformance.observations.record import Absent, needed

_OWN = jax.sharding.PartitionSpec
lax = jax.lax


def _double(x: Any) -> Any:
    return 2 * x


def vmapped() -> Forms:
    """Of `jax.vmap`: how arrays on an Explicit mesh are sharded, `spmd_axis_name`, a `shard_map` within."""
    return {**_how_sharded(), **_around_shard_map()}


def _how_sharded() -> Forms:
    def on(function: Any, *names: Any, shape: Any = (2, 2), axes: Any = 0, **options: Any) -> Any:
        chosen = mesh(shape, ("x", "y", "z")[: len(shape)], "Explicit")
        with used(chosen):
            given = [put(whole(4, 4), chosen, *each) for each in names]
            return placed(jax.jit(jax.vmap(function, axes, **options))(*given))

    def long_name(x: Any) -> Any:
        chosen = mesh((2,), ("data",), "Explicit")
        with used(chosen):
            mapped = jax.vmap(_double, spmd_axis_name="data")
            return placed(jax.jit(mapped)(put(x, chosen, "data")))

    return {
        "explicit-not-sharded": lambda: on(_double, ()),
        "explicit-sharded-behind": lambda: on(jnp.sum, (None, "y")),
        "explicit-both-axes": lambda: on(lambda a: a - a.sum(), ("x", "y")),
        "explicit-mapped-behind": lambda: on(_double, (None, "x"), axes=1, out_axes=1),
        "explicit-mapped-by-two-axes": lambda: on(_double, (("x", "y"),)),
        "explicit-sharded-otherwise": lambda: on(jnp.add, ("x",), ()),
        "explicit-shared-sharded": lambda: on(jnp.multiply, (None, "y"), ("x",), axes=(None, 0)),
        "explicit-shared-sharded-alike": lambda: on(
            jnp.multiply, (None, "y"), (("x", "y"),), axes=(None, 0)
        ),
        "explicit-map-of-a-map": lambda: on(jax.vmap(_double), ("x", "y")),
        "explicit-sum-over-the-batch": lambda: on(
            lambda a: lax.psum(a, "i"), ("x",), axis_name="i"
        ),
        "explicit-place-in-the-batch": lambda: on(
            lambda a: a + lax.axis_index("i"), ("x",), axis_name="i"
        ),
        "explicit-spmd-axis-name": lambda: on(_double, ("x", "y"), spmd_axis_name="x"),
        "explicit-another-spmd-axis-name": lambda: on(_double, ("x",), spmd_axis_name="y"),
        "explicit-spmd-axis-name-alone": lambda: on(_double, (), spmd_axis_name="x"),
        "explicit-two-spmd-axis-names": lambda: on(
            _double, (("x", "y"),), spmd_axis_name=("x", "y")
        ),
        "explicit-spmd-axis-name-of-an-axis-of-one": lambda: on(
            _double, (("x", "z"),), shape=(2, 2, 1), spmd_axis_name=("x", "z")
        ),
        "explicit-long-spmd-axis-name": lambda: long_name(whole(4, 4)),
    }


def _around_shard_map() -> Forms:
    def within(
        function: Any, kind: str | None = None, jit: bool = True, outer: Any = "x", **options: Any
    ) -> Any:
        chosen = mesh((2, 2), ("x", "y"), kind)

        def mapped(x: Any) -> Any:
            return shard_map(function, mesh=chosen, in_specs=_OWN("y"), out_specs=_OWN("y"))(x)

        around = options.pop("around", same)
        if kind is not None:
            with used(chosen):
                run = jax.vmap(around(mapped), **options)
                return placed((jax.jit(run) if jit else run)(put(whole(4, 4), chosen, outer, "y")))
        return jax.jit(jax.vmap(around(mapped), **options))(whole(4, 4))

    def summed(function: Any) -> Any:
        return jax.grad(lambda x: function(x).sum())

    def closed_over(**options: Any) -> Any:
        chosen = mesh((2, 2), ("x", "y"))

        def mapped(x: Any, y: Any) -> Any:
            inner = shard_map(
                lambda b: b + x.sum(), mesh=chosen, in_specs=_OWN("y"), out_specs=_OWN("y")
            )
            return inner(y)

        return jax.jit(jax.vmap(mapped, **options))(whole(4, 4), whole(4, 4))

    explicit = partial(within, kind="Explicit")
    return {
        "shard-map-within": lambda: within(_double),
        "shard-map-within-summed": lambda: within(lambda a: a + lax.psum(a, "y")),
        "shard-map-within-differentiated": lambda: within(jnp.square, around=summed),
        "shard-map-within-spmd": lambda: within(_double, spmd_axis_name="x"),
        "shard-map-within-spmd-summed": lambda: within(
            lambda a: a + lax.psum(a, "y"), spmd_axis_name="x"
        ),
        "shard-map-within-spmd-differentiated": lambda: within(
            jnp.square, around=summed, spmd_axis_name="x"
        ),
        "shard-map-within-closed-over": closed_over,
        "shard-map-within-spmd-closed-over": lambda: closed_over(spmd_axis_name="x"),
        "shard-map-within-explicit": lambda: explicit(_double),
        "shard-map-within-explicit-eager": lambda: explicit(_double, jit=False),
        "shard-map-within-explicit-summed": lambda: explicit(lambda a: a + lax.psum(a, "y")),
        "shard-map-within-explicit-differentiated": lambda: explicit(jnp.square, around=summed),
        "shard-map-within-explicit-not-mapped-there": lambda: explicit(
            jnp.square, around=summed, outer=None
        ),
    }


def _gradient(function: Any) -> Any:
    return jax.jit(jax.grad(lambda a: function(a).sum()))(whole(4, 2))


def shard_mapped() -> Forms:
    """Of `jax.shard_map`: collectives, rules of one's own, what gradients meet, what is given and taken."""
    return {**_collectives(), **_own_rules(), **_given_and_taken()}


def _collectives() -> Forms:
    x, on = whole(4, 2), over_two_devices

    def unused(a: Any) -> Any:
        return on(lambda b: (b, lax.psum(b, "i")), ROWS, (ROWS, ALL))(a)[0]

    return {
        "psum-of-a-psum": lambda: on(lambda a: lax.psum(lax.psum(a, "i"), "i"), ROWS, ALL)(x),
        "psum-of-a-constant": lambda: on(lambda a: a + lax.psum(jnp.ones(2), "i"))(x),
        "pmean-gradient": lambda: _gradient(on(lambda a: a * lax.pmean(a, "i"))),
        "psum-gradient": lambda: _gradient(on(lambda a: lax.psum(a * a, "i"), ROWS, ALL)),
        "psum-unused-gradient": lambda: _gradient(unused),
        "psum-unused-gradient-eager": lambda: jax.grad(lambda a: unused(a).sum())(x),
        "ppermute-gradient": lambda: _gradient(
            on(lambda a: a * lax.ppermute(a, "i", [(0, 1), (1, 0)]))
        ),
        "all-gather-gradient": lambda: _gradient(on(lambda a: a * lax.all_gather(a, "i").sum(0))),
        "gradient-within": lambda: on(jax.grad(lambda a: jnp.sum(a * a)))(x),
        "gradient-within-by-shared": lambda: on(
            lambda a, b: jax.grad(lambda c: jnp.sum(a * c))(b), (ROWS, ALL), ROWS
        )(x, x[:2]),
    }


def _own_rules() -> Forms:
    def kept(jitted: bool) -> Any:
        @jax.custom_vjp
        def total(a: Any) -> Any:
            return a * lax.psum(a, "i")

        def forward(a: Any) -> Any:
            return a * lax.psum(a, "i"), a

        total.defvjp(forward, lambda a, g: (3 * g * a,), optimize_remat=True)
        return _gradient(over_two_devices(jax.checkpoint(total) if jitted else total))

    def none_given_back(**options: Any) -> Any:
        @jax.custom_vjp
        def ignored(a: Any) -> Any:
            return a

        ignored.defvjp(lambda a: (a, None), lambda kept, g: (None,))
        return over_two_devices(ignored, **options)

    def none_given_back_on_a_mesh() -> Any:
        chosen = mesh((2,), ("i",), "Explicit")
        with used(chosen):
            mapped = none_given_back(mesh=chosen, check_vma=False)
            given = put(whole(4, 2), chosen, "i")
            return jax.jit(jax.grad(lambda a: mapped(a).sum()))(given)

    return {
        "rule-that-recomputes": lambda: kept(False),
        "rule-that-recomputes-checkpointed": lambda: kept(True),
        "rule-that-gives-none-back": lambda: _gradient(none_given_back()),
        "rule-that-gives-none-back-unchecked": lambda: _gradient(none_given_back(check_vma=False)),
        "rule-that-gives-none-back-on-an-explicit-mesh": none_given_back_on_a_mesh,
    }


def _given_and_taken() -> Forms:
    x, on = whole(4, 2), over_two_devices

    def of_integers() -> Any:
        mapped = on(lambda a, n: a * n, (ROWS, ROWS))
        return jax.jit(jax.grad(lambda a: mapped(a, jnp.arange(4)[:, None]).sum()))(x)

    def within_another() -> Any:
        chosen = mesh((2, 2), ("i", "j"))
        rows, columns = ROWS, _OWN(None, "j")
        inner = shard_map(
            _double, mesh=chosen, in_specs=columns, out_specs=columns, axis_names={"j"}
        )
        outer = shard_map(inner, mesh=chosen, in_specs=rows, out_specs=rows, axis_names={"i"})
        return jax.jit(outer)(x)

    def keys(out: Any) -> Any:
        given = jax.random.split(jax.random.key(0), 4)
        return jax.random.key_data(jax.jit(on(same, ROWS, out))(given)).shape

    return {
        "gradient-beside-integers": of_integers,
        "keys-given-and-taken": lambda: keys(ROWS),
        "python-number-given": lambda: on(lambda a, b: a * b, (ROWS, ALL))(x, 2.0),
        "number-closed-over": lambda: on(lambda a: a * x[0])(x),
        "loop-of-a-shard-map": lambda: lax.map(on(_double), jnp.stack([x, x])),
        "shard-map-of-a-shard-map": within_another,
        "switched-by-place": lambda: jax.jit(
            on(lambda a: lax.switch(lax.axis_index("i"), [_double, same], a))
        )(x),
    }


def pmapped() -> Forms:
    """Of `jax.pmap`: a map over devices in another one, sizes of zero, and what is given to it."""

    def pmap(function: Any, *arguments: Any, **options: Any) -> Any:
        if jax.device_count() < 4:
            raise Absent("it takes four devices")
        return needed("jax.pmap")(function, *arguments, **options)

    def both(function: Callable[[Any], Any]) -> Any:
        inner = pmap(function, axis_name="j")
        return pmap(inner, axis_name="i")(whole(2, 2))

    square = whole(2, 2)
    keys = jax.random.split(jax.random.key(0), 2)
    return {
        "pmap-of-pmap-over-four": lambda: both(_double),
        "pmap-of-pmap-summed": lambda: both(lambda a: lax.psum(a, "i") + lax.axis_index("j")),
        "pmap-of-pmap-summed-over-both": lambda: both(lambda a: lax.psum(a, ("i", "j"))),
        "pmap-of-vmap-summed-over-both": lambda: pmap(
            jax.vmap(lambda a: lax.psum(a, ("i", "j")), axis_name="j"), axis_name="i"
        )(square),
        "vmap-of-pmap-summed": lambda: jax.vmap(pmap(lambda a: lax.psum(a, "i"), axis_name="i"))(
            square
        ),
        "no-element-in-the-middle": lambda: pmap(_double)(jnp.zeros((2, 0, 3))),
        "no-element-summed-in-the-middle": lambda: pmap(jnp.sum)(jnp.zeros((2, 0, 3))),
        "no-element-shared": lambda: pmap(lambda a, b: a + b.sum(), in_axes=(0, None))(
            square, jnp.zeros((0, 2))
        ),
        "gradient-of-a-shared-sum": lambda: jax.grad(
            lambda a: pmap(lambda b: lax.psum(b * b, "i"), axis_name="i", out_axes=None)(a).sum()
        )(square),
        "gradient-of-a-sum": lambda: jax.grad(
            lambda a: pmap(lambda b: lax.psum(b * b, "i"), axis_name="i")(a).sum()
        )(square),
        "python-number-shared": lambda: pmap(jnp.multiply, in_axes=(0, None))(square, 3),
        "keys-mapped": lambda: jax.random.key_data(pmap(lambda k: k)(keys)).shape,
        "key-shared": lambda: (
            0 * pmap(lambda a, k: a + jax.random.bits(k), in_axes=(0, None))(square, keys[0])
        ),
        "tangent-of-integers": lambda: pmap(lambda a, t: a)(
            square, np.zeros((2, 2), jax.dtypes.float0)
        ),
    }
