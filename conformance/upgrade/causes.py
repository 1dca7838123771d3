"""Differences grouped by cause, the most consequential first, each cause in one sentence."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, get_args

import attrs

from conformance.events.outcomes import Effect
from conformance.upgrade.detectors import (
    KINDS,
    arguments,
    costs,
    error_messages,
    flags,
    laws,
    public_names,
    values,
)
from conformance.upgrade.difference import Difference, Distance, Ratio
from conformance.upgrade.kinds import DifferenceKind

if TYPE_CHECKING:
    from conformance.known_defects.defect import Defect

_EFFECTS: tuple[Effect, ...] = get_args(Effect)
_LISTED = (flags.GONE, flags.ADDED, arguments.ADDED)
"""Kinds of which the names say it all."""
_ONE_LINE = (values.WITHIN, error_messages.WORDS, costs.FASTER, *_LISTED)
"""Kinds of which one line says it all."""
_NAMED = 12
"""As many names are in a sentence."""


@attrs.frozen
class Cause:
    """What explains one or more differences of a kind."""

    kind: DifferenceKind
    sentence: str
    entries: tuple[Difference, ...]
    remedy: str | None = None
    """What to do, where the kind's own remedy is too general."""


def causes(differences: Iterable[Difference]) -> list[Cause]:
    """The causes of these differences: by the rank of their kind, then by how much they explain."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for difference in differences:
        of_kind = difference.kind in _ONE_LINE
        cause = difference.kind.id if of_kind else _of_twins(difference.cause or difference.key)
        groups.setdefault((difference.kind.id, cause), []).append(difference)
    found = [
        Cause(KINDS[kind], _sentence(KINDS[kind], cause, entries), tuple(entries), _remedy(entries))
        for (kind, cause), entries in groups.items()
    ]
    return sorted(found, key=lambda cause: (cause.kind.rank, -len(cause.entries)))


def _of_twins(cause: str) -> str:
    """The same cause for the same defect of several transforms: what is said of it."""
    if not cause.startswith(laws.KNOWN):
        return cause
    ledger = _ledger()
    ids = [id for id in cause.removeprefix(laws.KNOWN).split(", ") if id in ledger]
    said = dict.fromkeys(_said_of(ledger[id]) for id in ids)
    return "; ".join(said) or cause


@functools.cache
def _ledger() -> Mapping[str, "Defect"]:
    # It needs JAX.
    from conformance.known_defects import DEFECTS

    return {defect.id: defect for defect in DEFECTS}


def _said_of(defect: "Defect") -> str:
    """What a user meets and the first sentence of the ledger, such as `raises: jit of pmap with ...`."""
    # It needs JAX.
    from conformance.known_defects.effects import effect

    meets, first = effect(defect), _first(defect.description)
    return first if first.lower().startswith(meets) else f"{meets}: {first}"


def _remedy(entries: Sequence[Difference]) -> str | None:
    remedies = {entry.own_remedy for entry in entries}
    return remedies.pop() if len(remedies) == 1 else None


def _sentence(kind: DifferenceKind, cause: str, entries: Sequence[Difference]) -> str:
    if kind in (laws.REGRESSED, laws.FIXED):
        return _of_laws(cause, entries)
    if kind == values.WITHIN:
        distances = [e.detail for e in entries if isinstance(e.detail, Distance)]
        shares = [distance.share or 0.0 for distance in distances]
        return f"values of {_count(entries, 'call')} differ, by at most {percent(max(shares))} of the bound"
    if kind == error_messages.WORDS:
        return f"the messages of {_count(entries, 'error')} are worded differently"
    if kind == error_messages.TYPES:
        places = ", ".join(dict.fromkeys(entry.key.split("/")[1] for entry in entries))
        return f"{cause} ({places})"
    if kind == costs.FASTER:
        return f"{_count(entries, 'measured cost')} at most 1/{min(_times(entries)):.1f} of before"
    if kind in _LISTED and len(entries) > 1:
        return f"{len(entries)} {kind.counted[1]}: {_names(entries)}"
    if kind in public_names.KINDS:
        return entries[0].sentence
    first = entries[0]
    more = f" (and {len(entries) - 1} more)" if len(entries) > 1 else ""
    return f"{first.key}: {first.sentence}{more}"


def _names(entries: Sequence[Difference]) -> str:
    names = [entry.key.rpartition("/")[2] for entry in entries]
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{rest}"


def _times(entries: Sequence[Difference]) -> list[float]:
    return [1 / entry.detail.times for entry in entries if isinstance(entry.detail, Ratio)]


def _of_laws(cause: str, entries: Sequence[Difference]) -> str:
    """Such as `raises: jit of pmap with ... (jax.pmap, 7 items of 2 laws)`."""
    parts = [entry.key.split(" | ") for entry in entries]
    transforms = ", ".join(dict.fromkeys(part[1] for part in parts))
    of_laws = len({part[0] for part in parts})
    items = f"{len(parts)} items of {of_laws} laws" if of_laws > 1 else f"{parts[0][0]}"
    if any(cause.lower().startswith(said) for said in _EFFECTS):
        return f"{cause} ({transforms}, {items})"
    subjects = ", ".join(dict.fromkeys(part[2] for part in parts[:3]))
    more = ", ..." if len(parts) > 3 else ""
    return f"{cause} ({transforms} of {subjects}{more}; {items})"


def _first(description: str) -> str:
    """The first sentence of a description."""
    end = description.find(". ")
    return (description if end < 0 else description[:end]).rstrip(".")


def _count(entries: Sequence[object], what: str) -> str:
    return f"{len(entries)} {what}{'' if len(entries) == 1 else 's'}"


def percent(share: float) -> str:
    """A share of a bound, such as `0.03 %`."""
    return f"{100 * share:.2g} %"
