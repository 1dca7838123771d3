"""errors.within-the-function does not hold for jax.vmap on psum-scatter.

A function that cannot be mapped, or called at all, raises under a map as is documented of it.
it was accepted: the shapes do not fit

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

import jax
import jax.numpy as jnp
from jax import lax, random


def function(a):
    AXIS = 'batch'
    return lax.psum_scatter(a, AXIS)

arguments = (array('float32', (3, 2), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),)
print("mapped by", "jax.vmap", "on jax", jax.__version__)
try:
    import jax
    import jax.numpy as jnp
    from jax import lax


    def refused(x):
        return jax.vmap(lambda y: lax.psum_scatter(y, 'i'), axis_name='i')(jnp.ones((4, 6)))


    function = refused
    mapped = jax.vmap(function, 0, 0, axis_name='batch')
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
