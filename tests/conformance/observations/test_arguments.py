"""Defaults and flags: what is read, and that nothing of it is of this process alone."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from conformance.observations import defaults, flags


class Made:
    """A class whose metaclass would hide its arguments."""

    def __init__(self, first: Any, *, second: int = 2, **others: Any) -> None: ...


def taking(a: Any, b: Any = None, *more: Any, c: float = 0.5, dtype: Any = float) -> None: ...


def test_arguments_of_functions_and_classes() -> None:
    assert defaults.arguments(taking) == {
        "a": "required",
        "b": "None",
        "*": "any",
        "c": "0.5",
        "dtype": "None",
    }
    assert defaults.arguments(Made) == {"first": "required", "second": "2", "**": "any"}
    assert defaults.arguments(lambda: None) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "'x'"),
        ((1, None), "(1, None)"),
        (jnp.float32, "float32"),
        (np.dtype("int8"), "int8"),
        (np.float32(0.5), "0.5"),
        (jax.nn.relu, "relu"),
        (Made, "Made"),
        (object(), "not given"),
        (partial(jnp.sum), "partial of sum"),
    ],
)
def test_a_default_is_written_without_addresses(value: Any, text: str) -> None:
    assert defaults.written(value) == text


def test_defaults_of_the_transforms_are_there() -> None:
    seen = dict(defaults.observe())
    assert seen["defaults/jax.vmap"]["in_axes"] == "0"
    assert seen["defaults/flax.linen.BatchNorm"]["momentum"] == "0.99"
    assert seen["defaults/jax.random.normal"] == {
        "key": "required",
        "shape": "()",
        "dtype": "None",
    } | {k: v for k, v in seen["defaults/jax.random.normal"].items() if k == "out_sharding"}
    assert not [key for key, value in seen.items() if " at 0x" in str(value)]


def test_flags_say_their_value_but_no_path() -> None:
    seen = dict(flags.observe())
    assert seen["flags/jax/jax_enable_x64"] == str(jax.config.values["jax_enable_x64"])
    assert seen["flags/flax/flax_return_frozendict"] == "False"
    assert flags._written("/home/me/cache") == "a path"
