"""Layers by default: each has a tree, and the dtype of its output follows that of its input."""

import functools
from typing import Any

from conformance.observations import layers
from conformance.observations.selection import Selection


@functools.cache
def observed() -> dict[str, Any]:
    return dict(layers.observe())


def test_every_layer_has_a_tree() -> None:
    names = [f"flax.linen/{name}" for name in layers._linen()]
    names += [f"flax.nnx/{name}" for name in layers._nnx()]
    assert len(names) > 30
    assert [name for name in names if f"layers/{name}/tree" not in observed()] == []


def test_the_tree_tells_variables_and_outputs() -> None:
    tree = observed()["layers/flax.linen/Dense/tree"]
    assert tree == {
        "params/bias": "float32[4]",
        "params/kernel": "float32[4,4]",
        **{f"output of {dtype}": "float32[3,4]" for dtype in layers._DTYPES},
    }
    assert observed()["layers/flax.nnx/BatchNorm/tree"]["mean"] == "float32[4] BatchStat"


def test_only_chosen_transforms_are_observed() -> None:
    assert list(layers.observe(Selection(transforms=["jax.*"]))) == []
