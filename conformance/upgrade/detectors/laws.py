"""Laws that held before and do not now, or the other way round."""

from collections.abc import Iterator, Sequence

from conformance.events.details import Casualty, KnownDefect, NotApplicable, NotSampled, Violation
from conformance.events.outcomes import CONFORMING, NOT_CHECKED
from conformance.events.records import Record, Result
from conformance.upgrade.difference import Difference, Reproducer
from conformance.upgrade.kinds import DifferenceKind

REGRESSED = DifferenceKind(
    "regressed",
    "Regressed",
    ("law regressed", "laws regressed"),
    "A call that conformed is wrong, raises, or is not supported.",
    "Find out whether your code makes such calls before you upgrade: run the script.",
    10,
    "work",
)
FIXED = DifferenceKind(
    "fixed",
    "Fixed",
    ("law fixed", "laws fixed"),
    "A call that was wrong conforms.",
    "A workaround for it can go.",
    200,
    "fine",
)
KINDS = (REGRESSED, FIXED)

KNOWN = "defect "
"""How the cause of a difference begins that known defects of the library explain."""

_SOUND = {None, *CONFORMING} - {"known-defect"}


def results(events: Sequence[Record]) -> dict[str, Result]:
    """Each result under its law, transform, subject and, where it has one, defect."""
    found = {}
    for event in events:
        if isinstance(event, Result):
            parts = (event.law, event.transform, event.subject, event.defect)
            found[" | ".join(part for part in parts if part)] = event
    return found


def sampled_by_one(before: Sequence[Record], after: Sequence[Record]) -> set[str]:
    """The items that exactly one of two runs did not sample."""
    old, new = results(before), results(after)
    return {
        name
        for name in old.keys() & new.keys()
        if (old[name].outcome == "not-sampled") != (new[name].outcome == "not-sampled")
    }


def find(before: Sequence[Record], after: Sequence[Record]) -> Iterator[Difference]:
    """One difference for each item whose outcome changed for better or worse."""
    old, new = results(before), results(after)
    in_both = _supported(old) & _supported(new)
    for name, result in new.items():
        was, now = (old[name].outcome if name in old else None), result.outcome
        if now == "not-sampled":
            continue  # it was not checked: neither regressed nor fixed
        regressed = now not in CONFORMING and was in CONFORMING
        gone = now == "not-applicable" and was not in {None, *NOT_CHECKED}
        came = now == "known-defect" and was in _SOUND and result.transform in in_both
        if regressed or gone or came:
            said = f"{was or 'held'} before, {now} now: {_reason(result)}"
            yield Difference(REGRESSED, name, said, cause=_cause(result), detail=_script(result))
        elif now in CONFORMING and was is not None and was not in CONFORMING:
            said, earlier = f"{was} before, {now} now", old[name]
            yield Difference(FIXED, name, said, cause=_cause(earlier), detail=_script(earlier))
    for name, result in old.items():
        went = result.outcome == "known-defect" and name not in new
        if went and result.transform in in_both:
            said = "the known defect is not in this release"
            yield Difference(FIXED, name, said, cause=_cause(result))


def _supported(of_items: dict[str, Result]) -> set[str]:
    """The transforms that the release has: something was applicable to them."""
    return {r.transform for r in of_items.values() if r.outcome not in NOT_CHECKED}


def _reason(result: Result) -> str:
    match result.detail:
        case Violation(message=message):
            return message
        case NotApplicable(reason=reason) | NotSampled(reason=reason) | Casualty(reason=reason):
            return reason
        case KnownDefect(defect=defect):
            return f"known defect {defect}"
    return "no reason was recorded"


def _script(result: Result) -> Reproducer | None:
    return Reproducer(result.detail.script) if isinstance(result.detail, Violation) else None


def _cause(result: Result) -> str:
    """What results of one cause share: the known defect, or the law, transform and first line."""
    match result.detail:
        case KnownDefect(defect=defect) | NotApplicable(source=defect) if _is_known(defect):
            return f"{KNOWN}{defect}"
    first = (_reason(result).splitlines() or [""])[0]
    if result.outcome == "not-applicable":
        return f"{result.transform} not applicable: {first}"
    return f"{result.law} of {result.transform}: {first}"


def _is_known(defects: str) -> bool:
    """Whether these are ids of known defects, separated by commas."""
    # The ledger needs JAX.
    from conformance.known_defects import DEFECTS

    return any(defect.id in defects.split(", ") for defect in DEFECTS)
