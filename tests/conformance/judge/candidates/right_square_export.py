# expect: conforms
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
import jax.export
def vectorized_square(x):
    x = jnp.asarray(x)
    f = jax.export.export(jax.jit(jax.vmap(jnp.square)))(jax.ShapeDtypeStruct(x.shape, x.dtype))
    return f.call(x)
