"""Faults planted in Flax's loops and gradients are noticed by their uses, and Flax as it is is not."""

import types
from collections.abc import Callable
from typing import Any

import jax
import pytest

from conformance.transforms import TRANSFORMS
from properties.call import Axes, ModuleCall
from properties.law import violation
from properties.laws import LAWS
from properties.subjects import SUBJECTS

LAW = LAWS["sharing.documented-uses"]
NNX, LINEN = "flax.nnx.vmap", "flax.linen.vmap"


def results_in_front(patch: pytest.MonkeyPatch) -> None:
    """Results along the last axis are stacked along the first."""
    from flax.core import axes_scan

    whole = axes_scan.scan

    def scan(function: Any, in_axes: Any, out_axes: Any, **given: Any) -> Any:
        placed = jax.tree_util.tree_map(lambda axis: max(axis, 0), out_axes)
        return whole(function, in_axes=in_axes, out_axes=placed, **given)

    patch.setattr(axes_scan, "scan", scan)


def carried_variables_are_lost(patch: pytest.MonkeyPatch) -> None:
    """What a lift gives back of a collection beside the parameters is not kept."""
    from flax.core.scope import Scope

    patch.setattr(Scope, "put_variable", lambda self, collection, name, value: None)


def one_key_for_all_turns(patch: pytest.MonkeyPatch) -> None:
    """A split stream gives each turn of a loop the same key."""
    from flax.core import lift

    alike = {**vars(lift.random), "fold_in": lambda key, turn: key}
    patch.setattr(lift, "random", types.SimpleNamespace(**alike))


def updates_are_dropped(patch: pytest.MonkeyPatch) -> None:
    """Where no graph is updated, what a function writes is lost."""
    from flax.nnx import extract

    if not hasattr(extract, "apply_updates"):
        pytest.skip("this release of Flax has one mode")
    patch.setattr(extract, "apply_updates", lambda variables, updates: None)


def axes_from_the_end_stay(patch: pytest.MonkeyPatch) -> None:
    """A scan moves no axis that is counted from the end."""
    from flax.nnx.transforms import iteration

    if not hasattr(iteration, "_move_axis"):
        pytest.skip("this release of Flax has one mode")
    whole = iteration._move_axis

    def moved(move: Any, axes: Any, tree: Any) -> Any:
        return whole(lambda axis, leaf: move(axis, leaf) if axis > 0 else leaf, axes, tree)

    patch.setattr(iteration, "_move_axis", moved)


FAULTS: tuple[tuple[str, str, Callable[[pytest.MonkeyPatch], None]], ...] = (
    (LINEN, "scanned", results_in_front),
    (LINEN, "scanned", carried_variables_are_lost),
    (LINEN, "waited", one_key_for_all_turns),
    (NNX, "gradient-of-change", updates_are_dropped),
    (NNX, "scanned", axes_from_the_end_stay),
)
"""The transform, its use, and the fault in Flax that it must notice."""


@pytest.mark.parametrize(
    ("transform", "name", "fault"), FAULTS, ids=[fault.__name__ for *_, fault in FAULTS]
)
def test_a_fault_in_flax_is_noticed_and_its_control_is_not(
    transform: str, name: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, subject = TRANSFORMS[transform], SUBJECTS[f"use.{name}"]
    if LAW.skip_reason(host, subject) is not None:
        pytest.skip(f"this release of Flax has no {name}")
    call = ModuleCall(subject.name, {"batch": 3, "m": 2}, (Axes((0,)),), {}, {}, seed=5)
    assert violation(LAW, host, call) is None
    with monkeypatch.context() as patch:
        fault(patch)
        assert violation(LAW, host, call) is not None
