"""The end of a run: what holds, what is known, what was not checked, and what to do next."""

from collections.abc import Mapping

from rich.text import Text

from conformance.events.details import KnownDefect, NotApplicable
from conformance.events.outcomes import CONFORMING, EFFECTS, Effect
from conformance.events.records import Result
from conformance.reporting import layout
from conformance.reporting.faults import group_by_cause
from conformance.reporting.known_effects import known_effects
from conformance.reporting.layout import count
from conformance.reporting.own_subjects import in_one_line
from conformance.reporting.summary import Summary, item_name
from conformance.runner.process_env import MISREADING_JAXLIBS

DANGEROUS = ("silently wrong", "process dies")
"""Effects of known defects whose names are always shown."""
_NAMED = 8
"""As many functions that a newer release cannot do are named."""
_WORDS = {
    "silently wrong": ("gives wrong values in silence", "give wrong values in silence"),
    "process dies": ("ends the process", "end the process"),
    "raises": ("raises an error", "raise an error"),
    "unclear error": ("raises an error that is not clear", "raise an error that is not clear"),
}
"""What one known defect of an effect does, and what several do."""


def one_line(summary: Summary) -> Text:
    """Everything on one line."""
    line = _verdict(summary)
    line.right_crop(1)
    known = summary.counts["known-defect"]
    parts = ["not finished"] if summary.gaps and summary.failures else []
    parts += [f"{known} known defects"] if known else []
    own = in_one_line(summary)
    parts += [own] if own else []
    line.append(layout.SEPARATOR.join(["", *parts, *_unchecked(summary)]))
    return line


def lines(summary: Summary, width: int, *, names: bool = False, page: bool = False) -> list[Text]:
    """The verdict, the known defects by what they do, what was not checked, and remarks.

    Args:
        summary: The run.
        width: Of a line.
        names: Whether to give the name of every known defect, not of the dangerous ones alone.
        page: Whether the page is written, and needs no advertisement.

    """
    made = [_verdict(summary)]
    own = in_one_line(summary)
    made += map(Text, layout.wrap(own, width, "  ", "    ") if own else [])
    made += _known(summary, width, names=names)
    unchecked = _unchecked(summary)
    hints = ["-v: every law", *([] if page else ["--html PAGE: the page"])]
    made += [
        Text(line, style="dim") for line in layout.join([*unchecked, *hints], width, indent="  ")
    ]
    return [*made, *(Text(line, style="yellow") for line in remarks(summary))]


def remarks(summary: Summary) -> list[str]:
    """What a person should know beyond the outcomes."""
    made = []
    if summary.gaps:
        made += summary.gaps
        made += [f"  unfinished: {item_name(started)}" for started in summary.unfinished]
    jaxlib = summary.header.environment.jaxlib if summary.header else None
    if jaxlib in MISREADING_JAXLIBS:
        made.append(
            f"jaxlib {jaxlib} reads some loops back wrongly from JAX's persistent compilation cache, so "
            "the suite does without it. If your own programs use it, turn it off, or install jaxlib 0.6.1 "
            "or later."
        )
    lacking = sorted({r.subject for r in summary.results if _of_newer_release(r)})
    if lacking:
        shown = ", ".join(lacking[:_NAMED]) + (
            f" and {len(lacking) - _NAMED} more" * (len(lacking) > _NAMED)
        )
        made.append(
            "This jax is newer than any that the suite was tried on, and cannot do what older ones do: "
            f"{shown}. Nothing of it was checked: it was removed, or is broken."
        )
    if summary.cache_was_useless:
        made.append(
            "The compilation cache gave nothing although it was filled: this host's CPU is not the one "
            "that filled it. --no-cache spares the attempt."
        )
    made += [
        f"The known defect {result.detail.defect} is gone in this release."
        for result in summary.results
        if result.outcome == "fixed-defect" and isinstance(result.detail, KnownDefect)
    ]
    return made


def _of_newer_release(result: Result) -> bool:
    """Whether a release that nobody has tried yet cannot do what is to be mapped."""
    return isinstance(result.detail, NotApplicable) and result.detail.source == "release"


def _verdict(summary: Summary) -> Text:
    holds = count(summary.counts["holds"], "check")
    wrong = sum(n for name, n in summary.counts.items() if name not in CONFORMING)
    if wrong:
        found = count(len(group_by_cause(summary.failures)), "fault")
        verb = "fails" if wrong == 1 else "fail"
        words = f"{layout.WRONG} {found}: {wrong:,} of {count(summary.checked, 'check')} {verb}."
        return Text(words, style="bold red")
    if not summary.counts["holds"]:
        return Text("Nothing was checked.", style="yellow")
    verb = "holds" if summary.counts["holds"] == 1 else "hold"
    if summary.gaps:
        return Text(f"Not finished: {holds} {verb} so far.", style="yellow")
    return Text(f"{layout.HOLDS} {holds} {verb}.", style="bold green")


def _unchecked(summary: Summary) -> list[str]:
    profile = f" by {summary.header.profile}" if summary.header else ""
    sampled, applicable = summary.counts["not-sampled"], summary.counts["not-applicable"]
    parts = [f"{sampled:,} not sampled{profile}"] if sampled else []
    if applicable:
        parts.append(f"{applicable:,} {'does' if applicable == 1 else 'do'} not apply")
    return parts


def _known(summary: Summary, width: int, *, names: bool) -> list[Text]:
    """The known defects that the run saw, by what they do."""
    seen = known_effects(summary.results)
    if not seen:
        return []
    by_effect = _by_effect(seen)
    made = [Text(f"  {count(len(seen), 'known defect')} of this release:", style="yellow")]
    for name, defects in by_effect.items():
        one, many = _WORDS.get(name, (name, name))
        head = f"{len(defects)} {one if len(defects) == 1 else many}"
        if names or name in DANGEROUS:
            listed = ", ".join(defects)
            made += map(Text, layout.wrap(f"{head}: {listed}", width, "    ", "      "))
        else:
            made.append(Text(f"    {head}"))
    made.append(Text("    what each does: vmap-conformance list defects", style="dim"))
    return made


def _by_effect(seen: Mapping[str, Effect | None]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {name: [] for name in EFFECTS}
    for name, effect in seen.items():
        groups.setdefault(effect or "not in this version's list", []).append(name)
    return {name: defects for name, defects in groups.items() if defects}
