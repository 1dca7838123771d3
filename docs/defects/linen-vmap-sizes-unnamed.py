"""errors.sizes-disagree does not hold for flax.linen.vmap on dot-product.

Mapped arguments whose batch axes have different sizes raise ValueError, which shows a shape.
expected ValueError, since the arguments disagree about the number of examples, with one of (4,
2), [4,2] in its message; it says ValueError: Inconsistent batch axis sizes: {3, 4}

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

from typing import Any


def dot_product(x: Any, y: Any) -> Any:
    """(n,), (n,) to ()."""
    return jnp.dot(x, y)

function = dot_product
arguments = (array('float32', (3, 2), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942]), array('float32', (4, 2), [0.6958053708076477, -1.3924404382705688, 0.49503716826438904,
3.1041676998138428, -0.3653036952018738, -0.7760704755783081, -1.2519217729568481,
-0.9849866032600403]),)
print("mapped by", "flax.linen.vmap", "on jax", jax.__version__)
try:

    import flax.linen as nn


    class Applied(nn.Module):
        def __call__(self, *arguments, **named):
            return function(*arguments, **named)


    Lifted = nn.vmap(
        Applied, in_axes=(0, 0), out_axes=0, variable_axes={}, split_rngs={}, axis_name=None
    )
    mapped = lambda *arguments, **named: Lifted().apply({}, *arguments, **named)

    got = mapped(*arguments)
except Exception as error:
    print("it raised", repr(error)[:300])
    names, message = [kind.__name__ for kind in type(error).__mro__], str(error)
else:
    print("it was accepted")
    names, message = [], ""
says = ('(4, 2)', '[4,2]')
different = 'ValueError' not in names or (says and not any(each in message for each in says))
print("expected", 'ValueError', *says, "\nthey differ" if different else "\nthey agree")
sys.exit(bool(different))
