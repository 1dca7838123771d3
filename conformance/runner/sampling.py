"""Which items a run checks: all of them, or a sample that the profile's seed chooses.

Nothing else decides it. The tiers are in `properties/profile.py`, with the table of each profile.
"""

import functools
import hashlib
import zlib

from properties.law import Law
from properties.profile import Profile, Sampling
from properties.subject import FunctionSubject, ModuleSubject, Subject, UseSubject
from properties.subjects import (
    COLLECTIVES,
    DRAWS,
    FUNCTIONS,
    GENERATED_MODULES,
    MODULES,
    PROGRAMS,
    SUBJECTS,
    USES,
)
from properties.transform import Transform


def not_sampled_reason(
    law: Law, transform: Transform, subject: Subject, profile: Profile
) -> str | None:
    """Why a run of the profile does not check this item; None where it does."""
    if subject.own is not None:
        one_in = _own_rate(law, transform, subject, profile.sampling)
        name = f"{law.seed_id}|{transform.name}|{subject.name}"
        sampled = _checksum(name, profile) % one_in == 0
        population = f"a user's own subjects under {transform.name}"
    elif subject.tier == "catalogue":
        one_in = _catalogue_rate(law, profile.sampling)
        population = "the catalogue's subjects"
        varies = isinstance(subject, FunctionSubject) and subject.is_variant
        if varies and law.tier != "essential":
            one_in = max(one_in, profile.sampling.variants)
            population += " that vary parameters"
        name = f"{law.seed_id}|{transform.name}|{subject.name}"
        sampled = _checksum(name, profile) % one_in == 0
    else:
        one_in = _rate(law, transform, profile.sampling)
        sampled = one_in == 1 or _in_sample(law, transform, subject, one_in, profile)
        population = f"the subjects of {transform.name}"
    if sampled:
        return (
            None
            if subject.own is not None
            else _left_out_beside_own(law, transform, subject, profile)
        )
    or_subject = "" if subject.own is not None else " or the subject"
    return (
        f"profile {profile.name} checks this law for one in {one_in} of {population}, which the seed "
        f"chooses; profile thorough checks all, and so does a run that names the law{or_subject}"
    )


def _left_out_beside_own(
    law: Law, transform: Transform, subject: Subject, profile: Profile
) -> str | None:
    """Why a run about a user's code leaves out an item that it would check otherwise."""
    used = profile.used_primitives or ()
    in_catalogue = subject.tier == "catalogue"
    is_used = in_catalogue and _primitive(subject) in used
    is_named = not in_catalogue and transform.name in profile.named_transforms
    one_in = profile.sampling.named_transforms if is_named else profile.share
    name = f"{law.seed_id}|{transform.name}|{subject.name}"
    if is_used or _in_share(name, profile, one_in):
        return None
    return (
        f"an upgrade of your own code checks the primitives that it uses, and one in {one_in} of "
        f"these items, which the seed chooses; profile ci checks all"
    )


def observed_subjects(profile: Profile) -> list[str] | None:
    """The names of the suite's own subjects that are observed; None for all."""
    if profile.share == 1:
        return None
    return [
        name
        for name, each in SUBJECTS.items()
        if not each.own and _in_share(name, profile, profile.share)
    ]


def _in_share(name: str, profile: Profile, one_in: int) -> bool:
    """Whether a run about a user's code has an item, or a subject, of the suite's own.

    Its checksum is another one than that of the sampling: two of crc32 are not independent.
    """
    digest = hashlib.sha256(f"{profile.seed}/share/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % one_in == 0


def _primitive(subject: Subject) -> str:
    """The name of the primitive that a subject of the catalogue stands for."""
    return subject.name.split(".")[1]


OF_SUBJECTS = frozenset(
    {
        "mapping.whole-batch",
        "collectives.equal-plain-reductions",
        "mapping.called-again",
        "gradients.per-example",
        "gradients.whole-batch",
        "sharing.native-broadcast",
        "sharing.no-batch-axis",
        "sharing.ensemble-members",
        "sharing.collections",
        "sharing.updates-differ",
        "sharing.rng-streams",
        "sharing.gradients",
    }
)
"""Laws that a mistake in a subject breaks, beside the essential ones; others, a mistake in a transform."""


def _own_rate(law: Law, transform: Transform, subject: Subject, table: Sampling) -> int:
    if law.tier == "essential":
        return 1
    over_devices = transform.max_batch_size() is not None
    lifts = isinstance(subject, ModuleSubject) or not transform.maps_modules
    if over_devices or transform.tier == "derived" or not lifts:
        return table.own_elsewhere
    return 1 if law.id in OF_SUBJECTS else table.own


def _catalogue_rate(law: Law, table: Sampling) -> int:
    if law.tier == "essential":
        return 1
    return table.catalogue_on_devices if law.tier == "devices" else table.catalogue


def _rate(law: Law, transform: Transform, table: Sampling) -> int:
    if law.subjects is UseSubject and transform.max_batch_size() is None:
        # Each is about something of its own, which no other one shows.
        return 1
    derived = {"derived", "generated", "devices"} & {law.tier, transform.tier}
    return table.derived if derived else 1


def _in_sample(
    law: Law, transform: Transform, subject: Subject, one_in: int, profile: Profile
) -> bool:
    """Whether the subject is in a sample of at least one; a user's own subjects always are."""
    population = _population(law, transform)
    if subject.name not in population:
        return True
    of = f"{law.seed_id}|{transform.name}"
    shuffled = sorted(population, key=lambda name: _checksum(f"{of}|{name}", profile))
    return subject.name in shuffled[: -(-len(shuffled) // one_in)]


def _checksum(name: str, profile: Profile) -> int:
    return zlib.crc32(f"{profile.seed}/chosen/{name}".encode())


@functools.cache
def _population(law: Law, transform: Transform) -> tuple[str, ...]:
    """The suite's own subjects outside the catalogue that the law applies to."""
    suite: tuple[Subject, ...] = (
        *FUNCTIONS,
        *MODULES,
        *USES,
        *GENERATED_MODULES,
        *COLLECTIVES,
        *DRAWS,
        *PROGRAMS,
    )
    return tuple(
        subject.name
        for subject in suite
        if law.applies_to(transform, subject) and not law.inapplicable_reason(transform, subject)
    )
