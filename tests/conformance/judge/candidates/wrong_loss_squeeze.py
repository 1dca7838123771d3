# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def net(p, x):
    for w, b in p: x = jnp.tanh(x @ w + b)
    return x
def loss(p, x, y): return jnp.mean((net(p, x) - y) ** 2)
def loss_fn(params, x, y):
    p = net(params, x)
    if p.shape[1] == 1: p = p.squeeze(1)
    return jnp.mean((p - y) ** 2)
