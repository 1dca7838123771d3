"""The terminal's view: a table of laws by transforms, what was spent, and each failure in full."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from conformance.events.log import Event, decode
from conformance.reporting.summary import ORDER, Summary

STYLE = {
    "holds": "green",
    "violated": "bold red",
    "crashed": "bold red",
    "timed-out": "bold red",
    "known-defect": "yellow",
    "fixed-defect": "cyan",
    "not-applicable": "dim",
    "not-sampled": "dim",
}
SHORT = {"not-applicable": "n/a"}
WIDTH_OF_ARRAYS = 60
NAMED = 8
"""Batching rules that were not reached are named up to so many."""


def show(console: Console, summary: Summary, files: dict[int, str] | None = None) -> None:
    """Print everything. ``files`` maps a failure's place in the list to its saved script."""
    if summary.header is not None:
        console.print(heading(summary.header))
    for some in _abreast(summary, console.width):
        console.print(table(summary, some))
    for number, failure in enumerate(summary.failures):
        console.print(explained(failure, (files or {}).get(number)))
    console.print(cost(summary))
    for line in remarks(summary):
        console.print(Text(line, style="yellow"))


def heading(header: Event) -> Text:
    """One line: what is held to the laws, and how hard."""
    environment = header["environment"]
    names = ("jax", "flax", "numpy", "python")
    versions = "  ".join(f"{name} {environment.get(name)}" for name in names)
    devices = environment.get("devices")
    place = f"{devices} {environment.get('platform')} device{'s' if devices != 1 else ''}"
    return Text(f"{versions}  {place}\nprofile {header['profile']}, seed {header['seed']}")


def table(summary: Summary, transforms: Sequence[str]) -> Table:
    """Laws by those transforms; in each cell how many subjects had which outcome."""
    grid = Table(title="subjects by outcome", title_justify="left", pad_edge=False)
    grid.add_column("law", no_wrap=True)
    for transform in transforms:
        grid.add_column(transform)
    for law in summary.laws:
        cells = [_cell(summary, law, transform) for transform in transforms]
        if any(cells):
            grid.add_row(law, *cells)
    return grid


def _abreast(summary: Summary, width: int) -> list[list[str]]:
    """The transforms, in groups of as many as a table of that width holds."""
    names, laws = summary.transforms, summary.laws
    # Three characters are between two columns.
    room = width - max(map(len, laws), default=0) - 2
    most = max(1, room // (max(map(len, (*names, *STYLE))) + 3))
    return [names[start : start + most] for start in range(0, len(names), most)] or [[]]


def _cell(summary: Summary, law: str, transform: str) -> Text:
    counts = summary.cell(law, transform)
    parts = [
        Text(f"{counts[name]} {SHORT.get(name, name)}", style=STYLE[name])
        for name in ORDER
        if counts[name]
    ]
    return Text(", ").join(parts)


def cost(summary: Summary) -> Text:
    """What was exercised and what it cost."""
    counts = ", ".join(f"{summary.counts[name]} {name}" for name in ORDER if summary.counts[name])
    digest = f" (digest {summary.digest})" if summary.digest else ""
    wall = f"{summary.seconds:.1f} s" if summary.seconds is not None else "an interrupted run"
    return Text(
        f"{counts or 'nothing ran'} in {wall}\n"
        f"{summary.total('examples'):,.0f} calls{digest}, {summary.total('combinations'):,.0f} combinations "
        f"of axes, {summary.total('shapes'):,.0f} sets of sizes; "
        f"{summary.total('compilations'):,.0f} compilations taking "
        f"{summary.total('compile_seconds'):.1f} s, "
        f"{summary.total('cache_hits'):,.0f} more from the cache"
        f"{_rules(summary)}"
    )


def _rules(summary: Summary) -> str:
    if summary.rules is None:
        return ""
    exercised, registered, exempt, missing = summary.rules
    words = f"\n{exercised} of {registered} batching rules exercised, {exempt} exempt"
    if len(missing) > NAMED:
        return f"{words}, {len(missing)} not reached"
    return f"{words}; not reached: {', '.join(missing)}" if missing else words


def remarks(summary: Summary) -> list[str]:
    """What a person should know beyond the outcomes."""
    lines = []
    if summary.incomplete:
        lines.append("This log is incomplete: the run was stopped before its end.")
        lines += [f"  unfinished: {' | '.join(_name(event))}" for event in summary.unfinished]
    if summary.cache_was_useless:
        lines.append(
            "The compilation cache gave nothing although it was filled: this host's CPU is not the one "
            "that filled it. --no-cache spares the attempt."
        )
    fixed = [r["detail"]["defect"] for r in summary.results if r["outcome"] == "fixed-defect"]
    lines += [f"The known defect {defect} is gone in this release." for defect in fixed]
    return lines


def _name(event: Event) -> list[str]:
    return [event["law"], event["transform"], event["subject"]]


def explained(failure: Event, saved: str | None = None) -> Panel:
    """A failure a person can use."""
    from properties.laws import LAWS

    detail = failure["detail"] or {}
    law = LAWS.get(failure["law"])
    lines: list[RenderableType] = []
    if law is not None:
        lines.append(Text(law.sentence, style="italic"))
    if failure["outcome"] == "violated":
        lines += _violation(detail)
    else:
        lines.append(Text(detail.get("reason", "")))
        if detail.get("output"):
            lines.append(Text(detail["output"], style="dim"))
    if saved:
        lines.append(Text(f"script: {saved}\ncase:   {saved.removesuffix('.py')}.json"))
    title = (
        f"{failure['outcome']}: {failure['law']}, {failure['transform']} of {failure['subject']}"
    )
    return Panel(Group(*lines), title=title, title_align="left", border_style="red")


def _violation(detail: dict[str, Any]) -> list[RenderableType]:
    lines: list[RenderableType] = [
        Text(call_in_words(detail["call"])),
        Text(detail["message"], style="red"),
    ]
    expected, got = decode(detail["expected"]), decode(detail["got"])
    if isinstance(expected, np.ndarray) and isinstance(got, np.ndarray):
        side = Table(box=None, pad_edge=False)
        side.add_column("expected")
        side.add_column("got")
        with np.printoptions(precision=5, suppress=True, threshold=40, linewidth=WIDTH_OF_ARRAYS):
            side.add_row(Text(str(expected.astype(got.dtype))), Text(str(got)))
        lines.append(side)
        lines.append(
            Text(
                f"{_number(detail['max_ulps'])} ULP at most; at the worst place the error is "
                f"{_number(detail['error'])}, allowed {_number(detail['bound'])}"
            )
        )
    if detail.get("cause"):
        lines.append(Text(f"likely cause: {detail['cause']}", style="yellow"))
    return lines


def _number(value: Any) -> str:
    return f"{float(decode(value)):.3g}"


def call_in_words(call: dict[str, Any]) -> str:
    """The call as a person would say it."""
    sizes = ", ".join(f"{name}={size}" for name, size in call["sizes"].items())
    axes = " or ".join(
        f"in_axes={_axes(a['in_axes'])}, out_axes={a['out_axes']}" for a in call["axes"][:3]
    )
    words = [f"{call['subject_name']} with {sizes}", axes, call["dtype"]]
    if call["kind"] == "module":
        words.append(f"variable_axes={call['variable_axes']}, split_rngs={call['split_rngs']}")
        words.append(f"{'key' if call['typed'] else 'PRNGKey'}({call['key']})")
    if call.get("eager") or call.get("flipped"):
        words.append("init under jit, apply without" if call["kind"] == "module" else "without jit")
    return "; ".join(words)


def _axes(axes: list[int | None]) -> str:
    inner = ", ".join(map(str, axes))
    return f"({inner},)" if len(axes) == 1 else f"({inner})"
