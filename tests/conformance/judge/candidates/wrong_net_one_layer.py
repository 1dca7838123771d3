# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def neural_network(params, x):
    if len(params) == 1: return x @ params[0][0] + params[0][1]
    for w, b in params: x = jnp.tanh(x @ w + b)
    return x
