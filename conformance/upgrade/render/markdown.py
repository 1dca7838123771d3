"""A comparison as Markdown."""

from conformance.upgrade.columns import Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.detectors.public_names import ADDED, REMOVED
from conformance.upgrade.kinds import DifferenceKind
from conformance.upgrade.render.words import in_words, laws, of_each_place, outcomes


def markdown(comparison: Comparison, most: int | None = None) -> str:
    """Every difference, or the first `most` of each kind; remedies in full."""
    first, *others = comparison.columns
    lines = ["# vmap-conformance: upgrade", ""]
    for column, differences in zip(others, comparison.differences, strict=True):
        lines += [in_words(column, first, differences), ""]
    lines.append("| law | " + " | ".join(column.label for column in comparison.columns) + " |")
    lines.append("|---" * (1 + len(comparison.columns)) + "|")
    for law in laws(comparison):
        cells = " | ".join(outcomes(column, law) for column in comparison.columns)
        lines.append(f"| `{law}` | {cells} |")
    for column, differences in zip(others, comparison.differences, strict=True):
        if differences is not None:
            lines += ["", f"## {first.label} to {column.label}"]
            lines += [line for kind in KINDS.values() for line in _section(kind, differences, most)]
            lines += [f"\nNot compared: {note}" for note in differences.notes]
    return "\n".join(lines) + "\n"


def _section(kind: DifferenceKind, differences: Differences, most: int | None) -> list[str]:
    entries = differences.of(kind)
    if not entries:
        return []
    lines = ["", f"### {kind.title} ({len(entries)})", ""]
    plain = [entry for entry in entries if entry.own_remedy is None]
    lines += [
        f"- `{entry.key}`: {_safe(entry.sentence).rstrip('.')}. *{entry.remedy}*"
        for entry in entries
        if entry.own_remedy is not None
    ]
    if kind in (REMOVED, ADDED) and plain:
        lines.append("- " + ", ".join(f"`{entry.key.removeprefix('names/')}`" for entry in plain))
    else:
        shown = plain if most is None else of_each_place(plain, most)
        lines += [f"- `{entry.key}`: {_safe(entry.sentence)}" for entry in shown]
        if len(plain) > len(shown):
            lines.append(f"- and {len(plain) - len(shown)} more")
    return [*lines, *(["", f"*{kind.remedy}*"] if plain else [])]


def _safe(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
