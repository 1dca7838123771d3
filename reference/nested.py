"""Module subjects that carry more than parameters, or lifts of their own, as plain functions.

Each mirrors a Linen module that its docstring spells out: what a lifted transform, a collection or
a stream of Flax's does is written as the loop that it stands for.
"""

import jax
import jax.numpy as jnp

from reference.cells import simple_cell
from reference.layers import dense, dropout
from reference.scope import Scope


def sown(scope: Scope, x: jax.Array, *, features: int) -> jax.Array:
    """tanh(Dense(x)), what goes into tanh being sown: x (m,) gives (features,).

    Mirrors a module that calls `self.sow("intermediates", "before", y)` with y = Dense_0(x). Sowing
    appends to a tuple, and does nothing while initialising. Source: `flax/linen/module.py`.
    """
    y = dense(scope.child("Dense_0"), x, features=features)
    if not scope.initializing and "intermediates" in scope.mutable:
        scope.update("intermediates", "before", (y,))
    return jnp.tanh(y)


def accumulator(scope: Scope, x: jax.Array) -> jax.Array:
    """The sum of all x so far, (m,), stored in the collection "cache" as "total".

    Mirrors a module with `self.variable("cache", "total", jnp.zeros, x.shape)`, which adds to it
    except while initialising.
    """
    total: jax.Array = scope.variable("cache", "total", lambda: jnp.zeros(x.shape, jnp.float32))
    if scope.initializing:
        return total
    scope.update("cache", "total", total + x)
    return total + x


def noisy_dense(scope: Scope, x: jax.Array, *, features: int, rate: float) -> jax.Array:
    """Dropout of Dense: x (m,) gives (features,), from the streams "params" and "dropout"."""
    y = dense(scope.child("Dense_0"), x, features=features)
    return dropout(scope.child("Dropout_0"), y, rate=rate)


def scanned_cell(
    scope: Scope, carry: jax.Array, xs: jax.Array, *, features: int
) -> tuple[jax.Array, jax.Array]:
    """A SimpleCell along xs (length, m), the same parameters in every step: carry (features,).

    Mirrors `nn.scan(nn.SimpleCell, variable_broadcast="params", split_rngs={"params": False})`,
    named "cell". Gives the last carry, and all of them, (length, features).
    """
    outputs = []
    for x in xs:
        carry, y = simple_cell(scope.child("cell"), carry, x, features=features)
        outputs.append(y)
    return carry, jnp.stack(outputs)


def members(scope: Scope, xs: jax.Array, *, features: int) -> jax.Array:
    """A Dense of its own for every row of xs (length, m): gives (length, features).

    Mirrors Flax's map of a Dense with `variable_axes={"params": 0}` and `split_rngs={"params": True}`,
    named "members": parameters gain an axis of size length in front, and row i's come from the i-th of as
    many keys split from the stream's root key. Source: `flax/core/lift.py` (`vmap`).
    """
    child = scope.child("members")
    if scope.initializing:
        keys = jax.random.split(scope.rngs["params"], len(xs))
        rows = [
            Scope({}, {"params": key}, initializing=True, path=child.path, initial=scope.initial)
            for key in keys
        ]
    else:
        kept = child.collection("params")
        rows = [
            Scope({"params": {name: value[i] for name, value in kept.items()}}, {})
            for i in range(len(xs))
        ]
    output = jnp.stack([dense(row, x, features=features) for row, x in zip(rows, xs, strict=True)])
    if scope.initializing:
        made = [row.collection("params") for row in rows]
        for name in made[0]:
            child.update("params", name, jnp.stack([each[name] for each in made]))
    return output


def repeated(scope: Scope, x: jax.Array, *, times: int) -> jax.Array:
    """tanh(Dense) after Dense, `times` times, with the same parameters: x (m,) keeps its shape.

    Mirrors a `nn.while_loop` whose body is tanh of a Dense named "layer", counting in its carry.
    """
    layer = scope.child("layer")
    x = dense(layer, x, features=x.shape[-1])
    for _ in range(times):
        x = jnp.tanh(dense(layer, x, features=x.shape[-1]))
    return x


def rematted(scope: Scope, x: jax.Array, *, features: int) -> jax.Array:
    """Dense of tanh of Dense: x (m,) gives (features,). Rematerialisation changes no value.

    Mirrors a module whose inner block, `nn.remat` of tanh of a Dense, is named "block".
    """
    y = jnp.tanh(dense(scope.child("block").child("Dense_0"), x, features=features))
    return dense(scope.child("Dense_0"), y, features=features)
