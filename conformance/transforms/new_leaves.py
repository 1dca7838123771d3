"""A tree that makes a new array whenever it is flattened."""

from typing import Any

import jax
import numpy as np


@jax.tree_util.register_pytree_node_class
class Fresh:
    """An array; as a tree it has another one, too, which nobody gave and which is made anew each time."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def tree_flatten(self) -> Any:
        """Give both: the other one is as long as the first, so that it can be mapped and scanned."""
        return (self.value, np.ones(getattr(self.value, "shape", ())[:1], np.float32)), None

    @classmethod
    def tree_unflatten(cls, _: Any, leaves: Any) -> Any:
        """Make it of the first one."""
        return cls(leaves[0])
