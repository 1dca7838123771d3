"""Modules of Linen that are compiled within a map: what is compiled once, and what must be compiled anew."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import FEATURES, OUTPUTS, Setting, Use
from conformance.transforms.linen.uses.loops import Product

MULTIPLES = (1, 2, 1, 3)
"""What each of several compiled modules multiplies by: two of them by the same."""


class Multiple(nn.Module):
    """So many times x, counted and sown, of a module whose attributes are lists and arrays, too."""

    times: int
    also: Any

    @nn.compact
    def __call__(self, x: Any, plus: Any = 0) -> Any:
        """Give it, and what else is asked for."""
        count = self.variable("cache", "count", jnp.zeros, ())
        count.value = count.value + self.times
        self.sow("log", "seen", x)
        return self.times * x + jnp.sum(self.also[0]) + plus


class Several(nn.Module):
    """Compiled modules of one class, which differ by what they are made with."""

    lifted: Any
    deeper: Any

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what each gives."""
        each = [
            self.lifted(times, [np.full(2, i % 2)], name=f"m{i}")(x, plus=x)
            for i, times in enumerate(MULTIPLES)
        ]
        deeper = self.deeper(name="deeper")
        told = [deeper(x, depth=depth, kind="ab" * depth) for depth in (1, 2)]
        return each, told


def _compiled() -> Any:
    """Classes with compiled methods, made anew: a method keeps what it has compiled."""

    class Deeper(nn.Module):
        @partial(nn.jit, static_argnames=("depth", "kind"))
        def __call__(self, x: Any, *, depth: int, kind: str) -> Any:
            return len(kind) + (self(x, depth=depth - 1, kind=kind) if depth else x)

    class Method(Multiple):
        def setup(self) -> None:
            self.parts = [Product(), Product()]

        @nn.jit
        def __call__(self, x: Any, plus: Any = 0) -> Any:
            y = self.parts[1](x)
            self.sow("log", "seen", y)
            if self.is_mutable_collection("cache"):
                self.put_variable("cache", "last", y)
            return self.times * y + plus

    return nn.jit(Multiple), Deeper, Method


def compiled_once(s: Setting) -> Any:
    """Compiled modules of a class differ by what they are made with, and by what a call may write to."""
    x, w = s.inputs(), s.whole(4, s.size, FEATURES, OUTPUTS)
    names = [f"m{i}" for i in range(len(MULTIPLES))]
    axes = {"params": s.axis, "cache": 0, "log": 0}

    def mapped() -> Any:
        return jax.jit(run)()

    def run() -> Any:
        *parts, of_method = _compiled()
        lifted = s.ensemble(Several, variable_axes=axes)(*parts)
        counts = {name: {"count": jnp.zeros(s.size)} for name in names}
        given: dict[str, Any] = {"cache": counts}
        results = []
        for written in (["cache"], ["cache", "log"], ["cache", "log"]):
            y, state = lifted.apply(given, x, mutable=written)
            given = {"cache": state["cache"]}
            results.append((y, state))
        method = s.ensemble(of_method, variable_axes=axes)(3, [])
        params = s.placed({"params": {"parts_1": {"w": w}}})
        ways: list[list[str]] = [[], ["log"], ["cache"]]
        also = [method.apply(params, x, x[:, :1], mutable=way) for way in ways]
        return results, also

    x, w = np.asarray(x), np.asarray(w)
    each = [(n + 1) * x + 2 * (i % 2) for i, n in enumerate(MULTIPLES)]
    told = [x + 2 * depth * (depth + 1) for depth in (1, 2)]
    results = []
    for number in (1, 2, 3):
        counts = {
            name: {"count": np.full(s.size, number * n, np.float32)}
            for name, n in zip(names, MULTIPLES, strict=True)
        }
        log = {"log": {name: {"seen": (x,)} for name in names}} if number > 1 else {}
        results.append(((each, told), {"cache": counts, **log}))
    y = np.einsum("bf,bfo->bo", x, w)
    states: list[dict[str, Any]] = [{}, {"log": {"seen": (y,)}}, {"cache": {"last": y}}]
    return mapped, (results, [(3 * y + x[:, :1], state) for state in states])


USES: dict[str, Use] = {"use.compiled-once": compiled_once}

NEEDS: dict[str, str] = {
    # Before, a compiled method could not call itself.
    "use.compiled-once": "0.9",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""
