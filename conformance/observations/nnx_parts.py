"""What the forms of NNX have in common: names of `flax.nnx`, a layer, and the arrays of a tree."""

from typing import Any

import flax.linen as nn
import jax
import numpy as np

from conformance.observations.record import needed


def of_nnx(name: str) -> Any:
    """What `flax.nnx` has under a dotted name. Raises Absent where it has none."""
    return needed(f"flax.nnx.{name}")


def layer() -> Any:
    """A layer from two numbers to two, whose kernel is ones."""
    return of_nnx("Linear")(2, 2, kernel_init=nn.initializers.ones, rngs=of_nnx("Rngs")(0))


def leaves(tree: Any) -> list[Any]:
    """The leaves of a tree, as arrays of NumPy's."""
    return [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(tree)]
