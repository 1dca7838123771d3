"""One entry of the catalogue: an expression over arrays, as short as it can be said in Python."""

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from properties.subject import Array, FunctionSubject

PREAMBLE = """\
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random
from jax.ad_checkpoint import checkpoint_name
from jax.experimental import io_callback
from jax.extend.random import threefry2x32_p
"""
"""What every expression may use. The same text heads the script of a violation."""

TWO_DEVICES = """
if jax.device_count() < 2:
    raise NotImplementedError("it is over two devices")
first, second, *_ = jax.devices()
mesh = jax.sharding.Mesh(np.array([first, second]), ("i",))
split, whole = jax.sharding.PartitionSpec("i"), jax.sharding.PartitionSpec()
"""
"""The beginning of a function over a mesh of two devices, of which an accelerator's machine may have one."""
LETTERS = "abcdefgh"


def rule(
    name: str,
    source: str,
    *arguments: Array,
    dtypes: Sequence[str] = ("float32",),
    exact: bool = False,
    edge_values: bool = False,
    answer: Callable[..., Any] | None = None,
) -> FunctionSubject:
    """A subject `lax.NAME` that reaches the batching rule of a primitive.

    `source` is an expression of the arguments a, b, c, ..., or the body of a function of them. The
    part of `name` up to a dot is the primitive's name; what follows tells variants apart.
    """
    body = source if "return " in source else f"return {source}"
    letters = ", ".join(LETTERS[: len(arguments)])
    text = f"{PREAMBLE}\n\ndef function({letters}):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
    namespace: dict[str, Any] = {}
    exec(compile(text, f"<{name}>", "exec"), namespace)  # noqa: S102 (expressions of the catalogue)
    return FunctionSubject(
        f"lax.{name}",
        namespace["function"],
        arguments,
        tuple(dtypes),
        exact=exact,
        edge_values=edge_values,
        source=text,
        answer=answer,
        kind="rule",
    )


def exactly(value: Any) -> tuple[Any, Any]:
    """An answer, a tree of arrays or numbers, of which nothing rounds: it and its bound."""
    arrays = jax.tree_util.tree_map(np.asarray, value)
    return arrays, jax.tree_util.tree_map(lambda leaf: np.zeros(leaf.shape), arrays)


def of(kind: str, *dims: str | int, dtype: str | None = None) -> Array:
    """An array of one of the kinds of `values.KINDS`."""
    return Array(dims, kind=kind, dtype=dtype)


def below(size: str | int, *dims: str | int, dtype: str = "int32") -> Array:
    """Indices below a number, or below the size of a dimension."""
    return Array(dims, below=size, dtype=dtype)


MN = ("m", "n")
FLOATS = ("float32", "bfloat16", "float16")
INTEGERS = ("int32", "uint8", "int8", "uint32", "int16", "uint16", "int64", "uint64")
NUMBERS = (
    *("float32", "int32", "bfloat16", "float16", "int8", "uint32", "complex64"),
    *("float64", "int64", "complex128"),
)
SIGNED = ("float32", "int32", "float64", "int64")
SUMMED = ("float32", "int32", "complex64", "float64", "complex128")
ORDERED = ("float32", "int32", "bfloat16", "float16", "uint8", "int16", "float64", "int64")
ANYTHING = (*ORDERED, "bool", "complex64", "complex128")
