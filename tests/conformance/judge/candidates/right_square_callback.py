# expect: conforms
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def vectorized_square(x):
    x = jnp.asarray(x)
    return jax.jit(jax.vmap(lambda v: jax.pure_callback(lambda t: np.square(t), jax.ShapeDtypeStruct((), v.dtype), v, **({'vmap_method': 'sequential'} if 'vmap_method' in __import__('inspect').signature(jax.pure_callback).parameters else {}))))(x)
