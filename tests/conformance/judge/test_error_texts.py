"""What JAX and Flax say of a beginner's mistakes is recognised, in the wording of this release."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from conformance.judge.error_texts import of_text

PARAMS = [(jnp.ones((2, 3)), jnp.ones(3))]
X = jnp.ones((4, 2))


def _written_to(x: Any) -> None:
    x[0] = 1.0


def _step(params: Any, gradients: Any) -> Any:
    return jax.tree_util.tree_map(lambda p, g: p - g, params, gradients)


MISTAKES: dict[str, tuple[str, Callable[[], Any]]] = {
    "pmean of no axis": (
        "axis-name-not-bound",
        lambda: jax.pmap(lambda x: jax.lax.pmean(x, "batch"))(X[:1]),
    ),
    "grad of a vector": ("gradient-of-an-array", lambda: jax.grad(lambda x: x * x)(X)),
    "vmap of a result": ("array-in-place-of-function", lambda: jax.vmap(jnp.dot(X, X.T))),
    "if": ("branch-on-a-traced-value", lambda: jax.vmap(lambda x: x if x > 0 else -x)(X[0])),
    "range": ("branch-on-a-traced-value", lambda: jax.jit(lambda n: list(range(n)))(3)),
    "float": ("branch-on-a-traced-value", lambda: jax.jit(lambda x: float(x))(1.0)),
    "NumPy": ("numpy-on-a-traced-array", lambda: jax.vmap(np.sin)(X)),
    "item assignment": ("array-is-immutable", lambda: _written_to(X)),
    "item assignment, traced": ("array-is-immutable", lambda: jax.jit(_written_to)(X)),
    "list minus list": ("arithmetic-on-a-list", lambda: PARAMS - PARAMS),  # type: ignore[operator]
    "rate times list": ("arithmetic-on-a-list", lambda: 0.5 * PARAMS),  # type: ignore[operator]
    "rate times tuple": ("arithmetic-on-a-list", lambda: X - PARAMS[0]),  # type: ignore[operator]
    "module called": ("module-without-parameters", lambda: nn.Dense(3)(X)),
    "gradient by x": ("trees-differ", lambda: _step(PARAMS, X)),
    "another layer": ("trees-differ", lambda: _step(PARAMS, PARAMS * 2)),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_beginners_mistake_is_recognised(name: str) -> None:
    pitfall, mistake = MISTAKES[name]
    with pytest.raises(Exception) as raised:  # noqa: PT011 (what it is differs between releases)
        mistake()
    text = f"{type(raised.value).__name__}: {raised.value}"
    found = of_text(text, {})
    assert found is not None, text
    assert found.pitfall == pitfall, text


@pytest.mark.parametrize(
    "text",
    [
        "NameError: name 'x' is not defined",
        "TypeError: unsupported operand type(s) for -: 'str' and 'int'",
        "ValueError: not enough values to unpack",
        "KeyError: 'params'",
    ],
)
def test_an_error_of_pythons_own_is_left_to_speak_for_itself(text: str) -> None:
    assert of_text(text, {}) is None
