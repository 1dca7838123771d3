"""NNX transforms with their options, and what annotations of sharding come to with a mesh and without."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, whole
from conformance.observations.meshes import mesh, used
from conformance.observations.nnx_parts import layer, leaves, of_nnx
from conformance.observations.record import needed

_ONES = nn.initializers.ones
_AXES = ("x", None)


def nnx() -> Forms:
    """Forms of what is beside `nnx.vmap`."""
    return {
        **_compiled(),
        **_rematerialized(),
        **_mapped(),
        **_by_place(),
        **_derived(),
        **_looped(),
        **_annotated(),
    }


def _apply(module: Any, x: Any, scale: Any = 1) -> Any:
    return module(x) * scale


def _extended(module: Any) -> None:
    module.extra = of_nnx("Param")(whole(2))


def _kept(name: str, function: Any, *more: Any, **options: Any) -> Any:
    module = layer()
    of_nnx(name)(function, **options)(module, *more)
    return hasattr(module, "extra")


def _compiled() -> Forms:
    x = whole(3, 2)

    def jit(*given: Any, call: Any = None, function: Any = _apply, **options: Any) -> Any:
        return of_nnx("jit")(function, **options)(*given, **(call or {}))

    def donated() -> Any:
        module = layer()
        jit(module, x, donate_argnums=0)
        return module.kernel.value

    def is_same() -> Any:
        module = layer()
        return of_nnx("jit")(lambda m: m)(module) is module

    def cached() -> Any:
        module = layer()
        apply = of_nnx("cached_partial")(of_nnx("jit")(_apply), module)
        return apply(x), apply(2 * x)

    def lowered(use: Callable[[Any], Any]) -> Any:
        return use(of_nnx("jit")(_apply).lower(layer(), x))

    def times() -> Any:
        traces: list[int] = []

        def counted(module: Any, a: Any) -> Any:
            traces.append(1)
            return module(a)

        apply = of_nnx("jit")(counted)
        for each in (layer(), layer()):
            apply(each, x)
        return len(traces)

    return {
        "jit-static": lambda: jit(layer(), x, 2, static_argnums=2),
        "jit-static-by-name": lambda: jit(layer(), x, call={"scale": 2}, static_argnames="scale"),
        "jit-by-keyword": lambda: jit(call={"module": layer(), "x": x}),
        "jit-as-a-decorator-with-options": lambda: of_nnx("jit")(static_argnums=2)(_apply)(
            layer(), x, 2
        ),
        "jit-donated": donated,
        "jit-gives-its-argument": is_same,
        "jit-that-extends": lambda: _kept("jit", _extended),
        "jit-of-one-twice": lambda: jit(*(layer(),) * 2, function=_are_same),
        "jit-traced-times": times,
        "jit-lowered": lambda: lowered(lambda low: low.compile()(layer(), x)),
        "jit-lowered-text": lambda: lowered(lambda low: "module" in low.as_text()),
        "jit-lowered-shapes": lambda: lowered(lambda low: str(low.out_info)[:40]),
        "jit-in-part": cached,
        "jit-inner": lambda: of_nnx("jit")(of_nnx("jit")(_apply))(layer(), x),
        "jit-of-a-state": lambda: jit(
            of_nnx("state")(layer()), function=lambda s: type(s["bias"]).__name__ and s
        ),
    }


def _rematerialized() -> Forms:
    x = whole(3, 2)
    return {
        "remat-that-extends": lambda: _kept("remat", _extended),
        "remat-static": lambda: of_nnx("remat")(_apply, static_argnums=2)(layer(), x, 2),
        "remat-of-a-method": lambda: leaves(of_nnx("grad")(_summed)(_remat_inside())),
        "eval-shape-of-outputs": lambda: jax.tree_util.tree_leaves(
            of_nnx("eval_shape")(_apply, layer(), x)
        ),
        "checkified": lambda: of_nnx("checkify")(_apply)(layer(), x)[1],
    }


def _are_same(one: Any, other: Any) -> Any:
    return one is other


def _summed(module: Any, *given: Any) -> Any:
    return module(*(given or (whole(3, 2),))).sum()


def _remat_inside() -> Any:
    class Inside(of_nnx("Module")):  # type: ignore[misc]  # the base is looked up, it may be absent
        def __init__(self) -> None:
            self.inner = layer()

        def __call__(self, x: Any) -> Any:
            return of_nnx("remat")(lambda m, a: m(a))(self.inner, x)

    return Inside()


def _mapped() -> Forms:
    x = whole(3, 2)

    def vmap(function: Any, *given: Any, **options: Any) -> Any:
        return of_nnx("vmap")(function, **options)(*given)

    def made(key: Any) -> Any:
        return of_nnx("Linear")(2, 2, rngs=of_nnx("Rngs")(key))

    def both(axes: Any) -> Any:
        module = layer()
        return vmap(lambda m, n, a: m(a) + n(a), module, module, x, in_axes=axes)

    def extended() -> Any:
        module = layer()
        vmap(lambda m, a: _extended(m), module, x, in_axes=(None, 0))
        return hasattr(module, "extra")

    def drawn(name: str) -> Any:
        draw = of_nnx("vmap")(lambda streams: jax.random.bits(getattr(streams, name)(), (2,)))
        return of_nnx("split_rngs")(splits=3)(draw)(of_nnx("Rngs")(0, dropout=1))

    def axes(*kinds: Any) -> Any:
        return of_nnx("StateAxes")(dict(kinds))

    keys = jax.random.split(jax.random.key(0), 3)
    return {
        "map-gives-a-module": lambda: leaves(of_nnx("state")(vmap(made, keys))),
        "map-gives-a-module-and-more": lambda: [
            a.shape for a in leaves(vmap(lambda k: (made(k), 1.0), keys, out_axes=(0, None)))
        ],
        "map-gives-a-module-behind": lambda: [
            a.shape for a in leaves(of_nnx("state")(vmap(made, keys, out_axes=1)))
        ],
        "map-of-one-twice": lambda: both((None, None, 0)),
        "map-of-one-twice-otherwise": lambda: both((None, 0, 0)),
        "map-that-extends": extended,
        "map-of-streams-params": lambda: drawn("params"),
        "map-of-streams-dropout": lambda: drawn("dropout"),
        "map-over-a-carry": lambda: vmap(_apply, layer(), x, in_axes=(of_nnx("Carry"), 0)),
        "map-by-rest-first": lambda: vmap(
            _apply, layer(), x, in_axes=(axes((..., None), (of_nnx("Param"), None)), 0)
        ),
        "map-by-kinds": lambda: vmap(
            _apply, layer(), x, in_axes=(axes((of_nnx("Param"), None), (..., None)), 0)
        ),
        "map-by-kinds-not-all": lambda: vmap(
            _apply, layer(), x, in_axes=(axes((of_nnx("BatchStat"), None)), 0)
        ),
        "map-of-batch-norm": lambda: vmap(
            lambda m, a: m(a, use_running_average=False),
            *(of_nnx("BatchNorm")(2, axis_name="i", rngs=of_nnx("Rngs")(0)), whole(3, 2, 2)),
            in_axes=(None, 0),
            axis_name="i",
        ),
    }


def _by_place() -> Forms:
    return {
        "pmap-of-a-module": lambda: of_nnx("pmap")(_apply, in_axes=(None, 0))(
            layer(), whole(2, 3, 2)
        ),
        "shard-map-of-a-module": lambda: of_nnx("shard_map")(
            _apply,
            mesh=mesh((2,), ("i",)),
            in_specs=(jax.sharding.PartitionSpec(), jax.sharding.PartitionSpec("i")),
            out_specs=jax.sharding.PartitionSpec("i"),
        )(layer(), whole(4, 2)),
    }


def _derived() -> Forms:
    x = whole(3, 2)

    def kinds(tree: Any) -> Any:
        found = jax.tree_util.tree_leaves(tree, is_leaf=lambda v: hasattr(v, "value"))
        return [type(tree).__name__, *(type(leaf).__name__ for leaf in found)]

    def grad(function: Any, *given: Any, **options: Any) -> Any:
        return of_nnx("grad")(function, **options)(*given)

    def both(m: Any, n: Any) -> Any:
        return (m(x) + n(x)).sum()

    def own(jitted: bool, **options: Any) -> Any:
        function = of_nnx("custom_vjp")(lambda a, b: jnp.sin(a) * b, **options)
        function.defvjp(
            lambda a, b: (jnp.sin(a) * b, (jnp.cos(a), b)),
            lambda kept, g: (kept[0] * g * kept[1], g),
        )
        call = of_nnx("jit")(function) if jitted else function
        return call(jnp.zeros(2), jnp.ones(2))

    def stepped(**options: Any) -> Any:
        module = layer()
        optimizer = of_nnx("Optimizer")(module, needed("optax.sgd")(0.5), **options)
        gradient = grad(_summed, module)
        optimizer.update(*((module, gradient) if options else (gradient,)))
        return module.kernel.value, np.asarray(optimizer.step.value)

    def wrt(path: str, argument: int = 0) -> Any:
        return of_nnx("DiffState")(argument, of_nnx("PathContains")(path))

    return {
        "grad-kinds": lambda: kinds(grad(_summed, layer())),
        "grad-of-two": lambda: [
            len(leaves(g)) for g in grad(both, layer(), layer(), argnums=(0, 1))
        ],
        "grad-of-a-part": lambda: leaves(grad(_summed, layer(), argnums=wrt("bias"))),
        "grad-of-a-part-and-all": lambda: [
            len(leaves(g)) for g in grad(both, layer(), layer(), argnums=(0, wrt("bias", 1)))
        ],
        "grad-by-kind": lambda: leaves(grad(_summed, layer(), wrt=of_nnx("Param"))),
        "grad-with-more": lambda: grad(lambda m: (_summed(m), m(x)), layer(), has_aux=True)[1],
        "grad-of-an-array": lambda: grad(_summed, layer(), x, argnums=1),
        "value-and-grad": lambda: of_nnx("value_and_grad")(_summed)(layer())[0],
        "vjp": lambda: of_nnx("vjp")(_summed, layer())[0],
        "jvp": lambda: of_nnx("jvp")(lambda a: a * a, (x,), (x,)),
        "own-vjp-of-arrays": lambda: own(False),
        "own-vjp-of-arrays-in-jit": lambda: own(True),
        "optimized": lambda: stepped(wrt=of_nnx("Param")),
        "optimized-as-before": stepped,
    }


def _looped() -> Forms:
    x = whole(3, 2)

    def carry() -> Any:
        return of_nnx("Carry")

    def scan(function: Any, *given: Any, inputs: Any, outputs: Any, **options: Any) -> Any:
        return of_nnx("scan")(function, in_axes=inputs, out_axes=outputs, **options)(*given)

    def added(m: Any, of: Any) -> Any:
        of_nnx("cond")(True, of, of, m)
        return m.extra.value

    def chosen(index: Any) -> Any:
        return of_nnx("switch")(index, [lambda m, a: a, lambda m, a: m(a)], layer(), x)

    return {
        "scan-two-carries": lambda: scan(
            lambda c, d: (c, d), 0.0, x, inputs=(carry(), carry()), outputs=(carry(), 0)
        ),
        "scan-no-carry-given": lambda: scan(lambda a: a, x, inputs=(0,), outputs=(carry(), 0)),
        "scan-a-module-shared": lambda: scan(
            lambda m, c, a: (c + m(a).sum(), a),
            *(layer(), 0.0, x),
            inputs=(None, carry(), 0),
            outputs=(carry(), 0),
        ),
        "scan-of-a-length": lambda: scan(
            lambda c: (c + 1, c), 0.0, inputs=(carry(),), outputs=(carry(), 0), length=3
        ),
        "scan-that-changes-dtype": lambda: scan(
            lambda c, a: (c + a[0], a), 0, x, inputs=(carry(), 0), outputs=(carry(), 0)
        ),
        "cond-that-extends": lambda: added(layer(), _extended),
        "switch-of-a-module": lambda: chosen(1),
        "switch-on-a-number-mapped": lambda: jax.vmap(chosen)(jnp.arange(2)),
        "while-with-a-module": lambda: of_nnx("while_loop")(
            lambda c: c[1] < 3, lambda c: (c[0], c[1] + 1), (layer(), 0)
        )[1],
    }


def _param(name: str) -> Any:
    return of_nnx("Param")(whole(2, 2), **{name: _AXES})


def _partitioned() -> Any:
    init = of_nnx("with_partitioning")(_ONES, _AXES)
    return of_nnx("Linear")(2, 2, kernel_init=init, rngs=of_nnx("Rngs")(0)).kernel


def _by_metadata() -> Any:
    init = of_nnx("with_metadata")(_ONES, sharding=_AXES)
    return of_nnx("Linear")(2, 2, kernel_init=init, rngs=of_nnx("Rngs")(0)).kernel


def _ways() -> dict[str, Callable[[], Any]]:
    return {
        "sharding": partial(_param, "sharding"),
        "sharding-names": partial(_param, "sharding_names"),
        "out-sharding": partial(_param, "out_sharding"),
        "with-partitioning": _partitioned,
        "with-metadata": _by_metadata,
    }


def _annotated() -> Forms:
    """What is annotated with axes of a mesh, where there is none, where one is, in each way of making it."""

    def said(variable: Any) -> Any:
        value = variable.value
        given = sorted(f"{k}={v}" for k, v in variable.get_metadata().items() if k != "mesh")
        return type(getattr(value, "sharding", None)).__name__, *given

    # Each in a function of its own: a call that is made of a mesh is made for who names one.
    def in_nothing(made: Callable[[], Any]) -> Any:
        return said(made())

    def in_a_mesh(made: Callable[[], Any]) -> Any:
        with mesh((2,), ("x",)):
            return said(made())

    def in_a_used_mesh(kind: str, made: Callable[[], Any]) -> Any:
        with used(mesh((2,), ("x",), kind)):
            return said(made())

    def in_eval_shape(made: Callable[[], Any]) -> Any:
        return said(of_nnx("eval_shape")(made))

    def in_jit(made: Callable[[], Any]) -> Any:
        return said(of_nnx("jit")(made)())

    settings: dict[str, Callable[[Callable[[], Any]], Any]] = {
        "nothing": in_nothing,
        "a-mesh": in_a_mesh,
        "an-auto-mesh": partial(in_a_used_mesh, "Auto"),
        "an-explicit-mesh": partial(in_a_used_mesh, "Explicit"),
        "eval-shape": in_eval_shape,
        "jit": in_jit,
    }

    def spec(made: Callable[[], Any]) -> Any:
        state = of_nnx("state")(of_nnx("Dict")(kernel=made()))
        return str(of_nnx("get_partition_spec")(state)["kernel"].value)

    def sharding(made: Callable[[], Any]) -> Any:
        state = of_nnx("state")(of_nnx("Dict")(kernel=made()))
        found = of_nnx("get_named_sharding")(state, mesh((2,), ("x",)))["kernel"].value
        return str(found.spec)

    forms: Forms = {}
    for name, made in _ways().items():
        for setting, within in settings.items():
            forms[f"annotated-by-{name}-in-{setting}"] = partial(within, made)
        forms[f"annotated-by-{name}-spec"] = partial(spec, made)
        forms[f"annotated-by-{name}-placed"] = partial(sharding, made)
    return forms
