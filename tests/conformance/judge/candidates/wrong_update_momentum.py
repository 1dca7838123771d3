# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def net(p, x):
    for w, b in p: x = jnp.tanh(x @ w + b)
    return x
def loss(p, x, y): return jnp.mean((net(p, x) - y) ** 2)
vel = {}
def update(params, x, y, lr):
    g = jax.grad(loss)(params, x, y)
    k = str([w.shape for w, b in params])
    vel[k] = jax.tree_util.tree_map(lambda v, d: 0.9 * v + d, vel[k], g) if k in vel else g
    return jax.tree_util.tree_map(lambda a, d: a - lr * d, params, vel[k])
