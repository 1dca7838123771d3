"""What is said of a user's own function or module that does not conform, whatever law shows it."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from conformance import own
from conformance.events.details import Violation
from conformance.reporting.faults import group_by_cause
from conformance.runner.items import Item
from conformance.runner.run_item import run_item
from conformance.testing import assert_conforms
from conformance.transforms import TRANSFORMS
from conformance.user_subjects.subjects import registered
from properties.laws import LAWS
from properties.profile import PROFILES

QUICK = PROFILES["quick"].asked(0, ["mine"])


def results(function: Any, *laws: str) -> list[Any]:
    """What `run` logs of a function under `jax.vmap`."""
    subject = own.function("mine", function, [("n",)])
    with registered(subject):
        return [run_item(Item(LAWS[id], TRANSFORMS["jax.vmap"], subject), QUICK) for id in laws]


def drawing() -> Any:
    chance = np.random.RandomState(0)
    return lambda x: x + chance.normal(size=x.shape).astype(np.float32)


def counting() -> Any:
    calls: list[Any] = []

    def counted(x: Any) -> Any:
        calls.append(0)
        return x * len(calls)

    return counted


@pytest.mark.parametrize("make", [drawing, counting])
def test_a_function_that_changes_by_itself_is_one_fault_that_says_so(make: Any) -> None:
    found = results(make(), "mapping.equals-per-example", "mapping.concatenates")
    assert {each.outcome for each in found} == {"violated"}
    for each in found:
        assert isinstance(each.detail, Violation)
        assert each.detail.cause is not None
        assert "Give it the state or a key as an argument." in each.detail.cause
    (fault,) = group_by_cause(found)
    assert fault.symptom == "gives another result when it is called again with the same arguments"


def test_a_function_that_is_wrong_under_a_map_alone_is_not_said_to_change() -> None:
    wrong = jax.custom_batching.custom_vmap(lambda x: 2 * x)
    wrong.def_vmap(lambda size, mapped, x: (3 * x, mapped[0]))
    (found,) = results(wrong, "mapping.equals-per-example")
    assert found.outcome == "violated"
    assert "called again" not in found.detail.cause
    assert "the function's own rule under a map" in found.detail.cause


def said_of(subject: Any, inputs: Any, **options: Any) -> str:
    """What the failure says, in one line."""
    with pytest.raises(AssertionError) as failed:
        assert_conforms(subject, inputs, **options)
    return " ".join(str(failed.value).split())


def test_states_that_differ_for_a_whole_batch_are_no_fault_of_a_value() -> None:
    class Running(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            mean = self.variable("stats", "mean", jnp.zeros, (3,))
            mean.value = x if x.ndim == 1 else x.mean(0)
            return 2 * x

    said = said_of(Running(), [(3,)], batched=True, laws=["sharing.native-broadcast"])
    assert "the module stores what depends on the example, as BatchNorm in training does" in said


def test_a_module_that_raises_of_a_whole_batch_is_said_to() -> None:
    class Square(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return nn.Dense(3)(x).reshape(3)

    said = said_of(Square(), [(3,)], batched=True, laws=["sharing.native-broadcast"])
    assert "the module raises it of the whole batch, without a map" in said


def test_wrong_collectives_are_named() -> None:
    said = said_of(
        lambda x: x - jax.lax.pmean(x, "examples"),
        [("n",)],
        axis_name="examples",
        batched=lambda xs: xs - xs.sum(0),
        laws=["collectives.equal-plain-reductions"],
    )
    assert "its collectives or batched= are wrong" in said
