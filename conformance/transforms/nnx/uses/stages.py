"""What is compiled by stages, told apart by what its modules are, and called by itself from within."""

import functools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import (
    FEATURES,
    OUTPUTS,
    Setting,
    Use,
    has_tracer,
    variables,
)

BATCHES, ROWS, CLASSES = 2, 4, 3
"""How often metrics are updated, and with what."""
MASK = np.array([True, True, False, False])


def _metrics(loss: str = "loss") -> Any:
    """Metrics of every kind, one of which holds others."""
    make: Any = nnx
    kinds = make.metrics
    return make.MultiMetric(
        right=kinds.Accuracy(),
        mean=kinds.Average(loss),
        spread=kinds.Welford(loss),
        inner=make.MultiMetric(mean=kinds.Average(loss), number=kinds.Average("number")),
    )


def _scores(logits: Any, labels: Any, losses: Any, positive: Any) -> Any:
    """What the metrics of each member are after each batch, in NumPy."""
    right, some = np.argmax(logits, -1) == labels, losses[:, :, :2]
    seen = []
    for n in range(1, BATCHES + 1):
        far = losses[:, :n].reshape(len(losses), -1)
        spread = far.std(1)
        seen.append(
            {
                "right": right[:, :n].mean((1, 2), dtype=np.float32),
                "mean": some[:, :n].mean((1, 2)),
                "inner": {"mean": far.mean(1), "number": np.full(len(far), 3, np.float32)},
                "spread": [far.mean(1), spread, spread / np.sqrt(np.float32(n * ROWS))],
                "positive": positive[:, :n, :2].mean((1, 2), dtype=np.float32),
            }
        )
    return seen


def metrics_of_kinds(s: Setting) -> Any:
    """Metrics of all kinds, also within others, are made, updated, asked and begun anew for each member."""
    transforms: Any = nnx
    logits = s.whole(5, s.size, BATCHES, ROWS, CLASSES) + 0.125 * jnp.arange(CLASSES)
    labels = jnp.abs(s.whole(7, s.size, BATCHES, ROWS)).astype(jnp.int32) % CLASSES
    losses = 4 * s.whole(6, s.size, BATCHES, ROWS)

    def give(metrics: Any, binary: Any, logits: Any, labels: Any, losses: Any) -> Any:
        mask = jnp.asarray(MASK)
        metrics.update(logits=logits, labels=labels, loss=losses, number=3, mask={"mean": mask})
        binary.update(logits=logits[:, 0], labels=labels, mask=mask)
        found = dict(metrics.compute(), positive=binary.compute())
        spread = found["spread"]
        spread = [spread.mean, spread.standard_deviation, spread.standard_error_of_mean]
        return {**found, "spread": spread}

    def make(_: Any) -> Any:
        return _metrics(), transforms.metrics.Accuracy(threshold=0.5)

    def begin(metrics: Any, binary: Any) -> None:
        metrics.reset()
        binary.reset()

    def mapped() -> Any:
        both = s.map(make, in_axes=0)(losses)
        call = transforms.jit(s.map(give, in_axes=0), **s.mode)
        seen = [call(*both, logits[:, n], labels[:, n], losses[:, n]) for n in range(BATCHES)]
        # A root is rounded, and nothing else.
        near = [
            np.allclose(a["spread"], b["spread"], 1e-5) for a, b in zip(seen, right, strict=True)
        ]
        for each in seen:
            each["spread"] = each["spread"][0]
        s.map(begin, in_axes=0)(*both)
        left = [np.sum(np.abs(leaf)) for leaf in jax.tree_util.tree_leaves(nnx.state(both))]
        return seen, np.array(near), np.array([each == 0 for each in left])

    positive = (np.asarray(logits[..., 0]) >= 0.5) == (np.asarray(labels) > 0)
    right = _scores(np.asarray(logits), np.asarray(labels), np.asarray(losses), positive)
    expected = [{**each, "spread": each["spread"][0]} for each in right]
    return mapped, (expected, np.ones(BATCHES, bool), np.ones(13, bool))


@functools.cache
def _adam() -> Any:
    """One rule for steps: two that are made alike are not the same functions."""
    import optax

    return optax.adam(0.5)


def _kinds(rngs: Any) -> dict[str, Any]:
    """Modules of every kind that Flax has, which hold names, functions, types, sizes and each other."""
    make: Any = nnx
    cell = partial(make.GRUCell, FEATURES, OUTPUTS)
    net = nnx.Linear(FEATURES, OUTPUTS, rngs=rngs)
    return {
        "metrics": _metrics(),
        "other metrics": _metrics("other"),
        "optimizer": make.Optimizer(net, _adam(), wrt=nnx.Param),
        "list": make.List([net, make.Dict(a=nnx.Dropout(0.5, rngs=rngs))]),
        "another list": make.List([net, make.Dict(b=nnx.Dropout(0.5, rngs=rngs))]),
        "sequence": make.Sequential(net, jax.nn.relu, nnx.LayerNorm(OUTPUTS, rngs=rngs)),
        "another sequence": make.Sequential(net, jax.nn.tanh, nnx.LayerNorm(OUTPUTS, rngs=rngs)),
        "lora": make.LoRALinear(FEATURES, OUTPUTS, lora_rank=2, rngs=rngs),
        "both ways": make.Bidirectional(
            make.RNN(cell(rngs=rngs)), make.RNN(cell(rngs=rngs)), rngs=rngs
        ),
        "attention": make.MultiHeadAttention(2, FEATURES, rngs=rngs, decode=False),
        "norm": nnx.BatchNorm(FEATURES, rngs=rngs),
        "other norm": nnx.BatchNorm(FEATURES, momentum=0.5, rngs=rngs),
        "convolution": nnx.Conv(FEATURES, OUTPUTS, (3,), rngs=rngs),
        "average": make.EMA(net, 0.5),
        "streams": nnx.Rngs(params=0, noise=1),
        "shared": make.Dict(a=net, b=net),
    }


def told_apart(s: Setting) -> Any:
    """What modules of all kinds are made of is hashed, is alike for two of a kind, and tells kinds apart."""
    by_hand: Any = nnx

    def found() -> dict[str, Any]:
        graphs: dict[str, Any] = {}

        def split() -> Any:
            for name, module in _kinds(nnx.Rngs(s.seed)).items():
                graphs[name] = by_hand.split(module)[0]
            return jnp.zeros(())

        # No value is computed.
        jax.eval_shape(split)
        return graphs

    def mapped() -> Any:
        first, last = found(), found()
        hashes = [hash(first[name]) == hash(last[name]) for name in first]
        same = [first[name] == last[name] for name in first]
        apart = len({*first.values(), *last.values()}) == len(first)
        metrics = s.map(lambda _: _metrics(), in_axes=0)(s.inputs())
        graph, state = by_hand.split(metrics)
        traced: list[None] = []

        def ask(graph: Any, state: Any) -> Any:
            traced.append(None)
            return jax.vmap(lambda state: read(nnx.merge(graph, state).mean.total))(state)

        compiled = jax.jit(ask, static_argnums=0)
        totals = [compiled(each, state) for each in (graph, by_hand.split(metrics)[0])]
        right = [all(hashes), all(same), apart, len(traced) == 1]
        return np.array(right), totals

    zeros = jnp.zeros(s.size)
    return mapped, (np.ones(4, bool), [zeros, zeros])


def _staged(traced: Any) -> tuple[Any, list[bool]]:
    """What is compiled of what is traced, and whether each stage tells of itself what JAX's does."""
    lowered = traced.lower()
    compiled = lowered.compile()
    told = [isinstance(each.as_text(), str) for each in (lowered, compiled)]
    given = [traced.out_info, lowered.out_tree, compiled.out_tree, compiled.runtime_executable()]
    given += [compiled.input_shardings, compiled.output_shardings, lowered.compiler_ir()]
    return compiled, [*told, *(each is not None for each in given)]


def compiled_by_stages(s: Setting) -> Any:
    """A map is traced, lowered and compiled by hand, with and without a held module and a static argument."""
    transforms: Any = nnx
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("data",))
    place = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())

    def mapped() -> Any:
        net, x = s.ensemble(), jax.device_put(s.inputs(), place)

        def step(net: Any, times: Any, x: Any) -> Any:
            call = s.map(lambda net, x: times * net(x), in_axes=(s.axes_of(net, s.filters()), 0))
            return call(net, x)

        jit = partial(transforms.jit, step, static_argnums=1, **s.mode)
        shapes = jit().eval_shape(net, 2, x)
        nothing = read(net.total), has_tracer(net)
        staged, told = _staged(jit().trace(net, 2, x))
        y = [staged(net, x), jit().lower(net, 2, x).compile()(net, x)]
        # Its placing is that of what is left where the static argument is taken out.
        y.append(jit(in_shardings=(place, place), out_shardings=place)(net, 2, x))
        if s.mode:
            mode = {"graph": s.mode.get("graph", True), "graph_updates": False}
            make = partial(transforms.jit_partial, **mode)
            held = make(step, net, static_argnums=1)
            placed = {"in_shardings": (place, place), "out_shardings": place}
            twice = make(lambda net, x: step(net, 2, x), net, **placed)
            staged, of_held = _staged(held.trace(2, x))
            shapes = held.eval_shape(2, x)
            y += [held(2, x), twice(x), held.lower(2, x).compile()(x), staged(x)]
            told += of_held
        told += [shapes.shape == y[0].shape, shapes.dtype == y[0].dtype]
        return y, variables(net), nothing, np.array(told)

    count = 7 if s.mode else 3
    one = s.expected()["y"]
    total = s.values()["total"]
    after = {**s.values(), "total": total + count * one}
    nothing = total, np.array(False)
    return mapped, (
        [2 * one] * count,
        s.placed(after),
        nothing,
        np.ones(20 if s.mode else 11, bool),
    )


def held_and_static(s: Setting) -> Any:
    """A compiled map that holds its module is told where its arguments lie, of which one is static."""
    transforms: Any = nnx
    mode = {"graph": s.mode.get("graph", True), "graph_updates": False}
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("data",))
    place = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())

    def step(net: Any, times: Any, x: Any) -> Any:
        axes = transforms.prefix(net, s.filters(), graph=mode["graph"])
        return times * s.mapping(lambda net, x: net(x), in_axes=(axes, 0), **mode)(net, x)

    def mapped() -> Any:
        net = s.ensemble()
        held = transforms.jit_partial(
            step, net, static_argnums=1, in_shardings=(place, place), **mode
        )
        # The placings are those of what is not static: the module, and what comes after.
        return held(2, jax.device_put(s.inputs(), place)), variables(net)

    one = s.expected()
    return mapped, (2 * one.pop("y"), one)


def told_of_compiled(s: Setting) -> Any:
    """A compiled map tells of its arguments what was told of them before."""
    transforms: Any = nnx

    def mapped() -> Any:
        net, x = s.ensemble(), s.inputs()
        call = s.map(lambda net, x: net(x), in_axes=(s.axes_of(net, s.filters()), 0))
        lowered = transforms.jit(call, **s.mode).lower(net, x)
        compiled = lowered.compile()
        told = [jax.tree_util.tree_leaves(each.args_info) for each in (lowered, compiled)]
        return np.array([told[0] == told[1], len(told[0]) == 4]), compiled(net, x), variables(net)

    one = s.expected()
    return mapped, (np.ones(2, bool), one.pop("y"), one)


USES: dict[str, Use] = {
    "use.metrics-of-kinds": metrics_of_kinds,
    "use.told-apart": told_apart,
    "use.compiled-by-stages": compiled_by_stages,
    "use.held-and-static": held_and_static,
    "use.told-of-compiled": told_of_compiled,
}

NEEDS: dict[str, str] = {
    "use.metrics-of-kinds": "0.12.8",
    "use.told-apart": "0.12.8",
    "use.compiled-by-stages": "0.12.8",
    "use.held-and-static": "0.12.8",
    "use.told-of-compiled": "0.10.7",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""
