"""What came of many releases: a table for the terminal and for Markdown, and what is not explained."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from conformance.reporting.console import Console
from conformance.reporting.faults import Fault, group_by_cause
from conformance.reporting.layout import count
from conformance.reporting.markdown import code, plain, table
from conformance.reporting.printable import printable
from conformance.reporting.summary import Summary
from conformance.upgrade.release_matrix import Row

_HEADS = ("release", "with", "python", "hold", "known defects", "faults", "digest")


def markdown(rows: Sequence[Row], title: str, made: str) -> str:
    """The page: a table of releases, and a section for each that has a fault or did not run whole.

    Args:
        rows: What came of each release.
        title: Its first heading.
        made: The sentence under it: how and when it was made.

    """
    lines = [f"# {title}", "", made, ""]
    lines += table([*_HEADS], [[plain(cell) for cell in _cells(row)] for row in rows])
    for row in rows:
        faults = group_by_cause(row.summary.failures)
        if faults or row.problems:
            lines += ["", f"## {row.release.label}", ""]
        lines += [f"- did not run whole: {plain(problem)}" for problem in row.problems]
        lines += [_fault(fault) for fault in faults]
    return printable("\n".join(lines)) + "\n"


def show(console: Console, rows: Sequence[Row]) -> None:
    """The table, then every fault and every problem on a line."""
    shown = Table(box=None, pad_edge=False)
    for head in _HEADS:
        shown.add_column(head, justify="right" if head in _HEADS[3:6] else "left")
    for row in rows:
        style = "red" if row.summary.failures else "yellow" if row.problems else ""
        shown.add_row(*_cells(row), style=style)
    console.print(shown)
    for row in rows:
        for fault in group_by_cause(row.summary.failures):
            laws = ", ".join(fault.laws)
            words = f"{row.release.label}: {fault.subject}: {fault.symptom} ({laws})"
            console.print(Text(words), soft_wrap=True)
        for problem in row.problems:
            console.print(Text(f"{row.release.label}: {problem}"), soft_wrap=True)
    red = sum(bool(row.summary.failures) for row in rows)
    unrun = sum(bool(row.problems) for row in rows)
    words = f"{count(len(rows), 'release')}: {red} with faults, {unrun} that did not run whole."
    console.print(Text(words, style="bold"))


def _cells(row: Row) -> list[str]:
    summary = row.summary
    other = "flax" if row.release.package == "jax" else "jax"
    faults = len(group_by_cause(summary.failures))
    return [
        row.release.label,
        f"{other} {_version(summary, other)}",
        _version(summary, "python"),
        f"{summary.counts['holds']:,}",
        str(summary.counts["known-defect"]),
        str(faults) + (f" ({count(len(summary.failures), 'check')})" if faults else ""),
        "did not run whole" if row.problems or not summary.digest else summary.digest,
    ]


def _version(summary: Summary, package: str) -> str:
    return getattr(summary.header.environment, package) or "?" if summary.header else "?"


def _fault(fault: Fault) -> str:
    laws, transforms = (", ".join(map(code, names)) for names in (fault.laws, fault.transforms))
    return f"- {code(fault.subject)}: {plain(fault.symptom)}; {laws} of {transforms}"
