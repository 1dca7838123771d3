"""Markdown, for a CI job's summary."""

import re
from collections import Counter

from conformance.events.log import Event
from conformance.reporting.printable import printable
from conformance.reporting.summary import ORDER, Summary
from conformance.reporting.terminal import call_in_words, remarks

_MEANS_SOMETHING = re.compile(r"([\\`*\[\]<>|#~&]|(?<!\w)_|_(?!\w))")


def render(summary: Summary) -> str:
    """The table of laws by transforms, and one section per failure."""
    lines = ["# vmap-conformance", ""]
    if summary.header is not None:
        environment = summary.header["environment"]
        names = ("jax", "jaxlib", "flax", "python")
        lines += [plain(", ".join(f"{name} {environment.get(name)}" for name in names)), ""]
    lines += [_counted(summary.counts), ""]
    lines += table(
        ["law", *summary.transforms],
        [
            [code(law), *(_counted(summary.cell(law, each)) for each in summary.transforms)]
            for law in summary.laws
        ],
    )
    for failure in summary.failures:
        lines += _failure(failure)
    if remarks(summary):
        lines += ["", *map(plain, remarks(summary))]
    return printable("\n".join(lines)) + "\n"


def plain(text: str) -> str:
    """Text on one line that Markdown takes for nothing but text."""
    return _MEANS_SOMETHING.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """A name as code, which may stand in a table."""
    return "`" + " ".join(text.split()).replace("`", "'").replace("|", "\\|") + "`"


def fenced(text: str, language: str = "") -> list[str]:
    """A block of code, its fence longer than any in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text, fence]


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a table; heads are text, the cells of rows are Markdown."""
    lines = [f"| {' | '.join(map(plain, heads))} |", "|---" * len(heads) + "|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in ORDER if counts[name])


def _failure(failure: Event) -> list[str]:
    detail = failure["detail"] or {}
    name = f"{failure['law']}, {failure['transform']} of {failure['subject']}"
    lines = ["", f"## {failure['outcome']}: {plain(name)}"]
    if "call" in detail:
        lines += ["", plain(call_in_words(detail["call"]))]
    lines += ["", plain(detail.get("message") or detail.get("reason", ""))]
    if detail.get("cause"):
        lines += ["", f"Likely cause: {plain(detail['cause'])}"]
    if detail.get("script"):
        script = fenced(detail["script"], "python")
        lines += ["", "<details><summary>script</summary>", "", *script, "</details>"]
    return lines
