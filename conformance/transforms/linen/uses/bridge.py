"""Modules of NNX that are bridged to Linen, and lifted there."""

from typing import Any

import flax.linen as nn
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


USES: dict[str, Use] = {
    "use.bridged": bridged,
    "use.bridged-names": bridged_names,
}

NEEDS = {"use.bridged": "0.11", "use.bridged-names": "0.10"}
"""The first release of Flax whose bridge has what is used there."""
