"""The known defects that a run saw, by what they do to a user."""

import attrs

from conformance.events.outcomes import EFFECTS, Outcome
from conformance.reporting.html.results import ResultView

SEEN: tuple[Outcome, ...] = ("known-defect", "fixed-defect")
HEADS = {
    "silently wrong": "Silently wrong: a wrong answer without a word",
    "process dies": "The process dies",
    "raises": "Raises: what should work stops with an error",
    "unclear error": "Unclear error: what should raise does, but does not say what is wrong",
}

SHORT = {"raises": "raise", "process dies": "end the process", "": "unlisted", "fixed": "gone"}


@attrs.frozen
class KnownGroup:
    """Known defects that do the same to a user."""

    effect: str
    title: str
    short: str
    dangerous: bool
    detailed: list[ResultView]


def known_groups(detailed: list[ResultView]) -> list[KnownGroup]:
    """The known defects among the results in full, the most dangerous first; at last those that are gone."""
    # The ledger needs JAX, which only a page imports.
    from conformance.known_defects.effects import effect

    groups: dict[str, list[ResultView]] = {name: [] for name in (*EFFECTS, "", "fixed")}
    for view in detailed:
        if view.result.outcome in SEEN:
            gone = view.result.outcome == "fixed-defect"
            does = effect(view.defect) if view.defect is not None else ""
            groups["fixed" if gone else does].append(view)
    heads = {**HEADS, "": "Not in this version's list", "fixed": "Gone in this release"}
    return [
        KnownGroup(
            name,
            heads[name],
            SHORT.get(name, name),
            name in ("silently wrong", "process dies"),
            found,
        )
        for name, found in groups.items()
        if found
    ]
