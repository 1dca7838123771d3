"""What the body of a `shard_map` may hold, and on which devices the result of a `pmap` lives."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, add, same, whole
from conformance.observations.meshes import mesh, shard_map
from conformance.observations.record import Absent, needed

lax: Any = jax.lax


def _within(derived: str, function: Callable[[Any], Any], x: Any) -> Any:
    """What a function of functions, named, makes of one, of an array."""
    return needed(derived)(function)(x)


def _bodies() -> dict[str, Callable[[Any], Any]]:
    """By name, what is done with two numbers on each of two devices."""
    return {
        "scan-from-a-constant": lambda a: lax.scan(lambda c, b: (c + b, None), jnp.zeros(()), a)[0][
            None
        ],
        "fori-from-a-constant": lambda a: lax.fori_loop(0, 3, lambda n, c: c + a, jnp.zeros(2)),
        "while-from-a-constant": lambda a: lax.while_loop(
            lambda c: c.sum() < 9, lambda c: c + a, jnp.zeros(2)
        ),
        "branch-that-is-constant": lambda a: lax.cond(a[0] > 1, lambda: a, lambda: jnp.zeros(2)),
        "branch-on-a-constant": lambda a: lax.cond(True, lambda: a, lambda: 2 * a),
        "selected-or-constant": lambda a: jnp.where(a > 2, a, 0.0),
        "constant": lambda a: jnp.zeros(2),
        "psum-of-a-constant-and-more": lambda a: lax.psum(jnp.ones(()), "i") + a,
        "pmean": lambda a: lax.pmean(a, "i") + a,
        "gathered": lambda a: lax.all_gather(a, "i", tiled=True)[:2] + a,
        "permuted-by-a-zip": lambda a: lax.ppermute(a, "i", zip([0, 1], [1, 0], strict=True)),
        "permuted-by-a-list": lambda a: lax.ppermute(a, "i", [[0, 1], [1, 0]]),
        "in-groups": lambda a: lax.psum(a, "i", axis_index_groups=[[0], [1]]),
        "by-another-name": lambda a: lax.psum(a, "j"),
        "own-map": partial(_within, "jax.custom_batching.sequential_vmap", same),
        "callback": lambda a: jax.pure_callback(
            np.asarray, jax.ShapeDtypeStruct((2,), jnp.float32), a
        ),
        "remat": partial(_within, "jax.checkpoint", jnp.sin),
        "in-jit": partial(_within, "jax.jit", jnp.sin),
        "mapped-in-parts": lambda a: lax.map(jnp.sin, a),
        "random": lambda a: a + jax.random.uniform(jax.random.key(0), (2,)),
    }


def shard_mapped() -> Forms:
    """Of `jax.shard_map`: loops from a constant, branches with one, rules, checks, specs that are wrong."""
    split, shared = jax.sharding.PartitionSpec("i"), jax.sharding.PartitionSpec()

    def on(function: Any, specs: Any = split, out: Any = split, *given: Any, **options: Any) -> Any:
        mapped = shard_map(
            function, mesh=mesh((2,), ("i",)), in_specs=specs, out_specs=out, **options
        )
        return mapped(*(given or (whole(4),)))

    @jax.custom_vjp
    def product(a: Any, w: Any) -> Any:
        return a * w

    product.defvjp(lambda a, w: (a * w, (a, w)), lambda kept, g: (g * kept[1], (g * kept[0]).sum()))

    forms: Forms = {f"body-{name}": partial(on, body) for name, body in _bodies().items()}
    forms |= {
        f"body-{name}-unchecked": partial(on, body, check_vma=False)
        for name, body in _bodies().items()
        if name.endswith(("constant", "psum-of-a-constant-and-more", "own-map"))
    }
    return forms | {
        "spec-of-another-name": lambda: on(same, jax.sharding.PartitionSpec("j")),
        "spec-longer-than-the-rank": lambda: on(same, jax.sharding.PartitionSpec(None, "i")),
        "size-not-divided": lambda: on(same, split, split, whole(5)),
        "mean-not-mapped-any-more": lambda: on(lambda a: lax.pmean(a, "i"), split, shared),
        "gathered-not-mapped-any-more": lambda: on(
            lambda a: lax.all_gather(a, "i", tiled=True), split, shared
        ),
        "own-vjp-of-shared": lambda: jax.grad(
            lambda a, w: on(product, (split, shared), split, a, w).sum(), (0, 1)
        )(whole(4), 2.0),
        "own-vjp-of-shared-unchecked": lambda: jax.grad(
            lambda a, w: on(product, (split, shared), split, a, w, check_vma=False).sum(), (0, 1)
        )(whole(4), 2.0),
        "gradient-by-shared": lambda: jax.grad(
            lambda w: on(
                lambda a, w: lax.psum((a * w).sum(), "i"), (split, shared), shared, whole(4), w
            )
        )(2.0),
        "draws-of-a-shared-key": lambda: on(
            lambda k: jax.random.bits(k, (2,)), shared, shared, jax.random.key(0)
        ),
    }


def _of_lowered() -> dict[str, Callable[[Any], Any]]:
    """By name, what is said of a program before it runs."""
    return {
        "tree": lambda low: str(low.out_tree),
        "given": lambda low: str(low.in_tree),
        "shapes": lambda low: sorted(
            f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree_util.tree_leaves(low.out_info)
        ),
        "cost": lambda low: type(low.cost_analysis()).__name__,
    }


def _of_results() -> dict[str, Callable[[Any], Any]]:
    """By name, what is made of a result."""
    return {
        "result": same,
        "first": lambda r: r[0],
        "last": lambda r: r[-1],
        "slice": lambda r: r[:1],
        "sum": jnp.sum,
        "row-by-list": lambda r: r[jnp.array([0])],
        "each": lambda r: next(iter(r)),
    }


def pmapped() -> Forms:
    """Of `jax.pmap`: which devices what it gives lives on, and what is said of it before it runs."""
    x = whole(2, 4)

    def pmap(*given: Any, **options: Any) -> Any:
        if jax.device_count() < 2:
            raise Absent("it takes two devices")
        return needed("jax.pmap")(*given, **options)

    def devices(result: Any) -> Any:
        return sorted(device.id for device in result.devices())

    def deleted() -> Any:
        given = pmap(same)(x)
        pmap(lambda a: a + 1, donate_argnums=0)(given)
        return given.is_deleted()

    forms: Forms = {
        f"lowered-{name}": partial(
            lambda use: use(pmap(lambda a: {"a": a, "b": a[0]}).lower(x)), use
        )
        for name, use in _of_lowered().items()
    }
    forms |= {
        f"devices-of-{name}": partial(lambda use: devices(use(pmap(same)(x))), use)
        for name, use in _of_results().items()
    }
    return forms | {
        "donated-is-deleted": deleted,
        "primitives": lambda: sorted(
            {eqn.primitive.name for eqn in jax.make_jaxpr(pmap(jnp.sin))(x).eqns}
        ),
        "devices-of-out-axes-none": lambda: devices(
            pmap(lambda a: lax.psum(a, "i"), axis_name="i", out_axes=None)(x)
        ),
        "index-of-small-numbers": lambda: pmap(lambda a: a + lax.axis_index("i"), axis_name="i")(
            jnp.ones(2, jnp.int8)
        ),
        "static-by-keyword": lambda: pmap(add, static_broadcasted_argnums=1)(x, y=2),
        "keys-drawn": lambda: pmap(lambda k: jax.random.bits(k, (2,)))(
            jax.random.split(jax.random.key(0), 2)
        ),
        "callback": lambda: pmap(
            lambda a: jax.pure_callback(np.asarray, jax.ShapeDtypeStruct((4,), jnp.float32), a)
        )(x),
        "gradient-of-a-loop": lambda: pmap(
            jax.grad(lambda a: lax.scan(lambda c, b: (c * b, None), 1.0, a)[0])
        )(x),
        "sharded-by-hand": lambda: needed("jax.device_put_sharded")(
            [x[0], x[1]], jax.devices()[:2]
        ),
        "replicated-by-hand": lambda: needed("jax.device_put_replicated")(x[0], jax.devices()[:2]),
    }
