"""Which items a run has: one for each law, transform and subject, and one for each known defect."""

import fnmatch
import zlib
from collections.abc import Mapping, Sequence

import attrs

from conformance.events.records import Started
from conformance.known_defects.defect import Defect
from conformance.runner import sampling
from conformance.runner.installed_defects import installed_defects
from conformance.transforms import TRANSFORMS, third_party
from properties.law import Law
from properties.laws import LAWS
from properties.profile import Profile
from properties.subject import Subject
from properties.subjects import SUBJECTS
from properties.transform import Transform


@attrs.frozen
class Item:
    """One thing to run: a law on a transform of a subject, or the minimal call of a known defect."""

    law: Law
    transform: Transform
    subject: Subject
    defect: Defect | None = None

    @property
    def planned_as(self) -> str:
        """Its key in a plan; a defect comes with the item that its law is about."""
        return f"{self.law.id}|{self.transform.name}|{self.subject.name}"

    @property
    def id(self) -> str:
        """A name that no other item of the run has, for shards; it is never taken apart again."""
        return f"{self.planned_as}|{self.defect.id}" if self.defect else self.planned_as

    def started(self, cell: str) -> Started:
        """The event that says that the item began."""
        names = {} if self.defect is None else {"defect": self.defect.id}
        return Started(
            cell=cell,
            law=self.law.id,
            transform=self.transform.name,
            subject=self.subject.name,
            **names,
        )

    def not_sampled_reason(self, profile: Profile) -> str | None:
        """Why a run of the profile does not check the item; every run checks the known defects."""
        if self.defect is not None:
            return None
        return sampling.not_sampled_reason(self.law, self.transform, self.subject, profile)

    def is_sampled(self, profile: Profile) -> bool:
        """Whether a run of the profile runs the item, be it to say that the release lacks something."""
        return self.not_sampled_reason(profile) is None or self.transform.unavailable() is not None


def select(
    laws: Sequence[str] = (),
    transforms: Sequence[str] = (),
    subjects: Sequence[str] = (),
    shard: tuple[int, int] = (1, 1),
) -> list[Item]:
    """The items of a run, grouped by subject, since those share compilations.

    Args:
        laws: Globs over the ids of laws; none means all.
        transforms: Globs over the names of transforms; none means all.
        subjects: Globs over the names of subjects; none means all.
        shard: (i, n) for the i-th of n parts that together are the whole.

    """
    items = [
        Item(law, transform, subject)
        for subject in SUBJECTS.values()
        for transform in TRANSFORMS.values()
        if transforms or not third_party.left_out(transform)
        for law in LAWS.values()
        if law.applies_to(transform, subject)
    ]
    items += [
        Item(LAWS[d.law], TRANSFORMS[d.transform], SUBJECTS[d.call.subject_name], d)
        for d in installed_defects()
    ]
    return [
        item
        for item in items
        if chosen(item.law.id, laws)
        and chosen(item.transform.name, transforms)
        and chosen(item.subject.name, subjects)
        and in_shard(item.id, shard)
    ]


def chosen(name: str, globs: Sequence[str]) -> bool:
    """Whether one of the globs matches the name; no glob matches all."""
    return not globs or any(fnmatch.fnmatchcase(name, glob) for glob in globs)


@attrs.frozen
class ObservedPart:
    """A group of observations, or a part of a large one."""

    group: str
    part: tuple[int, int] = (1, 1)
    """(i, n) for the i-th of n parts."""

    @property
    def name(self) -> str:
        """The group's name, with the part's number where it is a part."""
        part, parts = self.part
        return self.group if parts == 1 else f"{self.group}/part {part} of {parts}"


def observed(
    groups: Mapping[str, int], globs: Sequence[str], shard: tuple[int, int] = (1, 1)
) -> list[ObservedPart]:
    """What a run observes, of groups of observations and the number of parts of each."""
    every = [
        ObservedPart(group, (part, parts))
        for group, parts in groups.items()
        if chosen(group, globs)
        for part in range(1, parts + 1)
    ]
    return [each for each in every if in_shard(each.name, shard)]


def in_shard(name: str, shard: tuple[int, int]) -> bool:
    """Whether a name falls to part i of n: by its checksum, the same on every machine."""
    part, parts = shard
    return zlib.crc32(name.encode("utf-8", "surrogatepass")) % parts == part - 1
