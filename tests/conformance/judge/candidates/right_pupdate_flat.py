# expect: conforms
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def net(p, x):
    for w, b in p: x = jnp.tanh(x @ w + b)
    return x
def loss(p, x, y): return jnp.mean((net(p, x) - y) ** 2)
def parallel_update(params, x, y, learning_rate):
    D, b, _ = x.shape
    g = jax.grad(loss)(params, x.reshape(D * b, -1), y.reshape(D * b, -1))
    one = jax.tree_util.tree_map(lambda p, d: p - learning_rate * d, params, g)
    return jax.tree_util.tree_map(lambda a: jnp.broadcast_to(a, (D, *a.shape)), one)
