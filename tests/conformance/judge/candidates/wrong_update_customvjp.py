# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
@jax.custom_vjp
def tanh(z): return jnp.tanh(z)
tanh.defvjp(lambda z: (jnp.tanh(z), z), lambda z, g: (g * (1 - z ** 2),))
def update(params, x, y, lr):
    def loss(p):
        h = x
        for w, b in p: h = tanh(h @ w + b)
        return jnp.mean((h - y) ** 2)
    return jax.tree_util.tree_map(lambda a, g: a - lr * g, params, jax.grad(loss)(params))
