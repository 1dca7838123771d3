"""Faults planted in Flax itself are noticed in documented uses, and Flax as it is is not."""

import dataclasses
import functools
import re
import types
from collections import Counter
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import pytest

from conformance.transforms import TRANSFORMS
from conformance.transforms.nnx.uses.base import raises
from properties.call import Axes, ModuleCall
from properties.law import violation
from properties.laws import LAWS
from properties.subjects import SUBJECTS, USES

LAW = LAWS["sharing.documented-uses"]
NNX, LINEN = "flax.nnx.vmap", "flax.linen.vmap"


def call_of(name: str, size: int = 3, seed: int = 5) -> ModuleCall:
    return ModuleCall(f"use.{name}", {"batch": size, "m": 2}, (Axes((0,)),), {}, {}, seed=seed)


def streams_not_restored(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import rnglib

    patch.setattr(rnglib, "restore_rngs", lambda backups: None)


def streams_restored_to_before(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import rnglib

    def restore(backups: Any) -> None:
        for stream, key, count in backups:
            stream.key.set_value(key)
            stream.count.set_value(count - 1)

    patch.setattr(rnglib, "restore_rngs", restore)


def keys_all_alike(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import rnglib

    def split(key: Any, splits: Any) -> Any:
        shape = (splits,) if isinstance(splits, int) else splits
        return jnp.broadcast_to(key, shape)

    patch.setattr(
        rnglib, "random", types.SimpleNamespace(**{**vars(rnglib.random), "split": split})
    )


def metadata_not_restored(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import spmd

    patch.setattr(spmd, "add_axis", lambda tree, index, metadata: tree)


def metadata_left_within(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import spmd

    patch.setattr(spmd, "remove_axis", lambda tree, index, metadata: tree)


def keywords_reversed(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx.transforms import iteration

    patch.setattr(iteration, "resolve_kwargs", lambda f, args, kwargs: (*args, *kwargs.values()))


def writes_by_closure_pass(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import variablelib

    patch.setattr(variablelib.Variable, "_check_can_update", lambda self: None)


def bound_methods_pass(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx.transforms import iteration

    patch.setattr(iteration, "_raise_bound_method_error", lambda name: None)


def captured_modules_pass(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import pytreelib

    patch.setattr(pytreelib.Pytree, "_check_valid_context", lambda self, message: None)


def filters_in_reverse(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx.transforms import iteration

    whole = iteration.StateAxes.__init__

    def made(self: Any, axes: Any) -> None:
        whole(self, axes)
        _, *named = self._filters
        if len(named) > 2:
            self._axes = (self._axes[0], *self._axes[1:-1][::-1], self._axes[-1])

    patch.setattr(iteration.StateAxes, "__init__", made)


def axes_without_sign(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx.transforms import iteration

    whole = iteration.StateAxes.__init__

    def made(self: Any, axes: Any) -> None:
        whole(self, axes)
        self._axes = tuple(axis if axis is None else abs(axis) - (axis < 0) for axis in self._axes)

    patch.setattr(iteration.StateAxes, "__init__", made)


def nothing_is_taken_away(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import graphlib

    from conformance.transforms.nnx.uses.graph import Grown

    kind = graphlib.GRAPH_REGISTRY[Grown]
    patch.setitem(
        graphlib.GRAPH_REGISTRY, Grown, dataclasses.replace(kind, clear=lambda node: None)
    )


def every_stream_is_split(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import rnglib

    every = types.SimpleNamespace(
        **{**vars(rnglib.filterlib), "to_predicate": lambda only: lambda path, value: True}
    )
    patch.setattr(rnglib, "filterlib", every)


def names_of_the_partition_alone(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import spmd

    def name_alone(given: Any) -> Any:
        return given[spmd.PARTITION_NAME], {}

    patch.setattr(spmd, "_get_partition_name_and_metadata", name_alone)


def decorator_changes_no_names(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx.transforms import iteration

    patch.setattr(iteration, "_apply_axis_fn", lambda tree, axes, metadata, change: None)


def extract_with(patch: pytest.MonkeyPatch, name: str, changed: Callable[..., Any]) -> None:
    """Put a function of `flax.nnx.extract` in another one's place, which is given the whole one."""
    from flax.nnx import extract

    if not hasattr(extract, name):
        pytest.skip(f"this release of Flax has no extract.{name}")
    whole = getattr(extract, name)
    patch.setattr(extract, name, lambda *args, **kwargs: changed(whole, *args, **kwargs))


def carried_modules_stay_as_they_were(patch: pytest.MonkeyPatch) -> None:
    extract_with(patch, "update_carry_variables", lambda whole, before, after: before)


def results_may_be_arguments(patch: pytest.MonkeyPatch) -> None:
    def apart(whole: Any, name: str, check: Any = (), **trees: Any) -> Any:
        every = [whole(name, check=check, **{part: tree}) for part, tree in trees.items()]
        return {path: variable for found in every for path, variable in found.items()}

    extract_with(patch, "check_no_aliases", apart)


def results_may_be_captured(patch: pytest.MonkeyPatch) -> None:
    def unchecked(whole: Any, name: str, check: Any = (), **trees: Any) -> Any:
        return whole(name, **trees)

    extract_with(patch, "check_no_aliases", unchecked)


def metadata_alone_is_no_change(patch: pytest.MonkeyPatch) -> None:
    def values(whole: Any, after: Any, before: Any) -> Any:
        return any(a is not b for a, b in zip(leaves(after), leaves(before), strict=True))

    leaves = jax.tree_util.tree_leaves
    extract_with(patch, "variable_changed", values)


def keys_not_cloned(patch: pytest.MonkeyPatch) -> None:
    from flax.core import lift

    patch.setattr(
        lift,
        "random",
        types.SimpleNamespace(**{k: v for k, v in vars(lift.random).items() if k != "clone"}),
    )


def every_prefix_passes(patch: pytest.MonkeyPatch) -> None:
    def unchecked(whole: Any, *args: Any) -> Any:
        try:
            return whole(*args)
        except ValueError:
            return [0]

    extract_with(patch, "check_prefix", unchecked)


def keywords_along_the_next_axis(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx.transforms import iteration

    if not hasattr(iteration, "labeled"):
        pytest.skip("this release of Flax has no labeled trees")
    whole = iteration.labeled
    patch.setattr(
        iteration,
        "labeled",
        lambda args, kwargs: whole(args=args, kwargs=1 if kwargs == 0 else kwargs),
    )


def aliases_pass(patch: pytest.MonkeyPatch) -> None:
    for name in ("check_consistent_aliasing", "check_consistent_aliasing2"):
        extract_with(patch, name, lambda whole, *args, **kwargs: None)


def members_alike(patch: pytest.MonkeyPatch) -> None:
    from flax.core import lift

    def split(key: Any, count: int) -> Any:
        return jnp.broadcast_to(key, (count, *key.shape))

    patch.setattr(lift, "random", types.SimpleNamespace(**{**vars(lift.random), "split": split}))


def names_of_one_member(patch: pytest.MonkeyPatch) -> None:
    from flax.core import meta

    patch.setattr(meta, "add_axis", lambda tree, index, params: tree)


def names_start_anew(patch: pytest.MonkeyPatch) -> None:
    from flax.linen import module

    patch.setattr(module._ModuleInternalState, "reimport", lambda self, other: None)


def attributes_by_name_are_lost(patch: pytest.MonkeyPatch) -> None:
    from flax.linen import transforms

    whole = transforms.module_class_lift_transform

    def lost(transform: Any, of: Any, *args: Any, **kwargs: Any) -> Any:
        given = functools.partial(of.func, *of.args) if isinstance(of, functools.partial) else of
        return whole(transform, given, *args, **kwargs)

    patch.setattr(transforms, "module_class_lift_transform", lost)


def setting_takes_precedence(patch: pytest.MonkeyPatch) -> None:
    from flax.nnx import graphlib

    if not hasattr(graphlib, "set_graph_mode"):
        pytest.skip("this release of Flax has one mode")
    whole = graphlib.iter_graph
    patch.setattr(graphlib, "iter_graph", lambda node, graph=None: whole(node))


def branches_in_reverse(patch: pytest.MonkeyPatch) -> None:
    from flax import nnx

    whole = nnx.switch

    def switch(index: Any, branches: Any, *operands: Any, **mode: Any) -> Any:
        return whole(index, branches[::-1], *operands, **mode)

    patch.setattr(nnx, "switch", switch)


FAULTS: tuple[tuple[str, Callable[[pytest.MonkeyPatch], None], tuple[str, ...]], ...] = (
    (NNX, streams_not_restored, ("dropout-of-members", "constructor", "split-in-mode")),
    (NNX, streams_restored_to_before, ("dropout-of-members", "split-by-argument")),
    (
        NNX,
        keys_all_alike,
        ("constructor", "kept-streams", "squeezed-split", "forked-streams", "split-in-mode"),
    ),
    (NNX, every_stream_is_split, ("one-of-two-streams", "split-by-argument")),
    (
        NNX,
        metadata_not_restored,
        ("metadata", "metadata-one-axis", "other-metadata", "bridged-names"),
    ),
    (
        NNX,
        metadata_left_within,
        ("metadata", "metadata-one-axis", "other-metadata", "bridged-names"),
    ),
    (NNX, names_of_the_partition_alone, ("other-metadata",)),
    (NNX, decorator_changes_no_names, ("metadata-by-decorator",)),
    (NNX, bound_methods_pass, ("bound-is-refused",)),
    (NNX, captured_modules_pass, ("changed-by-closure",)),
    (NNX, filters_in_reverse, ("several-filters",)),
    (NNX, axes_without_sign, ("from-the-end",)),
    (NNX, nothing_is_taken_away, ("grown",)),
    (NNX, keywords_reversed, ("by-keyword",)),
    (NNX, aliases_pass, ("two-axes-of-one",)),
    (NNX, setting_takes_precedence, ("mode-by-setting",)),
    (NNX, keywords_along_the_next_axis, ("keyword-behind",)),
    (NNX, carried_modules_stay_as_they_were, ("looped",)),
    (NNX, branches_in_reverse, ("shared-in-branches",)),
    (NNX, results_may_be_arguments, ("given-back",)),
    (NNX, results_may_be_captured, ("given-back",)),
    (NNX, every_prefix_passes, ("refused-prefixes",)),
    (
        NNX,
        writes_by_closure_pass,
        ("written-by-closure", "changed-by-closure", "updated-by-closure"),
    ),
    (NNX, metadata_alone_is_no_change, ("metadata-set",)),
    (LINEN, keys_not_cloned, ("keys-checked",)),
    (LINEN, members_alike, ("dropout-of-members", "one-key")),
    (LINEN, names_of_one_member, ("metadata",)),
    (LINEN, names_start_anew, ("counted-names",)),
    (LINEN, attributes_by_name_are_lost, ("partial-class",)),
)
"""The transform, the fault in Flax, and uses that must notice it."""


def found(transform: str, name: str) -> Any:
    host = TRANSFORMS[transform]
    if LAW.skip_reason(host, SUBJECTS[f"use.{name}"]) is not None:
        pytest.skip(f"this release of Flax has no {name}")
    return violation(LAW, host, call_of(name))


@pytest.mark.parametrize(
    ("transform", "fault", "names"), FAULTS, ids=[fault.__name__ for _, fault, _ in FAULTS]
)
def test_a_fault_in_flax_is_noticed_and_its_control_is_not(
    transform: str, fault: Any, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        assert found(transform, name) is None, name
        with monkeypatch.context() as patch:
            fault(patch)
            assert found(transform, name) is not None, name


def test_each_use_is_one_of_some_transform() -> None:
    lifting = [t for t in TRANSFORMS.values() if t.maps_modules and t.unavailable() is None]
    for subject in USES:
        reasons = [LAW.skip_reason(transform, subject) for transform in lifting]
        assert subject.sentence
        assert None in reasons or NNX not in [t.name for t in lifting], subject.name


def test_a_use_may_say_that_something_raises() -> None:
    assert raises(lambda: 1 / 0)
    assert not raises(lambda: 1)


def test_a_sum_of_zeros_may_have_either_sign() -> None:
    """With this seed the loop gives -0 and the map 0 on jax 0.10.2."""
    call = call_of("shared-result", seed=1073175910)
    assert violation(LAW, TRANSFORMS[LINEN], call) is None


def given(function: Callable[[], Any]) -> Any:
    """What the function gives, or the exception that it raises, as by a known defect."""
    try:
        return function()
    except Exception as error:
        return error


@pytest.mark.parametrize("transform", [NNX, LINEN])
def test_the_source_of_a_use_gives_what_the_use_gives(transform: str) -> None:
    """A script holds no more than its own text, so that no function of ours may be missing from it."""
    host = TRANSFORMS[transform]
    for subject in USES:
        if LAW.skip_reason(host, subject) is not None:
            continue
        call = call_of(subject.name.removeprefix("use."))
        names: dict[str, Any] = {}
        exec(host.source(call), names)
        defined = Counter(re.findall(r"^(?:def|class) (\w+)", host.source(call), re.MULTILINE))
        assert set(defined.values()) == {1}, subject.name
        got, expected = given(names["mapped"]), given(host.use(call)[0])
        assert not isinstance(got, NameError), got
        if isinstance(expected, Exception):
            texts = {re.sub(r"id=\d+", "", str(each)) for each in (got, expected)}
            assert (type(got), len(texts)) == (type(expected), 1)
        else:
            chex.assert_trees_all_equal(got, expected)
