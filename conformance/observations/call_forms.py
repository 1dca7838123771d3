"""Ways to call `jax.vmap`, `jax.pmap` and `jax.shard_map` that users know, and some that are refused."""

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations import meshes, read_back
from conformance.observations.record import Absent, needed

Forms = dict[str, Callable[[], Any]]
Map = Callable[..., Any]


class Pair(NamedTuple):
    """A class that is called as a function, and a result that is a tree."""

    first: Any
    second: Any


class Scaled:
    """An object with a method, that can be called."""

    def __call__(self, x: Any) -> Any:
        """Give the double."""
        return 2 * x

    def method(self, x: Any, factor: Any = 3) -> Any:
        """Give a multiple."""
        return factor * x


def add(x: Any, y: Any = 1) -> Any:
    """Give the sum."""
    return x + y


def called(function: Callable[[], Any]) -> Any:
    """Give what a function of nothing gives."""
    return function()


def same(x: Any) -> Any:
    """Give the argument."""
    return x


def mapped(function: Callable[[Any], Any], x: Any) -> Any:
    """What `jax.vmap` of a function gives."""
    return jax.vmap(function)(x)


def whole(*shape: int) -> Any:
    """Whole numbers in float32, from 1 on."""
    return jnp.arange(1, 1 + np.prod(shape), dtype=jnp.float32).reshape(shape)


def axes(map: Map) -> Forms:
    """Forms of `in_axes`, `out_axes` and `axis_size` of a map of functions."""
    x, v = whole(3, 4), whole(4)
    both, of_dict = (lambda a, b: (a, b)), (lambda d: d["a"] + d["b"])

    def nested(tree: Any) -> Any:
        return tree[0] + tree[1]["k"]

    return {
        "in-axes-an-integer": lambda: map(add, in_axes=0)(x, x),
        "in-axes-a-tuple": lambda: map(add, in_axes=(0, None))(x, v),
        "in-axes-a-list": lambda: map(add, in_axes=[0, None])(x, v),
        "in-axes-a-numpy-integer": lambda: map(same, in_axes=np.int32(0))(x),
        "in-axes-a-dict": lambda: map(of_dict, in_axes=({"a": 0, "b": None},))({"a": x, "b": v}),
        "in-axes-nested": lambda: map(nested, in_axes=((0, {"k": 0}),))((x, {"k": x})),
        "in-axes-a-list-inside": lambda: map(sum, in_axes=([0, None],))([x, v]),
        "in-axes-none-of-a-tree": lambda: map(lambda a, d: a + d["b"], in_axes=(0, None))(
            x, {"b": v}
        ),
        "in-axes-negative": lambda: map(jnp.sum, in_axes=-2)(x),
        "in-axes-not-in-front": lambda: map(jnp.sum, in_axes=1)(x.T),
        "in-axes-of-none": lambda: map(lambda a, b: a, in_axes=(0, 0))(x, None),
        "out-axes-not-in-front": lambda: map(same, out_axes=1)(x),
        "out-axes-negative": lambda: map(same, out_axes=-1)(x),
        "out-axes-a-tuple": lambda: map(both, out_axes=(0, 1))(x, x),
        "out-axes-a-list": lambda: map(both, out_axes=[0, 1])(x, x),
        "out-axes-a-dict": lambda: map(lambda a: {"a": a}, out_axes={"a": 1})(x),
        "out-axes-none": lambda: map(both, in_axes=(0, None), out_axes=(0, None))(x, v),
        "out-axes-none-of-a-constant": lambda: map(lambda a: 1.0, out_axes=None)(x),
        "out-axes-none-of-what-is-mapped": lambda: map(same, out_axes=None)(x),
        "axis-size": lambda: map(add, axis_size=3)(x, x),
        "axis-size-alone": lambda: called(map(lambda: whole(2), axis_size=3)),
        "axis-size-nothing-mapped": lambda: map(same, in_axes=None, axis_size=3)(x),
        "axis-size-of-one": lambda: map(same, axis_size=1)(x[:1]),
        "rank-0": lambda: map(same, in_axes=0, axis_size=1)(jnp.float32(1)),
        "rank-0-of-python": lambda: map(add, in_axes=(0, None))(x, 2.0),
        "rank-0-beside-an-array": lambda: map(add)(x, 2.0),
        "no-element": lambda: map(same)(jnp.zeros((3, 0))),
        "no-element-summed": lambda: map(jnp.sum)(jnp.zeros((3, 0))),
    }


def functions(map: Map) -> Forms:
    """What is mapped, and what it is given and gives."""
    x, scaled = whole(3, 4), Scaled()
    times = jax.jit(lambda a, n: a * n, static_argnums=1)
    keys = jax.random.split(jax.random.key(0), 3)
    return {
        "keyword": lambda: map(add)(x, y=x),
        "keyword-only": lambda: map(add)(x=x, y=x),
        "keyword-beside-in-axes": lambda: map(add, in_axes=(0,))(x, y=x),
        "default-argument": lambda: map(add)(x),
        "instance": lambda: map(scaled)(x),
        "bound-method": lambda: map(scaled.method)(x),
        "class": lambda: map(Pair)(x, x),
        "partial": lambda: map(functools.partial(add, y=2.0))(x),
        "partial-of-a-method": lambda: map(functools.partial(scaled.method, factor=2))(x),
        "builtin": lambda: map(operator.add)(x, x),
        "jax-function": lambda: map(jnp.add)(x, x),
        "numpy-function": lambda: map(np.sin)(x),
        "jitted": lambda: map(jax.jit(add))(x, x),
        "inside-jit": lambda: jax.jit(map(add))(x, x),
        "map-of-a-map": lambda: map(jax.vmap(add))(x, x),
        "static-argument": lambda: map(times, in_axes=(0, None))(x, 2),
        "python-numbers": lambda: map(jnp.negative)([1.0, 2.0]),
        "numpy-array": lambda: map(same)(np.ones((3, 2))),
        "numpy-float64": lambda: map(same)(np.ones(3, np.float64)),
        "text": lambda: map(lambda a, b: a)(x, "text"),
        "text-not-mapped": lambda: map(lambda a, b: a, in_axes=(0, None))(x, "text"),
        "keys": lambda: map(jax.random.key_data)(keys),
        "keys-of-numbers": lambda: map(lambda k: jax.random.split(k, 1))(
            jnp.zeros((3, 2), jnp.uint32)
        ),
        "values-of-a-dict": lambda: map(sum)({"a": x}.values()),
        "gives-nothing": lambda: map(lambda a: None)(x),
        "gives-a-python-number": lambda: map(lambda a: 1)(x),
        "gives-a-numpy-array": lambda: map(lambda a: np.ones(2, np.float32))(x),
        "gives-a-tree": lambda: map(lambda a: {"a": [a, (a, None)]})(x),
        "gives-a-truth-value": lambda: map(lambda a: a.sum() > 2)(x),
        "times-a-python-number": lambda: map(lambda a: a * 2.5)(jnp.arange(3, dtype=jnp.int8)),
    }


def axis_names(map: Map) -> Forms:
    """What a function may do with the name of the mapped axis."""
    x = whole(2, 4)
    lax = jax.lax

    def named(function: Callable[[Any], Any], name: Any = "i", **options: Any) -> Any:
        return map(function, axis_name=name, **options)(x)

    return {
        "axis-name-psum": lambda: named(lambda a: lax.psum(a, "i")),
        "axis-name-psum-of-a-number": lambda: named(lambda a: a * len(range(lax.psum(1, "i")))),
        "axis-name-psum-of-a-constant": lambda: named(lambda a: lax.psum(jnp.ones(2), "i")),
        "axis-name-psum-out-axes-none": lambda: named(lambda a: lax.psum(a, "i"), out_axes=None),
        "axis-name-pmean-of-integers": lambda: map(lambda a: lax.pmean(a, "i"), axis_name="i")(
            jnp.arange(2)
        ),
        "axis-name-axis-index": lambda: named(lambda a: lax.axis_index("i")),
        "axis-name-all-gather": lambda: named(lambda a: lax.all_gather(a, "i")),
        "axis-name-ppermute": lambda: named(lambda a: lax.ppermute(a, "i", [(0, 1)])),
        "axis-name-pswapaxes": lambda: named(lambda a: lax.pswapaxes(a[:2], "i", 0)),
        "axis-name-psum-scatter": lambda: named(lambda a: lax.psum_scatter(a[:2], "i")),
        "axis-name-a-tuple": lambda: named(lambda a: lax.psum(a, ("i",))),
        "axis-name-an-object": lambda: named(lambda a: lax.psum(a, 7), name=7),
        "axis-name-groups": lambda: named(lambda a: lax.psum(a, "i", axis_index_groups=[[0], [1]])),
        "axis-name-shadowed": lambda: named(jax.vmap(lambda b: lax.psum(b, "i"), axis_name="i")),
        **{
            f"axis-name-none-{name}": functools.partial(named, of)
            for name, of in _over_no_axis().items()
        },
        "axis-name-gradient": lambda: named(jax.grad(lambda a: lax.psum(jnp.sum(a * a), "i"))),
    }


def _over_no_axis() -> dict[str, Callable[[Any], Any]]:
    """Collectives over no axis at all, which are to give what they are given."""
    lax = jax.lax
    return {
        "psum": lambda a: lax.psum(a, ()),
        "pmean": lambda a: lax.pmean(a, ()),
        "pmax": lambda a: lax.pmax(a, ()),
        "all-gather": lambda a: lax.all_gather(a, (), tiled=True),
        "psum-scatter": lambda a: lax.psum_scatter(a, (), tiled=True),
        "all-to-all": lambda a: lax.all_to_all(a, (), 0, 0, tiled=True),
    }


def inside(map: Map) -> Forms:
    """Functions of functions under a map: control flow, callbacks, custom rules."""
    x = whole(3, 2)
    lax = jax.lax
    shape = jax.ShapeDtypeStruct((2,), jnp.float32)

    def callback(**options: Any) -> Any:
        return map(lambda a: jax.pure_callback(np.negative, shape, a, **options))(x)

    @jax.custom_batching.custom_vmap
    def ruled(a: Any) -> Any:
        return a

    @ruled.def_vmap
    def _rule(axis_size: int, in_batched: Any, a: Any) -> Any:
        return a + axis_size, True

    return {
        "cond-on-what-is-mapped": lambda: map(lambda a: lax.cond(a[0] > 2, jnp.negative, same, a))(
            x
        ),
        "switch-on-what-is-mapped": lambda: map(
            lambda i: lax.switch(i, [lambda: 1.0, lambda: 2.0])
        )(jnp.arange(2)),
        "while-until-what-is-mapped": lambda: map(
            lambda a: lax.while_loop(lambda c: c < 10.0, lambda c: c * 2, a[0])
        )(x),
        "fori-to-what-is-mapped": lambda: map(lambda n: lax.fori_loop(0, n, lambda i, c: c + i, 0))(
            jnp.arange(3)
        ),
        "scan": lambda: map(lambda a: lax.scan(lambda c, b: (c + b, c), 0.0, a))(x),
        "lax-map": lambda: map(lambda a: lax.map(jnp.negative, a))(x),
        "gradient": lambda: map(jax.grad(lambda a: jnp.sum(a * a)))(x),
        "value-and-grad": lambda: map(jax.value_and_grad(lambda a: (jnp.sum(a), a), has_aux=True))(
            x
        ),
        "jacobian": lambda: map(jax.jacrev(lambda a: a * a))(x),
        "checkpoint": lambda: map(jax.grad(jax.checkpoint(lambda a: jnp.sum(a * a))))(x),
        "callback": callback,
        "callback-sequential": lambda: callback(vmap_method="sequential"),
        "callback-expand-dims": lambda: callback(vmap_method="expand_dims"),
        "callback-broadcast-all": lambda: callback(vmap_method="broadcast_all"),
        "callback-vectorized": lambda: callback(vectorized=True),
        "custom-vmap": lambda: map(ruled)(x),
        "sequential-vmap": lambda: map(jax.custom_batching.sequential_vmap(jnp.negative))(x),
        "vectorize": lambda: map(jnp.vectorize(jnp.sum, signature="(n)->()"))(x),
        "eval-shape": lambda: map(lambda a: jax.eval_shape(same, a).shape[0] * a)(x),
    }


def vmap_alone() -> Forms:
    """What only `jax.vmap` takes, and what is around it."""
    x, vmap = whole(3, 2), jax.vmap
    return {
        "in-axes-at-the-end": lambda: vmap(jnp.sum, in_axes=-1)(x),
        "spmd-axis-name": lambda: vmap(same, spmd_axis_name="i")(x),
        # Of pmap, it ends the process in releases before 0.8.
        "no-example": lambda: vmap(same)(jnp.zeros((0, 4))),
        "vmap-of-a-vmap": lambda: vmap(vmap(add), in_axes=(1, 1), out_axes=1)(x, x),
        "gradient-of-vmap": lambda: jax.grad(lambda a: vmap(jnp.sum)(a).sum())(x),
        "jit-lowered": lambda: jax.jit(vmap(add)).lower(x, x).compile()(x, x),
        "as-decorator": lambda: functools.partial(vmap, in_axes=1)(same)(x),
        "wrapped-and-lowered": lambda: _wrapped(vmap).lower(x, x).compile()(x, x),
        "traced-once": lambda: _traces(vmap, x),
        "read-back-from-the-compilation-cache": lambda: read_back.mapped_loop(vmap),
    }


def _wrapped(map: Map) -> Any:
    """A function that says it is a compiled one, which it only calls."""
    compiled = jax.jit(map(add))
    return functools.wraps(compiled)(lambda *given: 1 + compiled(*given))


def _traces(map: Map, x: Any) -> Any:
    """How many times one mapped function is traced for three calls."""
    count = []
    mapped = map(lambda a: count.append(1) or a)  # type: ignore[func-returns-value]  # counts
    for _ in range(3):
        mapped(x)
    return np.int32(len(count))


def pmap_alone() -> Forms:
    """What only `jax.pmap` takes, and where its results live."""
    x = whole(2, 4)

    def pmap(*arguments: Any, **options: Any) -> Any:
        if jax.device_count() < 2:
            raise Absent("it takes two devices")
        return needed("jax.pmap")(*arguments, **options)

    def shard(result: Any) -> Any:
        return result.addressable_shards[0].data

    def elsewhere(array: Any) -> Any:
        return jax.device_put(array, jax.devices()[-1])

    def in_columns(array: Any) -> Any:
        return meshes.put(array, meshes.mesh((2,), ("i",)), None, "i")

    return {
        "argument-on-another-device": lambda: pmap(same)(elsewhere(x)),
        "argument-on-another-device-within-jit": lambda: jax.jit(pmap(same))(elsewhere(x)),
        "argument-divided-by-columns": lambda: pmap(same)(in_columns(x)),
        "shared-argument-on-another-device": lambda: pmap(add, in_axes=(0, None))(
            x, elsewhere(x[0])
        ),
        "result-of-a-map-as-argument": lambda: pmap(same)(pmap(add)(x, x)),
        "result-along-another-axis-as-argument": lambda: pmap(same)(pmap(same, out_axes=1)(x)),
        "result-and-what-is-on-another-device": lambda: pmap(same)(x) + elsewhere(x),
        "one-axis-for-all-and-a-keyword": lambda: pmap(lambda a, b: a[0] + b[0], in_axes=1)(
            x.T, b=x
        ),
        "lowered-with-a-keyword": lambda: pmap(lambda a, b: a + b).lower(x, b=x).compile()(x, b=x),
        "static-argument-of-pmap": lambda: pmap(add, static_broadcasted_argnums=1)(x, 2),
        "donated": lambda: pmap(same, donate_argnums=0)(jnp.array(x)),
        "devices": lambda: pmap(same, devices=jax.devices()[:2])(x),
        "shard-of-a-result": lambda: shard(pmap(same)(x)),
        "first-of-a-result": lambda: pmap(same)(x)[0],
        "kind-of-sharding": lambda: type(pmap(same)(x).sharding).__name__,
        "pmap-of-pmap": lambda: pmap(pmap(add))(x[:1, :1], x[:1, :1]),
        "shape-inside": lambda: pmap(lambda a: jnp.array(a.shape))(x),
        "gradient-of-pmap": lambda: jax.grad(lambda a: pmap(jnp.sum)(a).sum())(x),
        "pmap-lowered": lambda: pmap(add).lower(x, x).compile()(x, x),
    }


def shard_map() -> Forms:
    """Forms of `jax.shard_map`, and of what it was before it had that name."""
    x, spec = whole(4, 2), jax.sharding.PartitionSpec
    rows, lax, on = meshes.ROWS, jax.lax, meshes.over_two_devices

    def made() -> Any:
        return needed("jax.make_mesh")((2,), ("i",), devices=jax.devices()[:2])

    return {
        "specs": lambda: on(same)(x),
        "specs-a-tuple": lambda: on(add, (rows, spec()))(x, x[:2]),
        "specs-a-dict": lambda: on(lambda d: d, ({"a": rows},), {"a": rows})({"a": x}),
        "spec-none": lambda: on(add, (rows, None))(x, x[:2]),
        "psum": lambda: on(lambda a: lax.psum(a, "i"), rows, spec())(x),
        "psum-of-a-number": lambda: on(lambda a: a * len(range(lax.psum(1, "i"))))(x),
        "not-replicated": lambda: on(same, rows, spec())(x),
        "not-replicated-unchecked": lambda: on(same, rows, spec(), check_vma=False)(x),
        "check-rep": lambda: on(same, rows, spec(), check_rep=False)(x),
        "axis-names": lambda: on(same, axis_names={"i"})(x),
        "all-gather": lambda: on(lambda a: lax.all_gather(a, "i", tiled=True), rows, rows)(x),
        "inside-jit": lambda: jax.jit(on(same))(x),
        "gradient": lambda: jax.grad(lambda a: on(lambda b: b * b)(a).sum())(x),
        "vmapped": lambda: jax.vmap(on(same), in_axes=1, out_axes=1)(x),
        "mesh-of-make-mesh": lambda: on(same, mesh=made())(x),
        "axes-of-make-mesh": lambda: str(getattr(made(), "axis_types", "none")),
        "kind-of-sharding": lambda: type(on(same)(x).sharding).__name__,
    }
