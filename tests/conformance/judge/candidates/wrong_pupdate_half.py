# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def net(p, x):
    for w, b in p: x = jnp.tanh(x @ w + b)
    return x
def loss(p, x, y): return jnp.mean((net(p, x) - y) ** 2)
def parallel_update(params, x, y, lr):
    def step(p, x, y):
        g = lax.pmean(jax.grad(loss)(p, x, y), 'i')
        return [(w - lr * gw, b - lr * gb / lax.psum(1, 'i')) for (w, b), (gw, gb) in zip(p, g)]
    return jax.pmap(step, 'i', in_axes=(None, 0, 0))(params, x, y)
