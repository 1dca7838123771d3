# expect: conforms
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
import flax.linen as nn
import optax
from flax.training.train_state import TrainState
def net(p, x):
    for w, b in p: x = jnp.tanh(x @ w + b)
    return x
def loss(p, x, y): return jnp.mean((net(p, x) - y) ** 2)
def update(params, x, y, learning_rate):
    s = TrainState.create(apply_fn=net, params=params, tx=optax.sgd(learning_rate))
    g = jax.grad(lambda p: jnp.mean((s.apply_fn(p, x) - y) ** 2))(s.params)
    return s.apply_gradients(grads=g).params
