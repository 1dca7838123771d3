# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
fs = {}
def parallel_scale(x, factor):
    n = x.shape[0]
    if n not in fs: fs[n] = jax.pmap(lambda v: v * factor)
    return fs[n](x)
