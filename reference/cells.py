"""The recurrent module subjects: one step for one example, without a batch axis.

Each mirrors the Linen cell its docstring names, at Linen's defaults (source:
`flax/linen/recurrent.py`). A cell takes carry (features,) and x (in,), and returns the new carry
twice, as carry and as output. All raise ValueError when carry does not have `features` elements.
Below, x.i is a dense layer on x with a bias, named "i", and h.h one on the carry h without, named
"h", with an orthogonal kernel.
"""

import jax
import jax.numpy as jnp

from reference.initializers import lecun_normal, orthogonal
from reference.layers import dense
from reference.scope import Scope


def simple_cell(
    scope: Scope, carry: jax.Array, x: jax.Array, *, features: int
) -> tuple[jax.Array, jax.Array]:
    """`nn.SimpleCell(features)`: tanh(x.i + h.h), carry (features,), x (in,).

    Parameters: i with kernel (in, features) and bias (features,), h with kernel
    (features, features). Source: Elman, Finding structure in time (1990).
    """
    _check(carry, features)
    h = jnp.tanh(dense(scope.child("i"), x, features=features) + _recurrent(scope, "h", carry))
    return h, h


def gru_cell(
    scope: Scope, carry: jax.Array, x: jax.Array, *, features: int
) -> tuple[jax.Array, jax.Array]:
    """`nn.GRUCell(features)`: (1 - z) * n + z * h, carry (features,), x (in,).

    Its gates are

        r = sigmoid(x.ir + h.hr),  z = sigmoid(x.iz + h.hz),  n = tanh(x.in + r * h.hn)

    and hn, alone among the layers on the carry, has a bias. Parameters: ir, iz, in with kernel
    (in, features) and bias (features,); hr, hz, hn with kernel (features, features). Source: Cho et
    al., https://arxiv.org/abs/1406.1078, with the reset after the product, as cuDNN has it.
    """
    _check(carry, features)
    from_x = {
        gate: dense(scope.child(f"i{gate}"), x, features=features) for gate in ("r", "z", "n")
    }
    r = jax.lax.logistic(from_x["r"] + _recurrent(scope, "hr", carry))
    z = jax.lax.logistic(from_x["z"] + _recurrent(scope, "hz", carry))
    n = jnp.tanh(from_x["n"] + r * _recurrent(scope, "hn", carry, use_bias=True))
    h = (1.0 - z) * n + z * carry
    return h, h


def column_cell(
    scope: Scope, carry: jax.Array, x: jax.Array, *, features: int
) -> tuple[jax.Array, jax.Array]:
    """tanh(w @ x + u @ h) for columns h = carry (features,) and x (in,): no batch axis will do.

    Mirrors a module whose `__call__(carry, x)` asks for w (features, in), then u
    (features, features), both with `lecun_normal`, and returns the new carry twice.
    """
    _check(carry, features)
    w = scope.param("w", lecun_normal, (features, x.shape[-1]))
    u = scope.param("u", lecun_normal, (features, features))
    h = jnp.tanh(jnp.dot(w, x) + jnp.dot(u, carry))
    return h, h


def _recurrent(scope: Scope, name: str, h: jax.Array, *, use_bias: bool = False) -> jax.Array:
    features = h.shape[-1]
    return dense(scope.child(name), h, features=features, use_bias=use_bias, kernel_init=orthogonal)


def _check(carry: jax.Array, features: int) -> None:
    if carry.shape[-1] != features:
        raise ValueError(f"carry has {carry.shape[-1]} elements, features is {features}")
