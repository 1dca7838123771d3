"""Names for what the annotations of JAX do not say."""

from collections.abc import Mapping
from typing import Any, TypeAlias

PyTree: TypeAlias = Any
"""Any pytree: nested containers of arrays."""

Array: TypeAlias = Any
"""An array of NumPy or of JAX, a tracer among them."""

Sizes: TypeAlias = Mapping[str, int]
"""The size of every named dimension."""
