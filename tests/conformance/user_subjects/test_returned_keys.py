"""Typed keys and variables of NNX among the arguments and results of a user's function."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from conformance import own
from conformance.testing import assert_conforms

LAWS = ["mapping.equals-per-example", "mapping.whole-batch"]


def carried(x: Any, key: Any) -> Any:
    """A draw and the key of the next, as a training state carries it."""
    key, now = jax.random.split(key)
    return x + jax.random.normal(now, x.shape), key


def several(x: Any, key: Any) -> Any:
    return x, {"keys": jax.random.split(key, 3)}


def made(i: Any) -> Any:
    return jax.random.key(i)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (carried, [(3,), own.key()]),
        (several, [(3,), own.key()]),
        (made, [own.indices(below=5)]),
    ],
)
def test_a_function_may_return_typed_keys(function: Any, inputs: Any) -> None:
    assert_conforms(function, inputs, ["jax.vmap"], laws=LAWS, batched=jax.vmap(function))


def test_a_wrong_key_among_the_results_is_noticed() -> None:
    def first(xs: Any, keys: Any) -> Any:
        drawn, after = jax.vmap(carried)(xs, keys)
        return drawn, jnp.broadcast_to(after[:1], after.shape)

    with pytest.raises(AssertionError, match=r"breaks mapping\.whole-batch"):
        assert_conforms(carried, [(3,), own.key()], ["jax.vmap"], laws=LAWS, batched=first)


def test_what_takes_the_batch_is_given_keys_and_static_arguments_as_the_function_is() -> None:
    def scaled(x: Any, key: Any, count: int, *, by: float) -> Any:
        return by * x[..., :count] + jax.random.normal(key, (count,))

    def whole(xs: Any, keys: Any, count: int, *, by: float) -> Any:
        assert jax.dtypes.issubdtype(keys.dtype, jax.dtypes.prng_key)
        return jax.vmap(lambda x, key: scaled(x, key, count, by=by))(xs, keys)

    inputs = [(3,), own.key(), own.static(2)]
    assert_conforms(scaled, inputs, ["jax.vmap"], keywords={"by": 2.0}, batched=whole, laws=LAWS)


def _split() -> tuple[Any, Any]:
    nnx = pytest.importorskip("flax.nnx", reason="this flax has no nnx")

    class Dropped(nnx.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            self.linear = nnx.Linear(4, 3, rngs=nnx.Rngs(0))
            self.dropout = nnx.Dropout(0.5, deterministic=False, rngs=nnx.Rngs(1))

        def __call__(self, x: Any) -> Any:
            return self.dropout(self.linear(x))

    graph, state = nnx.split(Dropped())

    def applied(state: Any, x: Any) -> Any:
        module = nnx.merge(graph, state)
        return module(x), nnx.state(module)

    return applied, state


def test_a_state_with_keys_may_be_an_argument_and_a_result() -> None:
    applied, state = _split()
    assert_conforms(applied, [state, (4,)], ["jax.vmap"], laws=LAWS)


def test_a_state_that_is_not_that_of_its_example_is_noticed() -> None:
    applied, state = _split()

    def first(states: Any, xs: Any) -> Any:
        return jax.vmap(applied, in_axes=(None, 0))(jax.tree.map(lambda leaf: leaf[0], states), xs)

    with pytest.raises(AssertionError, match=r"breaks mapping\.whole-batch"):
        assert_conforms(applied, [state, (4,)], ["jax.vmap"], laws=LAWS, batched=first)
