"""Faults planted in Flax's loops, scopes and streams are noticed by their uses, and Flax as it is is not."""

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


def written_along_the_first_axis(patch: pytest.MonkeyPatch) -> None:
    """Where no graph is updated, whatever changed is given back along axis 0."""
    from flax.nnx import extract

    if not hasattr(extract, "get_updates"):
        pytest.skip("this release of Flax has one mode")
    whole = extract.get_updates

    def updates(current: Any, snapshot: Any, *, prefix: Any = None, **named: Any) -> Any:
        front = jax.tree_util.tree_map(lambda axis: 0, prefix)
        return whole(current, snapshot, prefix=front, **named)

    patch.setattr(extract, "get_updates", updates)


def shared_by_steps_is_restored(patch: pytest.MonkeyPatch) -> None:
    """What all steps of a scan share is afterwards what it was before."""
    whole = jax.lax.scan

    def scan(function: Any, init: Any, *given: Any, **named: Any) -> Any:
        after, ys = whole(function, init, *given, **named)
        shares = isinstance(init, tuple) and len(init) == 2 and isinstance(init[1], list)
        return ((after[0], init[1]) if shares else after), ys

    patch.setattr(jax.lax, "scan", scan)


def names_of_results_in_front(patch: pytest.MonkeyPatch) -> None:
    """The name of the new axis of what a function makes is always the first one."""
    from flax.nnx.transforms import iteration

    if not hasattr(iteration, "_apply_axis_fn"):
        pytest.skip("this release of Flax has no decorator for metadata")
    whole, given = iteration._apply_axis_fn, []

    def applied(tree: Any, axes: Any, metadata: Any, change: Any) -> None:
        if change is iteration.spmd.remove_axis:
            given.append(tree)
        elif not any(tree is each for each in given):
            axes = jax.tree_util.tree_map(lambda _: 0, axes)
        whole(tree, axes, metadata, change)

    patch.setattr(iteration, "_apply_axis_fn", applied)


def forks_count_no_draw(patch: pytest.MonkeyPatch) -> None:
    """A fork of a stream that is not split has its key."""
    from flax.nnx import rnglib

    whole = rnglib.RngStream.fork

    def fork(self: Any, *, split: Any = None) -> Any:
        if split is not None:
            return whole(self, split=split)
        return type(self)(self.key.get_value(), tag=self.tag)

    patch.setattr(rnglib.RngStream, "fork", fork)


def boxes_are_told_the_first_axis(patch: pytest.MonkeyPatch) -> None:
    """A box is told axis 0 of an axis that counts from the end."""
    from flax.core import meta

    whole = meta.add_axis
    patch.setattr(meta, "add_axis", lambda tree, axis, names: whole(tree, max(axis, 0), names))


def all_may_be_written_to(patch: pytest.MonkeyPatch) -> None:
    """Within a lift, a collection may be written to that no one said may be."""
    from flax.core import lift

    whole = lift.intersect_filters
    patch.setattr(lift, "intersect_filters", lambda a, b: b if a is False else whole(a, b))


def paths_are_reversed(patch: pytest.MonkeyPatch) -> None:
    """A module that is an argument is looked for by its path, from its end."""
    from flax.core import lift

    whole = lift._dedup_scopes

    def scopes_of(scopes: Any) -> Any:
        least, paths = whole(scopes)
        return least, tuple((scope, tuple(reversed(path))) for scope, path in paths)

    patch.setattr(lift, "_dedup_scopes", scopes_of)


def scans_go_forwards(patch: pytest.MonkeyPatch) -> None:
    """A scan from the end begins in front."""
    from flax.core import axes_scan

    whole = axes_scan.scan
    patch.setattr(axes_scan, "scan", lambda *fn, **given: whole(*fn, **{**given, "reverse": False}))


def indices_wrap_around(patch: pytest.MonkeyPatch) -> None:
    """A switch counts branches anew beyond the last one."""
    whole = jax.lax.switch

    def switch(index: Any, branches: Any, *operands: Any) -> Any:
        return whole(index % len(branches), branches, *operands)

    patch.setattr(jax.lax, "switch", switch)


def what_goes_in_comes_out(patch: pytest.MonkeyPatch) -> None:
    """A collection that a lift only takes in may be written to within."""
    from flax.core import lift

    whole = lift._split_in_out_axes

    def split(axes: Any) -> Any:
        inward, outward = whole(axes)
        return inward, {**inward, **outward}

    patch.setattr(lift, "_split_in_out_axes", split)


def _skip_where_loops_have_one_mode() -> None:
    from flax.nnx import extract

    if not hasattr(extract, "check_same_variables"):
        pytest.skip("this release of Flax has one mode of its loops")


def carries_may_be_replaced(patch: pytest.MonkeyPatch) -> None:
    """A loop over trees does not look whether it is given back the variables that it gave."""
    from flax.nnx import extract

    _skip_where_loops_have_one_mode()
    patch.setattr(extract, "check_same_variables", lambda before, after, transform_name: None)


def modules_are_merged_one_by_one(patch: pytest.MonkeyPatch) -> None:
    """What modules share is looked for within each of them."""
    from flax.nnx import extract

    _skip_where_loops_have_one_mode()
    whole = extract.from_tree2

    def merged(tree: Any, **given: Any) -> Any:
        is_one = lambda each: isinstance(each, extract.TreeState)  # noqa: E731
        return jax.tree_util.tree_map(lambda each: whole(each, **given), tree, is_leaf=is_one)

    patch.setattr(extract, "from_tree2", merged)


FAULTS: tuple[tuple[str, str, Callable[[pytest.MonkeyPatch], None]], ...] = (
    (LINEN, "scanned", results_in_front),
    (LINEN, "scanned", carried_variables_are_lost),
    (LINEN, "waited", one_key_for_all_turns),
    (NNX, "gradient-of-change", updates_are_dropped),
    (NNX, "scanned", axes_from_the_end_stay),
    (NNX, "scanned", shared_by_steps_is_restored),
    (NNX, "second-call", written_along_the_first_axis),
    (NNX, "metadata-by-decorator", names_of_results_in_front),
    (NNX, "carry-replaced", carries_may_be_replaced),
    (NNX, "shared-by-modules", modules_are_merged_one_by_one),
    (NNX, "forked-streams", forks_count_no_draw),
    (LINEN, "metadata", boxes_are_told_the_first_axis),
    (LINEN, "scanned", scans_go_forwards),
    (LINEN, "lifts-inside", indices_wrap_around),
    (LINEN, "error-inside", what_goes_in_comes_out),
    (LINEN, "error-inside", all_may_be_written_to),
    (LINEN, "module-argument", paths_are_reversed),
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
    call = ModuleCall(subject.name, {"batch": 3, "m": 2}, (Axes((0,)),), {}, {}, seed=7)
    assert violation(LAW, host, call) is None
    with monkeypatch.context() as patch:
        fault(patch)
        assert violation(LAW, host, call) is not None
