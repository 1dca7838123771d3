"""Markdown, for a CI job's summary."""

import re
from collections import Counter
from collections.abc import Iterable

from conformance.events.details import Casualty, Violation
from conformance.events.outcomes import Outcome
from conformance.reporting.failure import call_in_words, message
from conformance.reporting.faults import Fault, group_by_cause
from conformance.reporting.own_subjects import in_one_line
from conformance.reporting.printable import printable
from conformance.reporting.summary import ORDER, Summary
from conformance.reporting.terminal.conclusion import remarks

_MEANS_SOMETHING = re.compile(r"([\\`*\[\]<>|#~&]|(?<!\w)_|_(?!\w))")


def render(summary: Summary) -> str:
    """One section for each failure, then what is to know, and the laws by transforms folded away."""
    lines = ["# vmap-conformance", ""]
    if summary.header is not None:
        environment = summary.header.environment
        names = ("jax", "jaxlib", "flax", "python")
        versions = ", ".join(f"{name} {getattr(environment, name)}" for name in names)
        lines += [plain(versions), ""]
    lines.append(_counted(summary.counts))
    own = in_one_line(summary)
    lines += ["", plain(own)] if own else []
    for fault in group_by_cause(summary.failures):
        lines += _fault(fault)
    if remarks(summary):
        lines += ["", *map(plain, remarks(summary))]
    laws = table(
        ["law", *summary.transforms],
        [
            [code(law), *(_counted(summary.cell(law, each)) for each in summary.transforms)]
            for law in summary.laws
        ],
    )
    lines += ["", *folded("laws by transforms", laws)]
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


def folded(title: str, lines: Iterable[str]) -> list[str]:
    """Lines that are shown once a reader asks for them, where HTML in Markdown is read."""
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a table; heads are text, the cells of rows are Markdown."""
    lines = [f"| {' | '.join(map(plain, heads))} |", "|---" * len(heads) + "|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def _counted(counts: Counter[Outcome]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in ORDER if counts[name])


def _fault(fault: Fault) -> list[str]:
    """A fault's laws and transforms, its smallest call, and the script that shows it."""
    example = fault.example
    lines = ["", f"## {plain(f'{fault.subject}: {fault.symptom}')}", ""]
    lines.append(f"{example.outcome}: {', '.join(map(code, fault.laws))}")
    lines.append(f"of {', '.join(map(code, fault.transforms))}")
    detail = example.detail
    if isinstance(detail, Violation):
        lines += ["", plain(call_in_words(detail.call)), "", plain(message(detail))]
        if detail.cause:
            lines += ["", f"Likely cause: {plain(detail.cause)}"]
        lines += ["", *folded("script", fenced(detail.script, "python"))]
    elif isinstance(detail, Casualty):
        lines += ["", plain(detail.reason)]
    return lines
