# expect: conforms
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def init_params(layer_sizes, key):
    key = jax.random.wrap_key_data(jnp.asarray(key))
    ks = jax.random.split(key, len(layer_sizes) - 1)
    def layer(args):
        k, (m, n) = args
        kw, kb = jax.random.split(k)
        return jax.random.normal(kw, (m, n)), jax.random.normal(kb, (n,))
    return list(map(layer, zip(ks, zip(layer_sizes, layer_sizes[1:]))))
