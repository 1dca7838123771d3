"""Which law kills which mutant of a transform. Every law must kill one; every mutant must be killed."""

from collections.abc import Collection, Sequence

import attrs
import jax

from conformance.mutation.control import Control, first_violation, unbroken
from conformance.mutation.results import CONTROL, MutationResult
from conformance.runner.items import in_shard
from conformance.transforms import TRANSFORMS
from conformance.user_subjects.subjects import registered
from properties.law import Law
from properties.laws import LAWS
from properties.mutants import MUTANTS, Mutant
from properties.mutants.mapping import setting_restored
from properties.profile import PROFILES, Profile
from properties.subject import (
    Array,
    FunctionSubject,
    ModuleFamily,
    ModuleSubject,
    OwnOptions,
    Subject,
    UseSubject,
)
from properties.subjects import SUBJECTS
from properties.transform import Transform

_CALLS = 4
"""Calls of each subject: a mutant that needs many to be noticed is a defect that users would not
notice."""

_FUNCTIONS = (
    "matrix-add",
    "linear",
    "softmax",
    "mlp-loss",
    "psum",
    "pmean",
    "ppermute",
    "axis-index",
    "draw-bits",
    "draw-bits-rbg",
    "large-maximum",
    "placed-constraint",
    "effect-callbacks",
    "lax.dot_general.options",
    "program-control",
)
MODULES = (
    "dense",
    "batch-norm",
    "dropout",
    "noisy-dense",
    "gru-cell",
    "partitioned-dense",
    "accumulator",
)
"""A few of every kind, so that a table is made in minutes."""

_BATCHED = FunctionSubject(
    "batched-softmax",
    jax.nn.softmax,
    (Array(("rows", "columns")),),
    source="function = jax.nn.softmax",
    own=OwnOptions(batched=True),
)
"""What takes a whole batch, as users may say of their own subjects."""

HOSTS = {
    "mapping": "jax.vmap",
    "axes": "jax.vmap",
    "nesting": "jax.vmap",
    "gradients": "jax.vmap",
    "collectives": "jax.vmap",
    "errors": "jax.vmap",
    "randomness": "jax.vmap",
    "parallel": "jax.pmap",
    "sharing": "flax.linen.vmap",
}
"""By a law's group: the transform that is broken for it, unless the law is about one alone."""


def host(law: Law) -> str:
    """The name of the transform whose mutants the law must kill."""
    return law.only_transform or HOSTS[law.id.split(".")[0]]


def hosts(law: Law) -> tuple[str, ...]:
    """All such transforms: a law of lifted modules must kill the mutants of NNX's map, too."""
    also = ("flax.nnx.vmap",) if law.id.startswith("sharing.") else ()
    return tuple(dict.fromkeys((host(law), *also)))


def pairs(shard: tuple[int, int] = (1, 1)) -> list[tuple[str, str]]:
    """Every law with each of its hosts that the installed releases have, or one shard of these."""
    return [
        (law.id, name)
        for law in LAWS.values()
        for name in hosts(law)
        if TRANSFORMS[name].unavailable() is None and in_shard(f"{law.id}|{name}", shard)
    ]


def subjects(law: Law) -> list[Subject]:
    """The subjects on which mutants are tried; together they reach every law."""
    if law.where(_BATCHED) and not any(map(law.where, SUBJECTS.values())):
        return [_BATCHED]
    if law.subjects is ModuleFamily:
        return [SUBJECTS["generated-state"]]
    if law.subjects is UseSubject:
        return [SUBJECTS["use.second-call"]]
    names = MODULES if law.subjects is ModuleSubject else _FUNCTIONS
    return [SUBJECTS[name] for name in names]


def profile(law: Law, transform: Transform) -> Profile:
    """What draws as many calls of every law: of derived ones, a run draws half of its profile's."""
    whole = attrs.evolve(PROFILES["quick"], examples=_CALLS, shapes=3)
    halved = whole.for_tiers(law.tier, transform.tier).examples < _CALLS
    return attrs.evolve(whole, examples=2 * _CALLS) if halved else whole


def mutate_transform(
    law_id: str, transform_name: str, names: Collection[str] = ()
) -> list[MutationResult]:
    """Check one law of a transform's mutants, on calls on which the unbroken transform passes.

    Args:
        law_id: The id of the law.
        transform_name: The name of the transform.
        names: The mutants; all of the law's kind where there are none.

    Returns:
        The control first, then one result for each mutant.

    """
    law, transform = LAWS[law_id], TRANSFORMS[transform_name]
    mutants = [
        mutant
        for mutant in MUTANTS.values()
        if mutant.lifts == issubclass(law.subjects, ModuleSubject)
        and (not names or mutant.name in names)
    ]
    killed_by: dict[str, str] = {}
    calls = 0
    for subject in subjects(law):
        survivors = [mutant for mutant in mutants if mutant.name not in killed_by]
        if not survivors:
            break
        with registered(subject):
            control, killed = _tried(law, transform, subject, survivors)
        if control.violation is not None:
            killed_by.setdefault(CONTROL, subject.name)
        calls += 0 if control.violation is not None else len(control.calls)
        killed_by.update(dict.fromkeys(killed, subject.name))
    return [
        MutationResult(law_id, transform_name, name, killed_by.get(name), calls)
        for name in (CONTROL, *(mutant.name for mutant in mutants))
    ]


def _tried(
    law: Law, transform: Transform, subject: Subject, mutants: Sequence[Mutant]
) -> tuple[Control, list[str]]:
    """The control on one subject, and the mutants that the law kills on its calls."""
    if not law.applies_to(transform, subject) or law.skip_reason(transform, subject):
        return Control((), None), []
    control = unbroken(law, transform, subject, profile(law, transform))
    if control.violation is not None:
        return control, []
    killed = []
    for mutant in mutants:
        with setting_restored():
            found = first_violation(law, mutant.mutate(transform), control.calls)
        if found is not None:
            killed.append(mutant.name)
    return control, killed
