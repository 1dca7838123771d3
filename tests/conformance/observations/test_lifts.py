"""Initial values under every lift: all are there, those of the plain module where a lift draws alike."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from conformance.observations import lifts, linen_lifts, nnx_lifts
from conformance.observations.selection import Selection
from conformance.observations.started import attempted, facts, fixed_stream, rounding

REFUSED = {"flax.nnx/vmap-shared", "flax.nnx/pmap"}
"""What some releases refuse, or devices do."""


@functools.cache
def observed() -> dict[str, Any]:
    return dict(lifts.observe())


def leaves(lift: str) -> dict[str, Any]:
    start = f"lifts/{lift}/"
    return {key.removeprefix(start): v for key, v in observed().items() if key.startswith(start)}


def test_every_lift_has_a_tree() -> None:
    names = [f"flax.linen/{name}" for name in linen_lifts.lifts()]
    names += [f"flax.nnx/{name}" for name in nnx_lifts.transforms()]
    assert len(names) > 35
    refused = {name for name in names if "type" in observed().get(f"lifts/{name}", {})}
    assert refused <= REFUSED
    assert {name for name in names if f"lifts/{name}/tree" not in observed()} == refused


@pytest.mark.parametrize(
    "lift", ["flax.linen/remat", "flax.linen/vmap-shared", "flax.nnx/jit", "flax.nnx/remat"]
)
def test_a_lift_that_folds_no_key_starts_as_the_plain_module(lift: str) -> None:
    said = {path: leaf["plain"] for path, leaf in leaves(lift).items() if "plain" in leaf}
    known = {path: same for path, same in said.items() if same is not None}
    assert len(known) >= 6
    assert all(known.values())


def test_every_member_of_an_ensemble_starts_otherwise() -> None:
    for path in ("flax.linen/vmap-ensemble/params/Dense_0/kernel", "flax.nnx/vmap/first/kernel"):
        members = observed()[f"lifts/{path}"]["value"]
        assert members.shape == (3, 4, 4)
        assert len(np.unique(members[:, 0, 0])) == 3


def test_boxes_and_kinds_of_variables_are_told() -> None:
    tree = observed()["lifts/flax.linen/vmap-metadata/tree"]
    assert tree["params/Dense_0/kernel"] == "float32[3,4,4] Partitioned('layers', None, 'm')"
    assert observed()["lifts/flax.nnx/plain/tree"]["first/kernel"] == "float32[4,4] Param"


def test_only_chosen_transforms_are_observed() -> None:
    assert list(lifts.observe(Selection(transforms=["jax.vmap"]))) == []


def test_the_stream_is_fixed_and_put_back() -> None:
    before = jax.config.values["jax_threefry_partitionable"]
    with fixed_stream():
        assert jax.config.values["jax_threefry_partitionable"] is False
    assert jax.config.values["jax_threefry_partitionable"] is before


def test_a_leaf_says_whether_it_is_the_plain_one() -> None:
    found = facts(
        {"a": jnp.ones(2), "b": (jnp.zeros(2), "Box")}, {"a": jnp.ones(2), "b": jnp.ones(2)}
    )
    assert found["tree"] == {"a": "float32[2]", "b": "float32[2] Box"}
    assert (found["a"]["plain"], found["b"]["plain"]) == (True, False)


def test_whole_numbers_do_not_round() -> None:
    assert not rounding(np.arange(3)).any()
    assert rounding(np.ones(2, np.float32)).all()


def test_a_refusal_is_a_fact() -> None:
    def refuse() -> Any:
        raise ValueError("no")

    assert attempted(refuse) == {"": {"type": "ValueError", "line": "no"}}
