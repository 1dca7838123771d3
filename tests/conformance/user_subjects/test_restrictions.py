"""What shard_map documents of gradients is no fault of the user's, and a fault beside it is one."""

from typing import Any

import attrs
import jax
import jax.numpy as jnp
import pytest

from conformance.events.details import NotApplicable
from conformance.runner.items import Item
from conformance.runner.run_item import run_item
from conformance.transforms import TRANSFORMS
from conformance.transforms.jax import shard_map
from conformance.user_subjects import subjects
from properties.laws import LAWS
from properties.profile import PROFILES

SHARD_MAP = TRANSFORMS["jax.shard_map"]


def gradient_inside(w: Any, x: Any) -> Any:
    """A gradient by what may be shared."""
    return jax.grad(lambda w: jnp.sum(jnp.tanh(w * x)))(w)


def _outcome(transform: Any) -> Any:
    subject = subjects.function("gradient-inside", gradient_inside, [("n",), ("n",)])
    law = LAWS["mapping.broadcasts-unmapped"]
    with subjects.registered(subject):
        return run_item(Item(law, transform, subject), PROFILES["quick"].asked(0, [subject.name]))


@pytest.mark.skipif(SHARD_MAP.unavailable() is not None, reason="shard_map cannot run here")
def test_a_gradient_that_shard_map_sums_over_devices_is_not_applicable() -> None:
    result = _outcome(SHARD_MAP)
    assert result.outcome == "not-applicable"
    assert isinstance(result.detail, NotApplicable)
    assert "summed over the devices" in result.detail.reason
    assert _outcome(shard_map.UNCHECKED).outcome == "holds"


@pytest.mark.skipif(SHARD_MAP.unavailable() is not None, reason="shard_map cannot run here")
def test_a_fault_of_the_map_itself_is_still_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(function: Any, axes: Any, checked: bool = True) -> Any:
        mapped = shard_map.map_function(function, axes, checked)
        return lambda *arguments: jax.tree_util.tree_map(
            lambda leaf: leaf + 1.0, mapped(*arguments)
        )

    unchecked = attrs.evolve(
        shard_map.UNCHECKED, map=lambda function, axes: shifted(function, axes, False)
    )
    monkeypatch.setattr(shard_map, "UNCHECKED", unchecked)
    assert _outcome(attrs.evolve(SHARD_MAP, map=shifted)).outcome == "violated"
