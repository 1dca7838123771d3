# expect: conforms
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
from jax.experimental import pallas as pl
def kernel(x_ref, o_ref): o_ref[...] = x_ref[...] * x_ref[...]
def vectorized_square(x):
    x = jnp.asarray(x)
    return pl.pallas_call(kernel, out_shape=jax.ShapeDtypeStruct(x.shape, x.dtype), interpret=True)(x)
