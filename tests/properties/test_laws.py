"""Every law is well formed, and holds for the Python loop: laws and reference agree."""

import functools
import importlib
import pkgutil
import types
from typing import Any

import attrs
import jax
import pytest

from conformance.runner.installed_defects import installed_defects
from properties import laws, oracle
from properties.call import ModuleCall
from properties.law import Law, laws_of
from properties.laws import LAWS
from properties.loop_transform import LOOP
from properties.profile import Profile
from properties.run_law import run_law
from properties.subject import FunctionSubject, ModuleSubject, UseSubject
from properties.subjects import SUBJECTS
from properties.transform import Lifted, Transform
from reference.loop import example, stack

SMALL = Profile("small", examples=2, shapes=2, combinations=4, deadline=60, random=False, seed=5)
CHOSEN = (
    *("square", "linear", "sort", "dense", "batch-norm", "dropout", "gru-cell", "draw-bits"),
    *("program-control", "effect-callbacks"),
)

KINDS_OF_FUNCTIONS = ("function", "rule", "collective", "draw")


def plain(call: ModuleCall) -> Lifted:
    """The reference given a whole batch: row by row, as a module that broadcasts would."""
    one = oracle.applied(call)

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        rows = [
            one(variables, rngs, *example(inputs, (0,) * len(inputs), i))[0]
            for i in range(call.size)
        ]
        return stack(rows), {}

    return Lifted(LOOP.lift(call).init, apply)


NOT_OF_A_LOOP = {
    "collectives.equal-plain-reductions": "it sees one example at a time: none speaks to the others",
    "collectives.gradients": "the same",
    "collectives.unmapped-operand": "the same",
    "collectives.over-two-names": "the same",
    "collectives.map-between": "the same",
    "errors.within-the-function": "it can run what a map must refuse: it has each example's values",
    "mapping.keeps-options": "it has no batching rule that could drop an option",
    "mapping.large-batch": "a Python loop over tens of thousands of examples takes minutes",
    "mapping.whole-batch": "no subject of the catalogue says that it takes a whole batch",
    "gradients.whole-batch": "the same",
    "parallel.data-parallel-step": "the same",
    "parallel.devices": "it has no devices to choose from",
    "parallel.placed-within": "it takes no spmd_axis_name",
    "parallel.sharded-jit-agrees": "the same; it takes no spmd_axis_name",
    "randomness.first-key-draws-for-all": "it gives every key to the function by itself",
    "sharing.aliases": "its modules are functions, which nothing can share",
    "sharing.documented-uses": "it is no library that documents uses",
    "sharing.generated-module": "it is no library that generated modules are written in",
    "sharing.metadata": "it does not name axes",
    "sharing.nested": "it is no lift that others could be nested with",
    "sharing.options": "it has none",
    "sharing.synchronised": "it sees one example at a time",
}
"""Laws that have nothing to say of a Python loop, and why."""
HONEST = attrs.evolve(LOOP, unlifted=plain)
PAIRS = [
    (law, SUBJECTS[name])
    for law in LAWS.values()
    for name in CHOSEN
    if law.id not in NOT_OF_A_LOOP
    and law.applies_to(attrs.evolve(HONEST, name=law.only_transform or "loop"), SUBJECTS[name])
    and not law.skip_reason(attrs.evolve(HONEST, name=law.only_transform or "loop"), SUBJECTS[name])
]


@pytest.mark.parametrize(
    ("law", "subject"), PAIRS, ids=lambda each: each.id if isinstance(each, Law) else each.name
)
def test_law_holds_for_the_loop(law: Law, subject: Any) -> None:
    if law.only_transform is not None:
        for defect in installed_defects():
            about = defect.law == law.id and defect.transform == law.only_transform
            if about and defect.call.subject_name == subject.name:
                pytest.skip(f"this release has the defect {defect.id}")
        # A loop cannot be traced by vmap as pmap can: vmap stands in for it.
        transform = Transform(
            law.only_transform,
            "",
            lambda function, axes: jax.vmap(function, axes.in_axes, axes.out_axes),
        )
    else:
        transform = HONEST
    held = run_law(law, transform, subject, SMALL)
    assert held.violation is None
    assert held.examples >= SMALL.for_tiers(law.tier).examples


def test_every_law_is_held_to_the_loop() -> None:
    assert {law.id for law, _ in PAIRS} == set(LAWS) - set(NOT_OF_A_LOOP)


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.id)
def test_file_and_function_of_a_law_are_those_of_its_id(law: Law) -> None:
    group, _, name = law.id.partition(".")
    package = f"properties.laws.{group}"
    assert law.check.__module__ == package or law.check.__module__.startswith(f"{package}.")
    assert law.check.__name__ == name.replace("-", "_")


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.id)
def test_law_has_an_id_a_sentence_and_a_check(law: Law) -> None:
    assert LAWS[law.id] is law
    group, _, name = law.id.partition(".")
    assert group.isidentifier()
    assert name.replace("-", "").isalnum()
    assert name == name.lower()
    assert law.sentence == law.sentence.strip()
    assert law.sentence.endswith(".")
    assert law.sentence[0].isupper() or law.sentence.startswith("`") or group == "parallel"
    assert (law.check.__doc__ or "").startswith(law.sentence)


def test_no_file_of_laws_is_forgotten() -> None:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(laws.__path__, f"{laws.__name__}.")
    ]
    assert laws_of(*modules).keys() == LAWS.keys()


def test_two_laws_of_one_id_are_refused() -> None:
    twice = types.ModuleType("twice")
    check = functools.wraps(LAWS["axes.in-axes-permute"].check)(lambda transform, call: None)
    check.__module__ = "twice"
    for name in ("first", "second"):
        vars(twice)[name] = attrs.evolve(LAWS["axes.in-axes-permute"], check=check)
    with pytest.raises(ValueError, match=r"two laws have the id 'axes\.in-axes-permute'"):
        laws_of(twice)


def test_sentences_are_different() -> None:
    assert len({law.sentence for law in LAWS.values()}) == len(LAWS)


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.id)
def test_a_law_concerns_subjects_of_its_kind_only(law: Law) -> None:
    transform = attrs.evolve(LOOP, name=law.only_transform or "loop", kinds=KINDS_OF_FUNCTIONS)
    maps_functions_only = Transform(
        law.only_transform or "loop", "", LOOP.map, kinds=KINDS_OF_FUNCTIONS
    )
    for subject in SUBJECTS.values():
        concerned = law.applies_to(transform, subject)
        kind = subject.kind if isinstance(subject, FunctionSubject) else None
        is_its_kind = isinstance(subject, law.subjects) and kind in (None, *law.kinds)
        is_its_kind &= isinstance(subject, UseSubject) is issubclass(law.subjects, UseSubject)
        assert concerned == (is_its_kind and law.where(subject))
        if kind is not None:
            others = tuple(set(KINDS_OF_FUNCTIONS) - {kind})
            elsewhere = law.applies_to(attrs.evolve(transform, kinds=others), subject)
            assert elsewhere == (concerned and law.only_transform is not None)
        is_module = isinstance(subject, ModuleSubject)
        assert law.applies_to(maps_functions_only, subject) == (concerned and not is_module)
        if law.only_transform is not None:
            assert not law.applies_to(attrs.evolve(LOOP, name="another"), subject)


def test_where_a_transform_is_missing_no_law_is_applicable() -> None:
    missing = attrs.evolve(LOOP, unavailable=lambda: "this release has none")
    for law in LAWS.values():
        subject = next(s for s in SUBJECTS.values() if isinstance(s, law.subjects))
        assert law.skip_reason(missing, subject) == "this release has none"
