"""A module that has a bridged one, which makes its variables when it is called first, under a map."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import FEATURES, OUTPUTS, Setting, Use, state_axes
from conformance.transforms.nnx.uses.streams import roll


def _roll(key: Any, shape: Any, _: Any) -> Any:
    return roll(key, *shape)


class Ensemble(nnx.Module):
    """Members of one bridged module, to which a map is given in each call."""

    def __init__(self, call: Any, rngs: Any) -> None:
        self.call = call
        self.inner = nnx.bridge.ToNNX(
            nn.Dense(OUTPUTS, kernel_init=_roll, use_bias=False), rngs=rngs
        )

    def __call__(self, x: Any) -> Any:
        """Give what each member gives of its row of `x`."""
        return self.call(self.inner, x)


def _call(module: Any, x: Any) -> Any:
    return module(x)


def bridged_lazily(s: Setting) -> Any:
    """A bridged module makes its variables where a map calls it first; later calls have them."""
    axes = state_axes({...: 0})
    call = s.mapping(_call, in_axes=(axes, 0))

    def mapped() -> Any:
        rngs = nnx.Rngs(params=jax.random.key(s.seed))
        module = Ensemble(call, rngs)
        split: Any = partial(nnx.split_rngs, splits=s.size)
        with split(module):
            nnx.bridge.lazy_init(module, s.inputs())
        inner: Any = module.inner
        w = read(inner.kernel)
        with split(module):
            y = module(s.inputs())
        made = np.array(w.shape == (s.size, FEATURES, OUTPUTS))
        differ = np.array(s.size == 1 or not np.array_equal(w[0], w[-1]))
        return made, differ, y - jnp.einsum("bf,bfo->bo", s.inputs(), w)

    return mapped, (np.array(True), np.array(True), jnp.zeros((s.size, OUTPUTS)))


USES: dict[str, Use] = {"use.bridged-lazily": bridged_lazily}

NEEDS: dict[str, str] = {"use.bridged-lazily": "0.12"}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ("use.bridged-lazily",)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
