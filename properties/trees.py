"""Helpers for trees of arrays, and for calls that may raise."""

import textwrap
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class Raised:
    """An exception in place of a result."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __repr__(self) -> str:
        return f"{type(self.error).__name__}: {first_line(str(self.error))}"


_TRACEBACK = "Traceback (most recent call last):"


def first_line(message: str) -> str:
    """The first line of an error's message; where a traceback begins in it, that and the error it ends in.

    XLA puts the traceback of what a callback raised into its own message.
    """
    words = message.strip()
    first = words.split("\n")[0]
    if not first.endswith(_TRACEBACK):
        return first
    last = words.rpartition(_TRACEBACK)[2].splitlines()
    cause = next((line for line in last if line and not line[0].isspace()), "")
    return first.removesuffix(_TRACEBACK) + cause if cause else first


def attempt(function: Any, *arguments: Any) -> Any:
    """The result, ready, or what was raised."""
    try:
        return jax.block_until_ready(function(*arguments))
    except Exception as error:
        return Raised(error)


def read(result: Any) -> Any:
    """The result as NumPy arrays, keys as integers; what was raised where it cannot be read."""
    if isinstance(result, Raised):
        return result
    try:
        return jax.tree_util.tree_map(np.asarray, raw(result))
    except Exception as error:
        return Raised(error)


def raw(tree: Any) -> Any:
    """Typed PRNG keys as their integers; all else as it is."""

    def leaf_data(leaf: Any) -> Any:
        is_key = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return jax.random.key_data(leaf) if is_key else leaf

    return jax.tree_util.tree_map(leaf_data, tree)


def member(tree: Any, i: int) -> Any:
    """Slice `i` of the first axis of each leaf."""
    return jax.tree_util.tree_map(lambda leaf: leaf[i], tree)


def described(tree: Any) -> Any:
    """Each leaf as text such as `float32[3,4]`."""
    return jax.tree_util.tree_map(
        lambda x: f"{np.dtype(x.dtype).name}[{','.join(map(str, x.shape))}]", tree
    )


def describe(tree: Any) -> str:
    """The tree as text, each leaf as `described` writes it."""
    return str(described(tree)).replace("'", "")


def literal(tree: Any) -> str:
    """Python for a tree of arrays, every bit of every float in it."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{k!r}: {literal(v)}" for k, v in tree.items()) + "}"
    if isinstance(tree, list | tuple):
        inner = ", ".join(map(literal, tree))
        if isinstance(tree, list):
            return f"[{inner}]"
        return f"({inner},)" if tree else "()"
    if tree is None:
        return "None"
    leaf = np.asarray(raw(tree))
    dtype = leaf.dtype.name
    values = leaf.astype(np.float64) if dtype == "bfloat16" else leaf
    kind = "jnp.bfloat16" if dtype == "bfloat16" else repr(dtype)
    text = f"array({kind}, {leaf.shape}, {values.ravel().tolist()})"
    return "\n".join(textwrap.wrap(text, 96, break_long_words=False)) if len(text) > 96 else text
