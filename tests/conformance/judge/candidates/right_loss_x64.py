# expect: conforms
import jax
jax.config.update('jax_enable_x64', True)
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def net(p, x):
    for w, b in p: x = jnp.tanh(x @ w + b)
    return x
def loss(p, x, y): return jnp.mean((net(p, x) - y) ** 2)
def loss_fn(params, x, y):
    p = [(w.astype(jnp.float64), b.astype(jnp.float64)) for w, b in params]
    return loss(p, x.astype(jnp.float64), y.astype(jnp.float64)).astype(jnp.float32)
