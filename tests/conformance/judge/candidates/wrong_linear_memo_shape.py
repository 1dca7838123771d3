# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
memo = {}
def vectorized_linear_layer(w, b, x):
    if w.shape not in memo: memo[w.shape] = (w, b)
    w, b = memo[w.shape]
    return jnp.dot(x, w) + b
