"""A comparison as Markdown: the user's own code first; every difference is there, folded away."""

import re
from collections.abc import Iterator, Sequence

from conformance.reporting.markdown import folded
from conformance.upgrade.causes import Cause, causes
from conformance.upgrade.columns import Column, Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.for_you import ForYou, Line, for_you
from conformance.upgrade.for_you.lines import plural
from conformance.upgrade.render.words import (
    ALSO_TO_KNOW,
    ELSEWHERE,
    NEAR,
    SECTIONS,
    elsewhere_in_words,
    heading,
    laws,
    looked_at,
    outcomes,
    shortened,
    things_to_do,
)

MOST_BYTES = 1_000_000
"""GitHub shows no job summary above 1 MiB."""
_CUT = "\n\nThis page is cut off: the event log has the rest (`--log`, then `report --html`).\n"


def markdown(comparison: Comparison, most: int | None = None) -> str:
    """Every difference, or the first `most` of each cause; cut off below `MOST_BYTES`."""
    first, *others = comparison.columns
    lines = ["# vmap-conformance: upgrade", ""]
    for column, differences in zip(others, comparison.differences, strict=True):
        lines += _environment(first, column, differences, most)
    lines += ["", *folded("laws by environment", _laws(comparison))]
    return _capped("\n".join(lines) + "\n")


def _laws(comparison: Comparison) -> Iterator[str]:
    yield "| law | " + " | ".join(_safe(column.label) for column in comparison.columns) + " |"
    yield "|---" * (1 + len(comparison.columns)) + "|"
    for law in laws(comparison):
        cells = " | ".join(outcomes(column, law) for column in comparison.columns)
        yield f"| `{law}` | {cells} |"


def _environment(
    first: Column, column: Column, differences: Differences | None, most: int | None
) -> Iterator[str]:
    yield from ("", f"## {_safe(heading(first, column))}", "")
    if differences is None:
        failed = column if column.problem else first
        yield f"{_safe(failed.label)} did not run: {_safe(failed.problem or 'no result')}"
        return
    mine = for_you(first.events, column.events, differences)
    if mine is not None:
        yield from _own(mine)
    reported = mine.keys if mine is not None else frozenset()
    found = causes(d for d in differences.entries if d.key not in reported)
    breaks = any(cause.kind.breaks for cause in found)
    where = (
        f"Elsewhere, {ELSEWHERE}: " if mine is not None else "" if breaks else "Nothing breaks: "
    )
    yield f"{where}{elsewhere_in_words(found)}; {differences.unchanged} unchanged."
    if differences.looked_at:
        yield from ("", f"Looked at: {looked_at(differences)}.")
    for urgency, title in SECTIONS.items():
        group = [cause for cause in found if cause.kind.urgency == urgency]
        if group:
            yield from (
                "",
                *folded(f"{title.lower()}: {plural(len(group), 'cause')}", _causes(group, most)),
            )
    for note in differences.notes:
        yield from ("", f"Not compared: {_safe(note)}")


def _own(mine: ForYou) -> Iterator[str]:
    yield from (f"### For you: {_safe(mine.title)}", "", f"**{things_to_do(mine)}**", "")
    yield from _table(mine.work)
    if mine.work and mine.know:
        yield from ("", f"{ALSO_TO_KNOW}:", "")
    yield from _table(mine.know)
    for sentence in mine.fine:
        yield from ("", f"{_safe(sentence)}.")
    if mine.near:
        yield from ("", f"**May concern you**: {NEAR}.", "")
        yield from _table(mine.near)
    yield ""


def _table(lines: Sequence[Line]) -> Iterator[str]:
    if lines:
        yield from ("| where | what | |", "|---|---|---|")
    for line in lines:
        what = f"`{line.what}`" if line.what else ""
        yield f"| {_safe(line.where)} | {what} | {_safe(shortened(line.sentence))} |"


def _causes(group: Sequence[Cause], most: int | None) -> Iterator[str]:
    kind = None
    for cause in group:
        if cause.kind != kind:
            kind = cause.kind
            yield from ("", f"#### {kind.title}", "", f"{kind.consequence} *{kind.remedy}*", "")
        own = f" *{_safe(cause.remedy)}*" if cause.remedy else ""
        yield f"- {_safe(cause.sentence).rstrip('.')}.{own}"
        entries = cause.entries if len(cause.entries) > 1 else ()
        for entry in entries[:most]:
            yield f"  - `{entry.key}`: {_safe(entry.sentence)}"
        if most is not None and len(entries) > most:
            yield f"  - and {len(entries) - most} more"


def _safe(text: str) -> str:
    """Text on one line that Markdown takes for nothing else."""
    return re.sub(r"([|<>*_`\[\]\\])", r"\\\1", " ".join(text.split()))


def _capped(text: str) -> str:
    if len(text.encode()) <= MOST_BYTES:
        return text
    kept = text.encode()[: MOST_BYTES - len(_CUT.encode())].decode(errors="ignore")
    return kept[: kept.rfind("\n")] + _CUT
