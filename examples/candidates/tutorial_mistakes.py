"""A module with the mistakes that tutorials on parallel training lead to, one in each function."""

import functools

import jax
import jax.numpy as jnp


def neural_network(params, x):
    for weights, biases in params:
        x = jnp.tanh(jnp.dot(x, weights) + biases)
    return x


def loss_fn(params, x, y):
    return jnp.sum((neural_network(params, x) - y) ** 2)  # a sum, not a mean


@functools.partial(jax.jit, static_argnums=0)  # parameters as a static argument
def update(params, x, y, learning_rate):
    gradients = jax.grad(loss_fn)(params, x, y)
    return [
        (w - learning_rate * dw, b - learning_rate * db)
        for (w, b), (dw, db) in zip(params, gradients, strict=False)
    ]


def parallel_scale(x, factor):
    return jax.pmap(lambda value, factor: value * factor)(x, factor)  # a Python scalar is mapped


def parallel_compute(data):
    elements = data.reshape(-1)  # more elements than devices
    return jax.pmap(lambda value: value**2)(elements).reshape(data.shape)


def mean_loss(params, x, y):
    return jnp.mean((neural_network(params, x) - y) ** 2)


@functools.partial(jax.pmap, in_axes=(None, 0, 0, None))
def step(params, x, y, learning_rate):
    gradients = jax.grad(mean_loss)(params, x, y)  # never averaged over the devices
    return jax.tree_util.tree_map(lambda p, g: p - learning_rate * g, params, gradients)


def parallel_update(params, x, y, learning_rate):
    return step(params, x, y, learning_rate)
