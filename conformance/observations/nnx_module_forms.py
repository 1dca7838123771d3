"""Bound methods, loops, gradients and hooks of NNX modules and Variables; modules on a mesh."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, whole
from conformance.observations.meshes import mesh, placed, put, used
from conformance.observations.nnx_parts import layer, of_nnx

_ONES = nn.initializers.ones


def nnx() -> Forms:
    """Forms of what is done with NNX modules beside mapping them."""
    return {**_methods(), **_loops(), **_variables(), **_layers()}


def _counter() -> Any:
    class Counter(of_nnx("Module")):  # type: ignore[misc]  # the base is looked up, it may be absent
        def __init__(self) -> None:
            self.layer = of_nnx("Linear")(2, 2, kernel_init=_ONES, rngs=of_nnx("Rngs")(0))
            self.count = of_nnx("BatchStat")(jnp.zeros(()))

        def __call__(self, x: Any) -> Any:
            self.count.value = self.count.value + 1
            return self.layer(x)

        def apply(self, x: Any) -> Any:
            return self.layer(x)

    return Counter()


def _counted(use: Callable[[Any], Any]) -> Callable[[], Any]:
    """What the use of a module gives, and what the module has counted then; or that it holds a tracer."""

    def form() -> Any:
        module = _counter()
        try:
            given = use(module)
        except Exception as error:
            given = type(error).__name__
        try:
            return given, np.asarray(module.count.value)
        except Exception as error:
            return given, type(error).__name__

    return form


def _methods() -> Forms:
    x = whole(3, 2)
    shared: dict[str, Any] = {"in_axes": (None, 0)}
    forms: Forms = {}
    for name in ("jit", "remat", "vmap", "grad", "value_and_grad"):
        total = "grad" in name
        forms[f"{name}-of-a-bound-method-that-counts"] = _counted(partial(_of_its_method, name, x))
        in_dict = partial(_of_a_dict, name, x, total, **(shared if name == "vmap" else {}))
        forms[f"{name}-of-a-module-in-a-dict"] = _counted(in_dict)
        if not total:
            forms[f"{name}-of-a-bound-method"] = partial(_of_a_method, name, x)
    forms["jax-vmap-of-a-bound-method"] = lambda: jax.vmap(_counter().apply)(x)
    forms["module-twice-in-another"] = lambda: of_nnx("vmap")(
        lambda m, a: m.first(a) + m.second(a), **shared
    )(_pair(layer()), x)
    forms["map-of-held-array"] = lambda: of_nnx("vmap")(lambda m, a: m.held + a, **shared)(
        _holding(jnp.ones(2)), x
    )
    forms["map-of-held-numpy-array"] = lambda: of_nnx("vmap")(lambda m, a: m.held + a, **shared)(
        _holding(np.ones(2, np.float32)), x
    )
    forms["map-of-held-list"] = lambda: of_nnx("vmap")(lambda m, a: m.held[0](a), **shared)(
        _holding([layer()]), x
    )
    forms["map-of-held-key"] = lambda: of_nnx("vmap")(
        lambda m, a: a + 0 * jax.random.normal(m.held, (2,)), **shared
    )(_holding(jax.random.key(0)), x)
    return forms


def _of_a_method(transform: str, x: Any) -> Any:
    return of_nnx(transform)(_counter().apply)(x)


def _of_its_method(transform: str, x: Any, module: Any) -> Any:
    return of_nnx(transform)(module.__call__)(x)


def _of_a_dict(transform: str, x: Any, total: bool, module: Any, **options: Any) -> Any:
    def call(given: Any, a: Any) -> Any:
        return given["m"](a).sum() if total else given["m"](a)

    return of_nnx(transform)(call, **options)({"m": module}, x)


def _holding(value: Any) -> Any:
    module = _counter()
    module.held = value
    return module


def _pair(layer: Any) -> Any:
    class Pair(of_nnx("Module")):  # type: ignore[misc]  # the base is looked up, it may be absent
        def __init__(self) -> None:
            self.first = layer
            self.second = layer

    return Pair()


def _fori() -> Any:
    pair = _pair(_counter())

    def body(i: Any, m: Any) -> Any:
        m.first.count.value = m.first.count.value + 1
        return m

    of_nnx("fori_loop")(0, 3, body, pair)
    return pair.first.count.value, pair.second.count.value


def _fori_of_two() -> Any:
    one, two = _counter(), _counter()

    def body(i: Any, both: Any) -> Any:
        for step, each in enumerate(both, 1):
            each.count.value = each.count.value + step
        return both

    of_nnx("fori_loop")(0, 3, body, (one, two))
    return one.count.value, two.count.value


def _fori_in_jit() -> Any:
    pair = _pair(_counter())

    def body(i: Any, m: Any) -> Any:
        m.first.count.value = m.first.count.value + 1
        return m

    def run(m: Any) -> None:
        of_nnx("fori_loop")(0, 3, body, m)

    of_nnx("jit")(run)(pair)
    return pair.first.count.value, pair.second.count.value


def _until() -> Any:
    counter = _counter()

    def body(m: Any) -> Any:
        m.count.value = m.count.value + 1
        return m

    of_nnx("while_loop")(lambda m: m.count.value < 3, body, counter)
    return counter.count.value


def _loops() -> Forms:
    x = whole(3, 2)

    def scan(**options: Any) -> Any:
        given = jnp.zeros(3 if options else 2), x
        return of_nnx("scan")(lambda c, a: (c + a, c), **options)(*given)

    def carried(m: Any) -> Any:
        both = of_nnx("scan")(
            lambda c, m, a: (m(c), a.sum()),
            in_axes=(of_nnx("Carry"), None, 0),
            out_axes=(of_nnx("Carry"), 0),
        )
        return both(whole(2), m, x)

    def rnn(**options: Any) -> Any:
        made = of_nnx("RNN")(of_nnx("SimpleCell")(2, 2, rngs=of_nnx("Rngs")(0)), **options)
        return jax.tree_util.tree_map(jnp.shape, made(whole(1, 3, 2)))

    def cond(m: Any) -> Any:
        return of_nnx("cond")(True, lambda m, a: m(a), lambda m, a: 2 * m(a), m, x)

    def switch(m: Any) -> Any:
        return of_nnx("switch")(1, [lambda m, a: m(a), lambda m, a: 2 * m(a)], m, x)

    return {
        "fori-loop-of-a-module-twice": _fori,
        "fori-loop-of-two-modules": _fori_of_two,
        "fori-loop-in-jit": _fori_in_jit,
        "while-loop": _until,
        "scan": scan,
        "scan-behind": lambda: scan(in_axes=(of_nnx("Carry"), 1), out_axes=(of_nnx("Carry"), 1)),
        "scan-of-a-shared-module": _counted(carried),
        "rnn": rnn,
        "rnn-in-reverse": lambda: rnn(reverse=True, return_carry=True),
        "cond": _counted(cond),
        "switch": _counted(switch),
    }


def _hooked(hook: str, **of_map: Any) -> Any:
    told = []

    class Hooked(of_nnx("Param")):  # type: ignore[misc]  # the base is looked up, it may be absent
        pass

    def called(self: Any, *given: Any) -> Any:
        told.append(hook)
        return given[0] if given and hasattr(given[0], "shape") else None

    setattr(Hooked, hook, called)
    made = Hooked(jnp.ones(2))
    if of_map:

        def make(rngs: Any) -> Any:
            module = layer()
            module.kernel = Hooked(jnp.ones(2))
            return module

        of_nnx("split_rngs")(splits=3)(of_nnx("vmap")(make, **of_map))(of_nnx("Rngs")(0))
    else:
        made.value = made.value
    return ", ".join(told)


def _names(**options: Any) -> Any:
    def make(rngs: Any) -> Any:
        kernel = of_nnx("with_partitioning")(_ONES, ("a", "b"), **options)
        return of_nnx("Linear")(2, 2, kernel_init=kernel, rngs=rngs)

    made = of_nnx("vmap")(
        make,
        in_axes=None,
        out_axes=0,
        axis_size=3,
        transform_metadata={of_nnx("PARTITION_NAME"): "m"},
    )(of_nnx("Rngs")(0))
    kernel = made.kernel
    metadata = getattr(kernel, "get_metadata", lambda: vars(kernel))()
    found = [v for k, v in metadata.items() if "shard" in k and not isinstance(v, bool | None)]
    return str([tuple(each) for each in found])


def _variables() -> Forms:
    def variable(value: Any = None, **metadata: Any) -> Any:
        return of_nnx("Param")(jnp.ones(2) if value is None else value, **metadata)

    def replaced() -> Any:
        first = variable(tag="first")
        other = first.replace(jnp.zeros(2), tag="other")
        return first.tag, other.tag, type(other).__name__

    def copied() -> Any:
        first = variable(tag="first")
        other = first.copy()
        other.value = jnp.zeros(2)
        return first.value, other.tag

    def gradient(kind: str) -> Any:
        made = of_nnx(kind)(jnp.ones(2))
        given = of_nnx("grad")(lambda v, a: jnp.sum(v.value * a))(made, whole(2))
        return [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(given)]

    def names_on_a_mesh() -> Any:
        chosen = mesh((2, 1), ("a", "b"), "Auto")
        with used(chosen):
            return _names()

    return {
        "variable-replaced": replaced,
        "variable-copied": copied,
        "gradient-by-a-param": lambda: gradient("Param"),
        "gradient-by-a-variable": lambda: gradient("Variable"),
        "hook-get": lambda: _hooked("on_get_value"),
        "hook-set": lambda: _hooked("on_set_value"),
        "hook-create": lambda: _hooked("on_create_value"),
        "hook-axis-added": lambda: _hooked(
            "on_add_axis", transform_metadata={of_nnx("PARTITION_NAME"): "m"}
        ),
        "partition-names": _names,
        "partition-names-on-a-mesh": names_on_a_mesh,
        "streams-have-no-such-name": lambda: hasattr(of_nnx("Rngs")(0), "__jax_array__"),
    }


def _layers() -> Forms:
    x = whole(4, 2)

    def on_mesh(**options: Any) -> Any:
        chosen = mesh((2,), ("x",), "Explicit")
        with used(chosen):
            mapped = of_nnx("vmap")(lambda m, a: m(a), in_axes=(None, 0), **options)
            return placed(of_nnx("jit")(mapped)(layer(), put(x, chosen, "x")))

    def metric() -> Any:
        made = of_nnx("MultiMetric")(mean=of_nnx("metrics.Average")())
        of_nnx("jit")(lambda m: m.update(values=whole(2)))(made)
        return made.compute()["mean"]

    def state_of_attention() -> Any:
        made = of_nnx("MultiHeadAttention")(2, 4, 4, rngs=of_nnx("Rngs")(0))
        return ", ".join(sorted(map(str, of_nnx("state")(made))))

    def drawn_from() -> Any:
        rngs = of_nnx("Rngs")(0, dropout=1)
        of_nnx("Dropout")(0.5, deterministic=False, rngs=rngs)(jnp.ones(2))
        return rngs.dropout.count.value

    return {
        "sharded": on_mesh,
        "sharded-spmd": lambda: on_mesh(spmd_axis_name="x"),
        "metric-in-jit": metric,
        "state-of-attention": state_of_attention,
        "streams-after-dropout": drawn_from,
        "linen-module-mapped": lambda: jnp.shape(
            of_nnx("vmap")(lambda m, a: m(a), in_axes=(None, 0))(
                of_nnx("bridge.ToNNX")(nn.Dense(2), rngs=of_nnx("Rngs")(0)).lazy_init(x), x
            )
        ),
    }
