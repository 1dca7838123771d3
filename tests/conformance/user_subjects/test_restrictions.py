"""What shard_map documents of gradients is no fault of the user's, and a fault beside it is one."""

from typing import Any

import attrs
import jax
import jax.numpy as jnp
import pytest
from packaging.version import Version

from conformance.events.details import NotApplicable
from conformance.runner.items import Item
from conformance.runner.run_item import run_item
from conformance.transforms import TRANSFORMS
from conformance.transforms.jax import shard_map
from conformance.user_subjects import restrictions, subjects
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.subjects import SUBJECTS

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


@pytest.mark.parametrize(
    ("subject", "applies"),
    [("lax.scan.chain", True), ("lax.cond.constant", True), ("lax.random_gamma.log", False)],
)
def test_advice_to_the_author_of_a_loop_is_for_loops_of_the_subject_itself(
    subject: str, applies: bool
) -> None:
    assert restrictions.may_apply(SHARD_MAP, SUBJECTS[subject]) == applies
    assert not restrictions.may_apply(TRANSFORMS["jax.vmap"], SUBJECTS[subject])


@pytest.mark.skipif(SHARD_MAP.unavailable() is not None, reason="shard_map cannot run here")
def test_a_loop_of_the_catalogue_that_shard_map_refuses_as_written_is_not_applicable() -> None:
    item = Item(LAWS["parallel.shard-map-agrees"], SHARD_MAP, SUBJECTS["lax.scan.chain"])
    result = run_item(item, PROFILES["quick"].asked(0, ["lax.scan.chain"]))
    if Version(jax.__version__) < Version("0.6"):  # types do not say there what differs
        assert result.outcome == "holds"
        return
    assert result.outcome == "not-applicable"
    assert isinstance(result.detail, NotApplicable)
    assert "might be fixed by applying" in result.detail.reason
