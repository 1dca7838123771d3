"""Modules bridged from Linen that a map calls first, by their methods, or for what they write."""

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


class Coder(nn.Module):
    """A module of Linen of three methods, of which two are counted where that may be written."""

    def setup(self) -> None:
        """Make the parameter and the count."""
        self.w = self.param("w", _roll, (FEATURES, OUTPUTS), None)
        self.count = self.variable("batch_stats", "count", jnp.zeros, ())

    def _counted(self, number: int) -> None:
        if self.is_mutable_collection("batch_stats") and not self.is_initializing():
            self.count.value = self.count.value + number

    def __call__(self, x: Any) -> Any:
        """Give x w for `x` of shape (FEATURES,)."""
        self._counted(1)
        return jnp.dot(x, self.w)

    def encode(self, x: Any, times: int = 1) -> Any:
        """Give so many times x w."""
        self._counted(10)
        return times * jnp.dot(x, self.w)

    def decode(self, y: Any) -> Any:
        """Give w y for `y` of shape (OUTPUTS,)."""
        return jnp.dot(self.w, y)


WRITTEN = {"mutable": ["batch_stats"]}
"""What of a bridged module a call may write to."""


def _coders(s: Setting) -> Any:
    """A bridged module for each member, made under the map."""

    def make(key: Any) -> Any:
        bridge: Any = nnx.bridge.ToNNX(Coder(), rngs=nnx.Rngs(params=key))
        return bridge.lazy_init(jnp.ones(FEATURES))

    return s.map(make, in_axes=0)(jax.random.split(jax.random.key(s.seed), s.size))


def bridged_by_method(s: Setting) -> Any:
    """The methods of a bridged module are called by name, as functions and as attributes, in every way."""

    def called(module: Any, x: Any) -> Any:
        y = module(x, method="encode", times=3, **WRITTEN)
        again = module(x, method=Coder.encode), module.encode(x, times=2, **WRITTEN)
        return [y, *again, module.decode(module(x))]

    def mapped() -> Any:
        module = _coders(s)
        w, x = read(module.w), s.inputs()
        y = jnp.einsum("bf,bfo->bo", x, w)
        given = s.map(called, in_axes=0)(module, x)
        right = [3 * y, y, 2 * y, jnp.einsum("bfo,bo->bf", w, y)]
        return [one - other for one, other in zip(given, right, strict=True)]

    zeros = jnp.zeros((s.size, OUTPUTS))
    return mapped, [zeros, zeros, zeros, jnp.zeros((s.size, FEATURES))]


def _writing(method: str, module: Any, x: Any) -> Any:
    return module(x, method=method, **WRITTEN)


def bridged_writes(s: Setting) -> Any:
    """What a call of a bridged module writes is kept in the map's mode, in every call."""

    def mapped() -> Any:
        module = _coders(s)
        counts = []
        for method in ("__call__", "encode"):
            s.map(partial(_writing, method), in_axes=0)(module, s.inputs())
            counts.append(read(module.count))
        return counts

    return mapped, [jnp.full(s.size, count, jnp.float32) for count in (1, 11)]


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


USES: dict[str, Use] = {
    "use.bridged-lazily": bridged_lazily,
    "use.bridged-by-method": bridged_by_method,
    "use.bridged-writes": bridged_writes,
}

NEEDS: dict[str, str] = dict.fromkeys(USES, "0.12")
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ("use.bridged-lazily",)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
