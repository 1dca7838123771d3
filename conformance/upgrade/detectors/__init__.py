"""Finding differences: one file for each family of them, with its kinds and its detector.

A new kind of difference is a new file here, with `KINDS` and `find`, and its name in `_FAMILIES`.
"""

from collections.abc import Callable, Iterator

from conformance.upgrade.detectors import (
    arguments,
    call_forms,
    costs,
    draws,
    error_messages,
    failures,
    flags,
    initial_trees,
    jaxprs,
    laws,
    new_warnings,
    objects,
    public_names,
    refusals,
    streams,
    values,
)
from conformance.upgrade.difference import Difference, ObservationPair
from conformance.upgrade.kinds import DifferenceKind

_FAMILIES = (
    public_names,
    initial_trees,
    failures,
    refusals,
    streams,
    draws,
    values,
    call_forms,
    objects,
    flags,
    arguments,
    error_messages,
    new_warnings,
    costs,
    jaxprs,
)
"""Causes first: what one reports, or names as a consequence, the later ones no longer see."""

DETECTORS: tuple[Callable[[ObservationPair], Iterator[Difference]], ...] = tuple(
    family.find for family in _FAMILIES
)

KINDS: dict[str, DifferenceKind] = {
    kind.id: kind
    for kind in sorted(
        (kind for family in (laws, *_FAMILIES) for kind in family.KINDS),
        key=lambda kind: kind.rank,
    )
}
"""Every kind of difference by its id, the most urgent first."""
