"""What a known defect of released software is. `conformance.known_defects` has the entries.

In its versions, the calls that a defect affects are excluded from the law that they violate, and its
minimal call is run by itself: the outcome is `known-defect` where it still violates the law, else
`fixed-defect`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
from packaging.specifiers import SpecifierSet

from properties.call import Call

_GRADIENTS = ("gradients.per-example", "gradients.shared-sum")
OF_SHARDED = {
    "parallel.sharded-gradients": _GRADIENTS,
    "parallel.explicit-gradients": (*_GRADIENTS, "parallel.explicit-mesh"),
}
"""Laws that make other laws' calls with arrays that are sharded: what those show, these show, too."""


@attrs.frozen
class Defect:
    """One known violation."""

    id: str
    transform: str
    versions: Mapping[str, str]
    """PEP 440 specifiers by package; all must match."""
    affects: Callable[[Any], bool]
    """Whether the defect affects a call, which has one combination of axes."""
    law: str
    """The law that the minimal call violates."""
    call: Call
    """A minimal call that shows it."""
    description: str
    """What happens, in one or two sentences."""
    upstream: str
    """Where it is reported, or that no report was found, and the day of the search."""
    crashes_process: bool = False
    """Whether its minimal call ends the process."""
    platform: str | None = None
    """The only platform of JAX that shows it, such as `cpu`; None for all."""
    explains: Callable[[Any], bool] = lambda call: False
    """Whether it explains that such a call violates a law, though most such calls do not show it."""
    all_laws: bool = True
    """Whether its calls are excluded from every law of the transform, or from its own law alone."""

    def may_affect(self, law: str, transform: str) -> bool:
        """Whether calls of that law and transform may show it."""
        laws = (law, *OF_SHARDED.get(law, ()))
        return transform == self.transform and (self.all_laws or self.law in laws)

    def applies_to(self, versions: Mapping[str, str | None]) -> bool:
        """Whether these installed versions are in the defect's range."""
        return all(
            (installed := versions.get(package)) is not None
            and SpecifierSet(specifier).contains(installed, prereleases=True)
            for package, specifier in self.versions.items()
        )


def in_force(defects: Iterable[Defect], versions: Mapping[str, str | None]) -> list[Defect]:
    """The defects whose range has the installed versions in it."""
    return [defect for defect in defects if defect.applies_to(versions)]
