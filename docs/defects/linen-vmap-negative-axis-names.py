"""sharing.metadata does not hold for flax.linen.vmap on partitioned-dense.

Partition names say where an ensemble's axis is, and stay as they are for shared parameters.
names of axes differ: expected {'kernel': ('in', 'out', 'members'), 'bias': ('out', 'members')},
got {'bias': ('out', 'members'), 'kernel': ('in', 'members', 'out')}

Found by vmap-conformance. Prints what was expected and got; exits 1 while they differ.
"""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

import sys

import jax
import jax.numpy as jnp
import numpy as np
from numpy import inf, nan  # in the arrays below



def array(dtype, shape, values):
    return np.array(values, dtype).reshape(shape)


def numbers(leaf):
    is_key = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

inputs = (array('float32', (3, 2), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942]),)
rngs = {'params': jax.random.PRNGKey(0)}
expected = {'kernel': ('in', 'out', 'members'), 'bias': ('out', 'members')}

print("mapped by", "flax.linen.vmap", "on jax", jax.__version__)
try:
    from typing import Any

    import flax.linen as nn
    from flax import struct


    class Labelled(struct.PyTreeNode, nn.meta.AxisMetadata[Any]):
        """A box of a user's own, which names the axes that it is given."""

        value: Any
        names: tuple[str, ...] = struct.field(pytree_node=False)

        def unbox(self) -> Any:
            """Give the value without its box."""
            return self.value

        def replace_boxed(self, val: Any) -> Any:
            """Give a box of the same names that holds `val`."""
            return self.replace(value=val)

        def add_axis(self, index: int, params: dict[Any, Any]) -> Any:
            """Give the box with one more name, that in `params`, for a new axis at `index`."""
            place = index if index >= 0 else index + len(self.names) + 1
            name = params[nn.PARTITION_NAME]
            return self.replace(names=(*self.names[:place], name, *self.names[place:]))

        def remove_axis(self, index: int, params: dict[Any, Any]) -> Any:
            """Give the box without the name of the axis at `index`; `params` is not read."""
            place = index % len(self.names)
            return self.replace(names=(*self.names[:place], *self.names[place + 1 :]))


    class PartitionedDense(nn.Module):
        """Its two parameters say what their axes are called in two ways: Flax's, and one of their own."""

        features: int

        @nn.compact
        def __call__(self, x: Any) -> Any:
            """Map `x` of shape (..., m) to x kernel + bias, of shape (..., features)."""
            draw = nn.with_partitioning(nn.initializers.lecun_normal(), ("in", "out"))
            kernel: Any = self.param("kernel", draw, (x.shape[-1], self.features), jnp.float32)
            bias: Any = self.param(
                "bias", lambda key: Labelled(jnp.zeros(self.features, jnp.float32), ("out",))
            )
            y = jnp.dot(x, kernel)
            return y + jnp.broadcast_to(bias, y.shape)


    plain = PartitionedDense(features=4)
    lifted = nn.vmap(
        PartitionedDense,
        in_axes=(0,),
        out_axes=0,
        variable_axes={'params': -1},
        split_rngs={'params': True},
        metadata_params={'partition_name': 'members'},
    )(features=4)

    def names_of(variables: Any) -> dict[str, Any]:
        """What the axes of boxed parameters are called."""
        return {name: box.names for name, box in variables["params"].items()}


    def names(rngs, *inputs):
        return names_of(lifted.init(rngs, *inputs))

    got = names(rngs, *inputs)
except Exception as error:
    print("it raised", repr(error)[:300])
    print("\nthey differ")
    sys.exit(1)

for name, axes in got.items():
    print("the axes of", name, "are said to be", axes)
different = got != expected
print("expected", expected, "\nthey differ" if different else "\nthey agree")
sys.exit(different)
