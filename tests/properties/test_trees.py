"""What a call raised is said in one line, with the cause where a callback raised it."""

import jax
import jax.numpy as jnp
import pytest

from properties.trees import Raised, attempt, first_line


def _raising(x: jax.Array) -> jax.Array:
    def host(value: object) -> object:
        try:
            raise KeyError("inner")
        except KeyError:
            raise ValueError("the table has no such row\nsecond line") from None

    return jax.pure_callback(host, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


def test_the_error_of_a_callback_is_named() -> None:
    said = repr(attempt(jax.jit(_raising), jnp.ones(2)))
    assert "ValueError: the table has no such row" in said
    assert "Traceback" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("plain\nmore", "plain"),
        ("", ""),
        (
            "calling: Traceback (most recent call last):",
            "calling: Traceback (most recent call last):",
        ),
        (
            (
                "calling: Traceback (most recent call last):\n  File 'a', line 1\nKeyError: 1\n\nMore:\n\n"
                "Traceback (most recent call last):\n  File 'b', line 2\n    f()\nOSError: 2\nmore"
            ),
            "calling: OSError: 2",
        ),
        ("told of a\nTraceback (most recent call last):\nX: 1", "told of a"),
    ],
)
def test_the_first_line_ends_in_the_cause(message: str, said: str) -> None:
    assert first_line(message) == said
    assert repr(Raised(ValueError(message))) == f"ValueError: {said}"
