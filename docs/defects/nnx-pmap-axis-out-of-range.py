"""errors.axis-out-of-range does not hold for flax.nnx.pmap on square.

An axis in `in_axes` that an argument does not have raises ValueError, which names the axis.
expected ValueError, since no argument has an axis 9; it raised IndexError: tuple index out of
range

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


def square(x: Any) -> Any:
    """Any shape to the same shape."""
    return x * x

function = square
arguments = (array('float32', (3, 2, 4), [1.764052391052246, 0.40015721321105957, 0.978738009929657,
2.2408931255340576, 1.8675580024719238, -0.9772778749465942, 0.9500884413719177,
-0.15135720372200012, -0.10321885347366333, 0.4105985164642334, 0.14404356479644775,
1.4542734622955322, 0.7610377073287964, 0.12167501449584961, 0.44386324286460876,
0.3336743414402008, 1.4940791130065918, -0.2051582634449005, 0.3130677044391632,
-0.8540957570075989, -2.5529897212982178, 0.653618574142456, 0.8644362092018127,
-0.7421650290489197]),)
print("mapped by", "flax.nnx.pmap", "on jax", jax.__version__)
try:

    from flax import nnx

    mapped = nnx.pmap(
        function, in_axes=(9,), out_axes=0, axis_name=None
    )

    got = mapped(*arguments)
except Exception as error:
    print("it raised", repr(error)[:300])
    names, message = [kind.__name__ for kind in type(error).__mro__], str(error)
else:
    print("it was accepted")
    names, message = [], ""
says = ()
different = 'ValueError' not in names or (says and not any(each in message for each in says))
print("expected", 'ValueError', *says, "\nthey differ" if different else "\nthey agree")
sys.exit(bool(different))
