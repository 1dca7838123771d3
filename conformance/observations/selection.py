"""What of the fixed list is observed, and what else."""

import fnmatch
from collections.abc import Sequence
from typing import TypeVar

import attrs

T = TypeVar("T")


def _tuple(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names)


@attrs.frozen
class Selection:
    """Globs over subjects and transforms, where none means all; and names of the user's."""

    subjects: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    transforms: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    names: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    """Dotted names that are observed beside the suite's own list."""
    keywords: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    """Keywords that the user's code gives."""
    only_their_calls: bool = False
    """Whether calls that use other names of JAX or Flax than these are left out."""
    sweeps: bool = True
    """Whether calls are made of functions of every dtype and rank: thousands, a minute of computing."""
    part: tuple[int, int] = (1, 1)
    """(i, n) for the i-th of n parts of a group that is observed in parts."""

    def has_subject(self, name: str) -> bool:
        """Whether observations of the subject are wanted."""
        return _matches(name, self.subjects)

    def of_part(self, names: Sequence[T]) -> Sequence[T]:
        """Those of a group's cases that the part has: neighbours, which may share compilations."""
        part, parts = self.part
        return names[len(names) * (part - 1) // parts : len(names) * part // parts]

    def has_transform(self, name: str) -> bool:
        """Whether observations of the transform are wanted."""
        return _matches(name, self.transforms)


EVERYTHING = Selection()


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return not globs or any(fnmatch.fnmatchcase(name, glob) for glob in globs)
