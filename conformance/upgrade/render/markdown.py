"""Environments compared, for the terminal and as Markdown: causes first, and what to do."""

from collections import Counter
from itertools import zip_longest

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.events.log import CONFORMING
from conformance.reporting.summary import ORDER
from conformance.reporting.terminal import SHORT
from conformance.upgrade.columns import Column, Comparison
from conformance.upgrade.compare import KINDS, Differences
from conformance.upgrade.detectors.observed import Entry
from conformance.upgrade.replacements import REMEDIES

TITLES = {
    "regressed": "Regressed",
    "fixed": "Fixed",
    "prng-stream-changed": "PRNG stream changed",
    "parameters-changed": "Parameters changed",
    "values-beyond-bound": "Values changed beyond rounding",
    "values-changed": "Values changed within rounding",
    "errors-changed": "Errors changed",
    "new-warnings": "New warnings",
    "removed-names": "Removed names",
    "added-names": "Added names",
    "slower": "Slower",
    "faster": "Faster",
    "jaxprs-changed": "Other primitives",
}
SHOWN = 10
"""How many entries of a class the terminal shows; the other views have all."""


def in_words(column: Column, first: Column, differences: Differences | None) -> str:
    """One sentence: what moving from the first environment to this one means."""
    if differences is None:
        failed = column if column.problem else first
        return f"{failed.label} did not run: {failed.problem or 'no result'}"
    counts = Counter(entry.kind for entry in differences.entries)
    told = [f"{TITLES[kind].lower()} {counts[kind]}" for kind in KINDS if counts[kind]]
    breaks = sum(entry.breaks for entry in differences.entries)
    verdict = f"{breaks} differences need work" if breaks else "nothing breaks"
    return (
        f"{first.label} to {column.label}: {verdict}. "
        f"{'; '.join(told) or 'no difference'}. {differences.unchanged} unchanged."
    )


def show(console: Console, comparison: Comparison) -> None:
    """Print the matrix, then each environment's differences from the first."""
    console.print(_matrix(comparison))
    first, *others = comparison.columns
    for column, differences in zip(others, comparison.differences, strict=True):
        console.print(Text("\n" + in_words(column, first, differences), style="bold"))
        for line in _lines(differences, SHOWN):
            console.print(Text(line), soft_wrap=False)


def _lines(differences: Differences | None, most: int) -> list[str]:
    lines = []
    for kind in KINDS if differences else ():
        entries = differences.of(kind) if differences else []
        if not entries:
            continue
        lines.append(f"\n{TITLES[kind]} ({len(entries)})")
        if kind in ("removed-names", "added-names"):
            lines += _names(entries)
            continue
        shown = _of_each_place(entries, most)
        lines += [f"  {entry.key}: {entry.sentence}" for entry in shown]
        if len(entries) > len(shown):
            lines.append(f"  and {len(entries) - len(shown)} more")
        lines += [f"  -> {remedy}" for remedy in dict.fromkeys(e.remedy for e in shown)]
    return lines + [f"Not compared: {note}" for note in (differences.notes if differences else ())]


def _names(entries: list[Entry]) -> list[str]:
    """Those with something in their place on a line each, then all others."""
    plain, told = [], []
    for entry in entries:
        name = entry.key.removeprefix("names/")
        if entry.remedy == REMEDIES[entry.kind]:
            plain.append(name)
        else:
            told.append(f"  {name}: {entry.remedy}")
    return [
        *told,
        *([f"  {', '.join(plain)}", f"  -> {REMEDIES[entries[0].kind]}"] if plain else []),
    ]


def _of_each_place(entries: list[Entry], most: int) -> list[Entry]:
    """At most so many, taken in turn from each transform, JAX's own first."""
    places: dict[str, list[Entry]] = {}
    for entry in entries:
        places.setdefault("/".join(entry.key.split("/")[:2]), []).append(entry)
    order = sorted(places, key=lambda place: ("/jax." not in place, place))
    turns = zip_longest(*(places[place] for place in order))
    taken = [entry for turn in turns for entry in turn if entry is not None][:most]
    return sorted(
        taken, key=lambda entry: (order.index("/".join(entry.key.split("/")[:2])), entry.key)
    )


def _matrix(comparison: Comparison) -> Table:
    """Laws by environments; in each cell how many items had which outcome."""
    table = Table(title="items by outcome", title_justify="left", pad_edge=False)
    table.add_column("law", no_wrap=True)
    for column in comparison.columns:
        table.add_column(column.label)
    for law in _laws(comparison):
        table.add_row(law, *(Text(_cell(column, law)) for column in comparison.columns))
    return table


def _laws(comparison: Comparison) -> list[str]:
    return list(dict.fromkeys(law for c in comparison.columns for law in c.summary.laws))


def _cell(column: Column, law: str) -> str:
    counts = Counter(r["outcome"] for r in column.summary.results if r["law"] == law)
    if not counts:
        return "did not run" if column.problem else "-"
    wrong = [name for name in ORDER if counts[name] and name not in CONFORMING]
    shown = wrong or [name for name in ORDER if counts[name] and name != "not-applicable"]
    return ", ".join(f"{counts[name]} {SHORT.get(name, name)}" for name in shown or counts)


def markdown(comparison: Comparison, most: int | None = None) -> str:
    """The same as Markdown: every entry, or the first of each class, causes and remedies in full."""
    first, *others = comparison.columns
    lines = ["# vmap-conformance: upgrade", ""]
    for column, differences in zip(others, comparison.differences, strict=True):
        lines += [in_words(column, first, differences), ""]
    lines.append("| law | " + " | ".join(column.label for column in comparison.columns) + " |")
    lines.append("|---" * (1 + len(comparison.columns)) + "|")
    for law in _laws(comparison):
        lines.append(f"| `{law}` | " + " | ".join(_cell(c, law) for c in comparison.columns) + " |")
    for column, differences in zip(others, comparison.differences, strict=True):
        if differences is not None:
            lines += ["", f"## {first.label} to {column.label}"]
            lines += [line for kind in KINDS for line in _section(kind, differences, most)]
            lines += [f"\nNot compared: {note}" for note in differences.notes]
    return "\n".join(lines) + "\n"


def _section(kind: str, differences: Differences, most: int | None) -> list[str]:
    entries = differences.of(kind)
    if not entries:
        return []
    lines = ["", f"### {TITLES[kind]} ({len(entries)})", ""]
    own = [entry for entry in entries if entry.remedy != REMEDIES[kind]]
    plain = [entry for entry in entries if entry.remedy == REMEDIES[kind]]
    lines += [
        f"- `{entry.key}`: {_safe(entry.sentence).rstrip('.')}. *{entry.remedy}*" for entry in own
    ]
    if kind in ("removed-names", "added-names") and plain:
        lines.append("- " + ", ".join(f"`{entry.key.removeprefix('names/')}`" for entry in plain))
    else:
        shown = plain if most is None else _of_each_place(plain, most)
        lines += [f"- `{entry.key}`: {_safe(entry.sentence)}" for entry in shown]
        if len(plain) > len(shown):
            lines.append(f"- and {len(plain) - len(shown)} more")
    return [*lines, *(["", f"*{REMEDIES[kind]}*"] if plain else [])]


def _safe(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
