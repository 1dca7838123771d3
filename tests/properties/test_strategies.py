"""The strategies keep their promises: sizes, axes, and slices that differ; seeds mean something."""

import functools
import itertools
import os
import subprocess
import sys
from typing import Any

import attrs
import jax
import numpy as np
import pytest

from conformance.transforms.linen.vmap import TRANSFORM as LINEN
from conformance.transforms.nnx.vmap import VMAP as NNX
from properties.applicability import refusal
from properties.batch_axes import anywhere, combinations, covering
from properties.call import Axes, FunctionCall, GeneratedModuleCall, ProgramCall
from properties.law import Law
from properties.laws import LAWS
from properties.laws.mapping.large import FEW, LARGE
from properties.laws.mapping.programs import BATCHES as PROGRAM_BATCHES
from properties.laws.sharing.generated import BATCHES as MODULE_BATCHES
from properties.loop_transform import LOOP
from properties.oracle import output_ranks
from properties.profile import PROFILES, Profile
from properties.run_law import run_law
from properties.sizes import FAMILIES, TURNS, pool, sizes
from properties.subject import FunctionSubject, Subject, dims
from properties.subjects import SUBJECTS
from properties.transform import Transform
from tests.properties.affected import raising

MANY = Profile("many", examples=6, shapes=16, combinations=24, deadline=60, random=False)
FEW_DEVICES = attrs.evolve(LOOP, name="jax.pmap", max_batch_size=lambda: 4)
every_subject = pytest.mark.parametrize("subject", SUBJECTS.values(), ids=lambda s: s.name)
every_law = pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.id)


def drawn(law: Law, transform: Transform, subject: Subject, profile: Profile = MANY) -> list[Any]:
    """The calls that a law's strategy gives for a profile."""
    calls: list[Any] = []
    keeping = attrs.evolve(law, check=lambda transform, call: calls.append(call))
    assert run_law(keeping, transform, subject, profile).violation is None
    return calls


@functools.cache
def all_drawn(law: Law, transform: Transform = LOOP) -> list[Any]:
    transform = attrs.evolve(
        transform,
        name=law.only_transform or transform.name,
        kinds=law.kinds,
        variants=lambda call: {**NNX.variants(call), **LINEN.variants(call)},
    )
    concerned = [
        subject
        for subject in SUBJECTS.values()
        if law.applies_to(transform, subject)
        if subject.name not in raising() and not law.skip_reason(transform, subject)
    ]
    assert concerned or law.id in (*NOT_OF_DEVICES, *OF_USERS)
    return [call for subject in concerned for call in drawn(law, transform, subject)]


FEW_VALUES = ("embed", "lax.gather.options")
"""Subjects with fewer values than a batch may have examples: ids of a small vocabulary, orders of three."""
NOT_OF_DEVICES = ("mapping.axis-size", "randomness.first-key-draws-for-all")
OF_USERS = ("mapping.whole-batch", "gradients.whole-batch")
"""Laws of users' subjects alone: none of the catalogue says that it takes a whole batch."""
BATCHES = {
    "mapping.axis-size": (0, 1),
    "mapping.concatenates": (4,),
    "parallel.placed-within": (6,),
}
"""Batches of laws that do not take the pool's."""
WITHOUT_MAPPED = {"mapping.axis-size", "mapping.broadcasts-unmapped"}
"""Laws whose calls have one combination of axes that maps nothing."""


@functools.cache
def out_rank(subject: Subject, law: Law) -> int:
    """The least rank of a result's leaves; no size changes it."""
    return min(output_ranks(drawn(law, LOOP, subject)[0]))


@every_subject
def test_distinct_sizes_are_distinct(subject: Subject) -> None:
    for turn in range(TURNS):
        chosen = sizes(subject, "distinct", turn)
        assert set(chosen) == {"batch", *dims(subject)}
        assert len(set(chosen.values())) == len(chosen)
        assert min(chosen.values()) >= 2


@every_subject
@pytest.mark.parametrize("max_batch_size", [None, 3, 4, 8])
def test_batch_is_large_enough_and_no_larger_than_there_are_devices(
    subject: Subject, max_batch_size: int | None
) -> None:
    for family, turn in itertools.product(FAMILIES, range(TURNS)):
        batch = sizes(subject, family, turn, max_batch_size)["batch"]
        if family == "one-example":
            assert batch == 1
        else:
            assert 3 <= batch <= (max_batch_size or 8)


@every_subject
def test_families_are_what_they_are_called(subject: Subject) -> None:
    # What a subject demands of a dimension comes first.
    demands = {"width": 2, "vocabulary": 2}
    for turn in range(TURNS):
        square, wide = sizes(subject, "square", turn), sizes(subject, "one-wide", turn)
        for name in dims(subject):
            assert square[name] == square["batch"] * (2 if name == "width" else 1)
            assert wide[name] == demands.get(name, 1)
        one = sizes(subject, "one-example", turn)
        assert len(set(one.values())) == len(one)


@every_subject
def test_the_pool_is_small_and_begins_with_distinct_sizes(subject: Subject) -> None:
    for seed in range(10):
        profile = attrs.evolve(PROFILES["quick"], seed=seed)
        chosen = pool(subject, profile)
        assert len(chosen) == profile.shapes
        assert len(set(chosen[0].values())) == len(chosen[0])
    families = [tuple(pool(subject, attrs.evolve(profile, seed=s))[1].values()) for s in range(10)]
    assert len(set(families)) > 2


@every_law
@pytest.mark.parametrize("transform", [LOOP, FEW_DEVICES], ids=lambda t: t.name)
def test_calls_take_their_sizes_from_the_pool(law: Law, transform: Transform) -> None:
    for call in all_drawn(law, transform):
        if law.id in BATCHES:
            assert call.sizes["batch"] in BATCHES[law.id]
            continue
        if law.id == "mapping.large-batch":
            assert (call.sizes["batch"], {axes.batch for axes in call.axes}) == (FEW, set(LARGE))
            continue
        if isinstance(call, ProgramCall):
            assert call.sizes["batch"] in PROGRAM_BATCHES
            continue
        if isinstance(call, GeneratedModuleCall):
            assert call.sizes["batch"] in MODULE_BATCHES
            continue
        sets = pool(call.subject, MANY, transform.max_batch_size())
        if law.id == "mapping.no-elements":
            (empty,) = (name for name, size in call.sizes.items() if size == 0)
            sets = [{**chosen, empty: 0} for chosen in sets]
        assert dict(call.sizes) in sets
        assert call.sizes["batch"] <= (transform.max_batch_size() or 8)


@every_law
def test_axes_are_valid_differ_and_are_negative_in_the_negative_law_only(law: Law) -> None:
    if law.id.startswith("errors."):
        pytest.skip("its calls are wrong on purpose")
    backward = law.id == "axes.negative-count-from-end"
    for call in all_drawn(law):
        trees = call.subject.arguments if isinstance(call, FunctionCall) else call.subject.inputs
        ranks = [[len(a.dims) for a in jax.tree_util.tree_leaves(tree)] for tree in trees]
        unmapped_too = law.id in WITHOUT_MAPPED
        assert 1 + unmapped_too <= len(call.axes) <= MANY.combinations + unmapped_too
        assert len(set(call.axes)) == len(call.axes)
        for axes in call.axes:
            assert len(axes.in_axes) == len(ranks)
            nothing_mapped = set(axes.in_axes) == {None}
            stated = axes.options if isinstance(call, FunctionCall) else call.options
            sizes = dict(stated)
            # A generated module's lift is told how many examples there are in any case.
            if not isinstance(call, GeneratedModuleCall):
                assert sizes in ({}, {"axis_size": axes.batch or call.sizes["batch"]})
                assert sizes or not nothing_mapped
            mapped = [
                (a, min(r)) for a, r in zip(axes.in_axes, ranks, strict=True) if a is not None
            ]
            least = (
                min(output_ranks(call))
                if isinstance(call, ProgramCall | GeneratedModuleCall)
                else out_rank(call.subject, law)
            )
            for axis, rank in (*mapped, (axes.out_axes, least)):
                assert -rank - 1 <= axis <= rank
                assert (axis < 0) == backward


@every_law
def test_slices_of_what_is_mapped_are_pairwise_different(law: Law) -> None:
    for call in all_drawn(law):
        if getattr(call, "edge_values", False) or call.subject_name in FEW_VALUES:
            continue
        if 0 in call.sizes.values():
            continue  # arrays without elements are all the same
        if getattr(call.subject, "kind", "") in ("rule", "large", "program"):
            continue  # there are but two booleans, few indices, and few small whole numbers
        for axes in call.axes[:2]:
            for argument, axis in zip(call.batch_first(axes), axes.in_axes, strict=True):
                for leaf in jax.tree_util.tree_leaves(argument) if axis is not None else ():
                    for one, other in itertools.combinations(np.asarray(leaf), 2):
                        assert not np.array_equal(one, other)


def test_arguments_of_one_call_are_not_alike() -> None:
    call = FunctionCall("matrix-add", {"batch": 3, "m": 2, "n": 4}, (), seed=5)
    first, second = call.batch_first(Axes((0, 0)))
    assert not np.any(first == second)


@pytest.mark.parametrize("name", ["square", "linear", "tanh-mlp", "gru-cell"])
def test_every_position_of_every_argument_is_covered_while_the_cap_allows(name: str) -> None:
    every = combinations(SUBJECTS[name], anywhere, anywhere, "any")
    for seed, most in itertools.product(range(20), (1, 2, 4, 24)):
        chosen = covering(every, most, seed)
        assert len(chosen) == min(most, len(every))
        assert len(set(chosen)) == len(chosen)
        slots = [(*axes.in_axes, axes.out_axes) for axes in every]
        positions = [set(column) for column in zip(*slots, strict=True)]
        if most >= sum(map(len, positions)):
            kept = zip(*((*axes.in_axes, axes.out_axes) for axes in chosen), strict=True)
            assert [set(column) for column in kept] == positions


@every_subject
def test_the_first_calls_are_those_that_users_write(subject: Subject) -> None:
    if refused := refusal(subject):
        pytest.skip(f"it raises by itself: {refused!r}")
    every = combinations(subject, anywhere, anywhere, "any")
    several = len(every[0].in_axes) > 1
    # Of hundreds of thousands of combinations, each time takes a second.
    times = 1 if len(every) < 100_000 else 5
    for seed in range(10 // times):
        first, *others = covering(every, 5, seed)
        assert (set(first.in_axes), first.out_axes) == ({0}, 0)
        if several:
            second = others[0]
            assert second.out_axes == 0
            assert sorted(map(str, second.in_axes)) == ["0"] * (len(first.in_axes) - 1) + ["None"]
    alone = {covering(every, 1, seed)[0] == first for seed in range(40 // times)}
    assert alone == ({True, False} if len(every) > 1 else {True})


def test_a_few_combinations_have_one_example_or_as_many_as_another_dimension() -> None:
    seen = set()
    traced = attrs.evolve(LOOP, traceable=True)
    for seed in range(10):
        profile = attrs.evolve(PROFILES["quick"], seed=seed)
        for call in drawn(LAWS["mapping.equals-per-example"], traced, SUBJECTS["linear"], profile):
            others = [axes.batch for axes in call.axes if axes.batch is not None]
            assert set(others) <= {1, call.sizes["m"], call.sizes["n"]}
            assert len(others) < len(call.axes)
            for axes in call.axes:
                size = axes.batch or call.sizes["batch"]
                assert call.only(axes).sizes == {**call.sizes, "batch": size}
                for argument, axis in zip(call.arguments(axes), axes.in_axes, strict=True):
                    assert axis is None or argument.shape[axis] == size
            seen.update(["one" if n == 1 else "square" for n in others])
    assert seen == {"one", "square"}


def test_some_ensembles_share_their_inputs() -> None:
    law = LAWS["sharing.ensemble-members"]
    axes = {call.axes[0].in_axes for call in drawn(law, LINEN, SUBJECTS["dense"])}
    assert (None,) in axes
    assert len(axes) > 1


def test_combinations_leave_unmapped_what_is_asked() -> None:
    linear = SUBJECTS["linear"]
    masks = {
        kind: {
            tuple(a is None for a in c.in_axes)
            for c in combinations(linear, anywhere, anywhere, kind)
        }
        for kind in ("none", "some", "any")
    }
    some = {m for m in itertools.product((False, True), repeat=3) if any(m) and not all(m)}
    assert masks == {"none": {(False,) * 3}, "some": some, "any": some | {(False,) * 3}}
    assert len(combinations(linear, anywhere, anywhere)) == 3 * 2 * 2 * 2


DIGESTS = """
import attrs
from properties.run_law import run_law
from properties.laws import LAWS
from properties.loop_transform import LOOP
from properties.profile import PROFILES
from properties.subjects import SUBJECTS
LAWS_AND_SUBJECTS = ("mapping.equals-per-example", "linear"), ("sharing.no-batch-axis", "dense")
for profile in (PROFILES["quick"], attrs.evolve(PROFILES["thorough"], examples=4)):
    for seed in (0, 0, 1, 2):
        for law, subject in LAWS_AND_SUBJECTS:
            nothing = attrs.evolve(LAWS[law], check=lambda transform, call: None)
            held = run_law(nothing, LOOP, SUBJECTS[subject], attrs.evolve(profile, seed=seed))
            print(profile.name, law, seed, held.examples, held.digest)
"""


def digests(**environment: str) -> list[list[str]]:
    without = {k: v for k, v in os.environ.items() if k not in ("CI", "TF_BUILD", "GITHUB_ACTIONS")}
    run = subprocess.run(
        [sys.executable, "-c", DIGESTS],
        env={**without, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return [line.split() for line in run.stdout.splitlines()]


def test_a_seed_gives_its_own_calls_again_also_with_ci_set() -> None:
    local = digests()
    assert local == digests(CI="true")
    by_seed: dict[Any, set[str]] = {}
    for profile, law, seed, examples, digest in local:
        assert int(examples) > 0
        by_seed.setdefault((profile, law, seed), set()).add(digest)
    assert all(len(same) == 1 for same in by_seed.values())
    assert len(set.union(*by_seed.values())) == len(by_seed)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
def test_profiles_leave_nothing_to_hypothesis(profile: Profile) -> None:
    stated = set(profile.settings())
    assert stated >= {"derandomize", "database", "deadline", "phases", "print_blob", "max_examples"}
    assert profile.settings()["derandomize"] is False
    assert profile.settings(database="here")["database"] == "here"


def test_every_call_is_of_its_subject() -> None:
    for subject in SUBJECTS.values():
        if refusal(subject):
            continue
        name = "mapping.equals-per-example"
        if not isinstance(subject, FunctionSubject):
            name = "sharing.equals-per-example"
        for call in drawn(LAWS[name], LOOP, subject, PROFILES["quick"]):
            assert call.subject is subject
