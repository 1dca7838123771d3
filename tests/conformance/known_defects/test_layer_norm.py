"""Which calls XLA's layer normalisation of one scale affects, and what an item says of such a call."""

from collections.abc import Callable
from typing import Any

import attrs
import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from conformance import own
from conformance.known_defects import layer_norm
from conformance.known_defects.defect import Defect
from conformance.known_defects.layer_norm import LAYER_NORM
from conformance.runner import installed_defects, items
from conformance.runner.run_item import run_item
from conformance.testing import assert_conforms
from conformance.transforms import TRANSFORMS
from conformance.user_subjects.subjects import registered
from properties.call import Axes, Call, FunctionCall, ModuleCall
from properties.laws import LAWS
from properties.mutants import MUTANTS
from properties.profile import PROFILES
from properties.subjects import SUBJECTS

KERNEL = layer_norm._KERNEL
OF_EVERY_RELEASE = "rsqrt"


class Block(nn.Module):
    """A layer normalisation and a dense layer."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Rows to rows."""
        return nn.Dense(3)(nn.LayerNorm()(x))


def normalise(x: jax.Array, scale: jax.Array) -> jax.Array:
    """Rows whose mean square is one, times a scale."""
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-6) * scale


def _of_module(axis: int | None) -> ModuleCall:
    split = {"params": axis is not None}
    return ModuleCall("block", {"batch": 3, "m": 2}, (Axes((0,), 0),), {"params": axis}, split)


def _of_function(*in_axes: int | None) -> FunctionCall:
    return FunctionCall("normalise", {"batch": 3, "m": 2, "n": 4}, (Axes(in_axes, 0),))


@pytest.mark.parametrize(
    ("call", "scale_is_mapped"),
    [
        (_of_module(0), True),
        (_of_module(1), True),
        (_of_module(None), False),
        (_of_function(0, 0), True),
        (_of_function(1, 1), True),
        (_of_function(0, None), False),
        (_of_function(None, 0), False),
    ],
)
@pytest.mark.parametrize("kernel", [KERNEL, OF_EVERY_RELEASE])
def test_a_call_of_a_users_is_affected_where_its_program_has_the_kernel(
    call: Call, scale_is_mapped: bool, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_norm, "_KERNEL", kernel)
    monkeypatch.setattr(layer_norm, "_compiled", {})
    made = [
        own.module("block", Block(), [("m", 4)]),
        own.function("normalise", normalise, [("m", "n"), ("n",)]),
    ]
    there = kernel != KERNEL or any(d in installed_defects.installed_defects() for d in LAYER_NORM)
    (subject,) = (each for each in made if each.name == call.subject_name)
    with registered(subject):
        # This function has no mean to subtract: no release takes it for a layer normalisation.
        if kernel == KERNEL and subject.name == "normalise":
            assert not layer_norm._affects(call)
        else:
            assert layer_norm._affects(call) == (scale_is_mapped and there)


def _known(
    monkeypatch: pytest.MonkeyPatch,
    affects: Callable[[Any], bool],
    explains: Callable[[Any], bool] = lambda call: False,
) -> None:
    """Let this be the only known defect, of `flax.linen.vmap`."""
    (linen,) = (each for each in LAYER_NORM if each.transform == "flax.linen.vmap")
    defect: Defect = attrs.evolve(
        linen, affects=affects, explains=explains, versions={}, platform=None
    )
    monkeypatch.setattr(installed_defects, "installed_defects", lambda: [defect])


@pytest.mark.parametrize(
    ("axis", "explains", "outcome"),
    [(None, False, "not-applicable"), (1, False, "violated"), (1, True, "not-applicable")],
    ids=["of-shared", "of-others", "explained"],
)
def test_a_violation_by_a_call_that_the_law_makes_is_the_defect_of_that_call(
    axis: int | None, explains: bool, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The law shares the parameters, whatever the call that is drawn does with them.
    drawn = ModuleCall(
        "noisy-dense",
        {"batch": 3, "m": 2, "n": 4},
        (Axes((0,), 0),),
        {"params": 0},
        {"params": True, "dropout": True},
    )
    _known(
        monkeypatch,
        lambda call: call.variable_axes["params"] == axis,
        lambda call: explains and call.variable_axes["params"] is None,
    )
    broken = MUTANTS["streams-never-split"].mutate(TRANSFORMS["flax.linen.vmap"])
    item = items.Item(LAWS["sharing.rng-streams"], broken, SUBJECTS["noisy-dense"])
    result = run_item(item, PROFILES["quick"], calls=[drawn])
    assert result.outcome == outcome
    if outcome == "not-applicable":
        assert result.detail.source == "linen-vmap-layer-norm-one-scale"
        assert "the call that violates the law" in result.detail.reason


def test_assert_conforms_warns_of_a_silent_defect_of_the_subject(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _known(monkeypatch, lambda call: call.variable_axes["params"] is not None)
    with pytest.warns(UserWarning, match="Block meets known defects .* linen-vmap-layer-norm"):
        assert_conforms(
            Block(),
            [("m", 4)],
            transforms=["flax.linen.vmap"],
            laws=["sharing.ensemble-members", "sharing.equals-per-example"],
        )
