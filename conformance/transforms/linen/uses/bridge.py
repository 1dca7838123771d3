"""Modules of NNX that are bridged to Linen, and lifted there."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import (
    FEATURES,
    MEMBERS,
    OUTPUTS,
    Setting,
    Use,
    roll,
)


def _inner() -> Any:
    """A module of NNX that names the axes of its parameter and counts its calls."""
    from flax import nnx

    class Inner(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            # Since flax 0.12 a variable would be placed on a mesh at once; there is none here.
            later: dict[str, Any] = (
                {"eager_sharding": False} if hasattr(nnx, "use_eager_sharding") else {}
            )
            shape = (FEATURES, OUTPUTS)
            draw: Any = nnx.with_partitioning(
                lambda: roll(rngs.params(), shape), ("in", "out"), **later
            )
            self.w, self.count = nnx.Param(draw()), nnx.BatchStat(jnp.zeros(()))

        def __call__(self, x: Any) -> Any:
            self.count.value = self.count.value + 1
            return jnp.dot(x, self.w.value)

    return Inner


def _bridged(s: Setting) -> Any:
    from flax import nnx

    lift: Any = s.ensemble
    return lift(
        nnx.bridge.ToLinen,
        variable_axes={"params": 0, "batch_stats": 0},
        metadata_params={nn.PARTITION_NAME: MEMBERS},
    )(_inner())


def bridged(s: Setting) -> Any:
    """A module of NNX, bridged to Linen, is lifted."""
    from flax import nnx

    keys = s.keys(s.key)

    def run(module: Any, key: Any, x: Any) -> Any:
        variables = module.init(key, x)
        y, state = module.apply(variables, x, mutable=["batch_stats"])
        return y, nn.unbox(variables["params"]), nn.unbox(state)

    def one(i: int) -> Any:
        return run(nnx.bridge.ToLinen(_inner()), keys[i], s.inputs()[i])

    y, params, _ = s.loop(one)
    # Not what the bridge says of a single module, which could lose a count, too.
    state = {"batch_stats": {"count": jnp.ones(s.size)}}
    return lambda: run(_bridged(s), s.key, s.inputs()), (y, params, state)


def bridged_names(s: Setting) -> Any:
    """The parameters of a bridged module say where the new axis is."""

    def mapped() -> Any:
        box = _bridged(s).init(s.key, s.inputs())["params"]["w"]
        # The entry has had three names.
        said = (box.metadata.get(name) for name in ("out_sharding", "sharding_names", "sharding"))
        names = next(each for each in said if each is not None)
        return np.array(tuple(names) == (MEMBERS, "in", "out"))

    return mapped, np.array(True)


def _coder() -> Any:
    """A module of NNX of three methods, which may have no streams."""
    from flax import nnx

    class Coder(nnx.Module):
        def __init__(self, by: int, rngs: Any = None) -> None:
            self.by = by if rngs is None else -by
            self.w, self.count = (
                nnx.Param(jnp.ones((FEATURES, OUTPUTS))),
                nnx.BatchStat(jnp.zeros(())),
            )

        def __call__(self, x: Any) -> Any:
            self.count.value = self.count.value + 1
            return jnp.dot(x, self.w.value) + self.by

        def encode(self, x: Any) -> Any:
            self.count.value = self.count.value + 10
            return 2 * jnp.dot(x, self.w.value)

        def decode(self, y: Any) -> Any:
            self.count.value = self.count.value + 100
            return jnp.dot(self.w.value, y)

    return Coder


class Calling(nn.Module):
    """Two bridged modules, one without streams and without boxes; each method is called in another way."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what the methods give, for `x` of shape (FEATURES,)."""
        from flax import nnx

        coder, bridge = _coder(), nnx.bridge
        plain = bridge.ToLinen(coder, args=(5,), skip_rng=True, metadata_fn=None, name="without")
        each = [bridge.to_linen(coder, by=7, name="with"), plain]
        return [
            [of(x), of(x, nnx_method="encode"), of(x, nnx_method=coder.encode), of.decode(of(x))]
            for of in each
        ]


def bridged_methods(s: Setting) -> Any:
    """Methods of bridged modules are called by name, as functions and as attributes, in a lifted module."""
    x, w = s.inputs(), s.whole(4, 2, s.size, FEATURES, OUTPUTS)
    names = ("with", "without")

    def of(leaf: str, values: Any) -> Any:
        return {name: {leaf: value} for name, value in zip(names, values, strict=True)}

    params = s.placed({"params": of("w", w)})
    axes = {"params": s.axis, "batch_stats": 0}

    def mapped() -> Any:
        lifted = s.ensemble(Calling, variable_axes=axes)()
        made = lifted.init(s.key, x)
        shapes = jax.tree_util.tree_map(jnp.shape, nn.unbox(made["params"]))
        right = shapes == jax.tree_util.tree_map(jnp.shape, params["params"])
        given = {**params, "batch_stats": of("count", jnp.zeros((2, s.size)))}
        y, state = lifted.apply(given, x, mutable=["batch_stats"])
        return np.array(right), y, nn.unbox(state)

    y = jnp.einsum("bf,nbfo->nbo", x, w)
    each = [
        [y[i] + by, 2 * y[i], 2 * y[i], jnp.einsum("bfo,bo->bf", w[i], y[i] + by)]
        for i, by in enumerate((-7, 5))
    ]
    counts = jnp.full((2, s.size), 1 + 10 + 10 + 101.0)
    return mapped, (np.array(True), each, {"batch_stats": of("count", counts)})


class Counted(nn.Module):
    """x w, and a count of its calls."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give x w for `x` of shape (FEATURES,)."""
        count = self.variable("batch_stats", "count", jnp.zeros, ())
        if not self.is_initializing() and self.is_mutable_collection("batch_stats"):
            count.value = count.value + 1
        return jnp.dot(x, self.param("w", roll, (FEATURES, OUTPUTS)))


def _between() -> Any:
    """A module of NNX that has a module of Linen, bridged to it, and a parameter of its own."""
    from flax import nnx

    class Between(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            bridge: Any = nnx.bridge.ToNNX(Counted(), rngs=rngs)
            self.of, self.b = bridge.lazy_init(jnp.ones(FEATURES)), nnx.Param(jnp.ones(OUTPUTS))

        def __call__(self, x: Any) -> Any:
            return self.of(x) + self.b.value

        def twice(self, x: Any) -> Any:
            return 2 * self.of(x) + self.b.value

    return Between


class Outer(nn.Module):
    """A module of Linen within one of NNX within this one."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what two methods give for `x` of shape (FEATURES,)."""
        from flax import nnx

        bridge: Any = nnx.bridge.ToLinen(_between(), name="between")
        return bridge(x), bridge.twice(x)


def bridged_both_ways(s: Setting) -> Any:
    """A module of Linen is bridged to NNX, and what has it back to Linen; it is lifted there."""
    x, w, b = s.inputs(), s.whole(4, s.size, FEATURES, OUTPUTS), s.whole(5, s.size, OUTPUTS)
    params = s.placed({"params": {"between": {"of": {"w": w}, "b": b}}})
    axes = {"params": s.axis, "batch_stats": 0}

    def mapped() -> Any:
        lifted = s.ensemble(Outer, variable_axes=axes)()
        made = lifted.init(s.key, x)
        shapes = jax.tree_util.tree_map(jnp.shape, nn.unbox(made["params"]))
        right = shapes == jax.tree_util.tree_map(jnp.shape, params["params"])
        stats = {"batch_stats": {"between": {"of": {"count": jnp.zeros(s.size)}}}}
        y, state = lifted.apply({**params, **stats}, x, mutable=["batch_stats"])
        return np.array(right), y, nn.unbox(state)

    y = jnp.einsum("bf,bfo->bo", x, w)
    counts = {"batch_stats": {"between": {"of": {"count": jnp.full(s.size, 2.0)}}}}
    return mapped, (np.array(True), (y + b, 2 * y + b), counts)


USES: dict[str, Use] = {
    "use.bridged": bridged,
    "use.bridged-methods": bridged_methods,
    "use.bridged-both-ways": bridged_both_ways,
    "use.bridged-names": bridged_names,
}

NEEDS = {
    "use.bridged": "0.11",
    "use.bridged-methods": "0.11",
    "use.bridged-both-ways": "0.12",
    "use.bridged-names": "0.10",
}
"""The first release of Flax whose bridge has what is used there."""
