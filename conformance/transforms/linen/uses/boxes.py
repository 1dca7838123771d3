"""Parameters in boxes, which other modules normalise, and boxes that change what a map adds to them."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from flax import struct
from flax.core import meta

from conformance.transforms.linen.uses.base import FEATURES, MEMBERS, OUTPUTS, Setting, Use, roll


def _rows(key: Any, shape: Any, _: Any = None) -> Any:
    """Numbers of which each column has one alone, so that it is 1 or -1 where the column has length 1."""
    drawn = roll(key, shape)
    first = jnp.where(drawn[:1] < 0, drawn[:1] - 1, drawn[:1] + 1)
    return jnp.concatenate([first, jnp.zeros_like(drawn[1:])])


class Normalised(nn.Module):
    """Two layers whose columns have length 1; the parameter of one is in a box that names its axes."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give what both give for `x` of shape (FEATURES,)."""
        boxed: Any = nn.with_partitioning(_rows, ("in", "out"))
        inits = {"plain": _rows, "boxed": boxed}
        return [
            nn.WeightNorm(nn.Dense(OUTPUTS, use_bias=False, kernel_init=init, name=name))(x)
            for name, init in inits.items()
        ]


def normalised(s: Setting) -> Any:
    """Layers are normalised by their parameters, also by those in boxes, which then name the new axis."""
    x = s.inputs()

    def mapped() -> Any:
        lifted = s.ensemble(Normalised, metadata_params={nn.PARTITION_NAME: MEMBERS})()
        y, variables = lifted.init_with_output(s.key, x)
        again = lifted.apply(variables, x)
        names = ["in", "out"]
        names.insert(s.axis, MEMBERS)
        params = variables["params"]
        right = getattr(params["boxed"]["kernel"], "names", None) == tuple(names)
        kernels = [nn.unbox(params[name]["kernel"]) for name in ("plain", "boxed")]
        signs = [jnp.sign(jnp.moveaxis(kernel, s.axis, 0)[:, 0]) for kernel in kernels]
        wrong = [jnp.round(y[i] - signs[i] * x[:, :1]) for i in range(2)]
        return wrong, jnp.round(again[0] - y[0]), jnp.round(again[1] - y[1]), np.array(right)

    zeros = jnp.zeros((s.size, OUTPUTS))
    return mapped, ([zeros, zeros], zeros, zeros, np.array(True))


class Mean(struct.PyTreeNode, meta.AxisMetadata[Any]):
    """A box that keeps the mean of the members, and gives it to each of them."""

    value: Any

    def unbox(self) -> Any:
        """Give the value."""
        return self.value

    def replace_boxed(self, val: Any) -> Any:
        """Give a box of another value."""
        return self.replace(value=val)

    def add_axis(self, index: int, params: Any) -> Any:
        """Give a box of the mean."""
        return self.replace(value=jnp.mean(self.value, index))

    def remove_axis(self, index: int, params: Any) -> Any:
        """Give a box of the value for each of so many members."""
        each = [self.value] * params["count"]
        return self.replace(value=jnp.stack(each, index))


class Averaged(nn.Module):
    """A parameter and a total, of which all members keep the mean."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give x w for `x` of shape (FEATURES,), and add it to the total."""
        w: Any = self.param("w", lambda key: Mean(jnp.ones(FEATURES)))
        total = self.variable("cache", "total", lambda: Mean(jnp.zeros(FEATURES)))
        y = x * w
        total.value = total.value + y
        return y + total.value


def averaged(s: Setting) -> Any:
    """Boxes that take an axis away where a map adds one give it back where it removes one."""
    x = s.size * s.inputs()

    def mapped() -> Any:
        lifted = s.ensemble(Averaged, metadata_params={"count": s.size})()
        y, variables = lifted.init_with_output(s.key, x)
        again, state = lifted.apply(variables, x, mutable=["cache"])
        return y, again, nn.unbox(variables), nn.unbox(state)

    mean = x.mean(0)
    made = {"params": {"w": jnp.ones(FEATURES)}, "cache": {"total": mean}}
    return mapped, (2 * x, 2 * x + mean, made, {"cache": {"total": 2 * mean}})


USES: dict[str, Use] = {"use.normalised": normalised, "use.averaged": averaged}

# Before, parameters in boxes could not be normalised.
NEEDS: dict[str, str] = {"use.normalised": "0.12.4"}
"""The first release of Flax that has what a use is of, where the oldest has not."""
