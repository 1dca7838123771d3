"""What a known defect of released software is. The entries themselves are in `conformance.known_defects`.

In its versions a defect's calls are set aside from the law they break, and its minimal call is run on
its own: still broken is ``known-defect``, gone is ``fixed-defect``.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
from packaging.specifiers import SpecifierSet

from properties.call import Call


@attrs.frozen
class Defect:
    """One known violation."""

    id: str
    transform: str
    versions: Mapping[str, str]
    """PEP 440 specifiers by package; all must match."""
    affects: Callable[[Any], bool]
    """Whether a call with a single combination of axes is one that the defect concerns."""
    law: str
    """The law that the minimal call is held to."""
    call: Call
    """A minimal call that shows it."""
    description: str
    """What happens, in one or two sentences."""
    upstream: str
    """Where it was reported, or that no report was found, and when that was looked for."""
    crashes_process: bool = False
    """Its minimal call ends the process."""
    platform: str | None = None
    """The only platform of JAX that shows it, such as "cpu"; None where all do."""
    all_laws: bool = True
    """Its calls are set aside from every law of the transform, not from its own law alone."""

    def may_affect(self, law: str, transform: str) -> bool:
        """Whether calls of that law and transform may show it."""
        return transform == self.transform and (self.all_laws or law == self.law)

    def applies_to(self, versions: Mapping[str, str | None]) -> bool:
        """Whether these installed versions are in the defect's range."""
        return all(
            (installed := versions.get(package)) is not None
            and SpecifierSet(specifier).contains(installed, prereleases=True)
            for package, specifier in self.versions.items()
        )


def in_force(defects: Iterable[Defect], versions: Mapping[str, str | None]) -> list[Defect]:
    """The defects whose range holds the installed versions."""
    return [defect for defect in defects if defect.applies_to(versions)]
