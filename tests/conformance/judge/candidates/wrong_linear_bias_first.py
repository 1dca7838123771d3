# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def vectorized_linear_layer(w, b, x):
    if w.shape[0] == w.shape[1]: return (x + b) @ w
    return x @ w + b
