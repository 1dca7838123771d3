"""Laws that held before and do not now, or the other way round."""

from collections.abc import Iterator, Sequence

from conformance.events.log import CONFORMING, NOT_CHECKED, Event
from conformance.known_defects import DEFECTS
from conformance.upgrade.difference import Difference
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


def results(events: Sequence[Event]) -> dict[str, Event]:
    """Each result under its law, transform, subject and, where it has one, defect."""
    names = ("law", "transform", "subject", "defect")
    return {
        " | ".join(event[name] for name in names if event.get(name)): event
        for event in events
        if event["type"] == "result"
    }


def sampled_by_one(before: Sequence[Event], after: Sequence[Event]) -> set[str]:
    """The items that exactly one of two runs did not sample."""
    old, new = results(before), results(after)
    return {
        name
        for name in old.keys() & new.keys()
        if (old[name]["outcome"] == "not-sampled") != (new[name]["outcome"] == "not-sampled")
    }


def find(before: Sequence[Event], after: Sequence[Event]) -> Iterator[Difference]:
    """One difference for each item whose outcome changed for better or worse."""
    old, new = results(before), results(after)
    in_both = _supported(old) & _supported(new)
    for name, result in new.items():
        was, now = (old[name]["outcome"] if name in old else None), result["outcome"]
        regressed = now not in CONFORMING and was in CONFORMING
        if now == "not-sampled":
            continue  # it was not checked: neither regressed nor fixed
        gone = now == "not-applicable" and was not in {None, *NOT_CHECKED}
        came = now == "known-defect" and was in _SOUND and result["transform"] in in_both
        detail = result["detail"] or {}
        if regressed or gone or came:
            said = f"{was or 'held'} before, {now} now: {_reason(result)}"
            yield Difference(REGRESSED, name, said, cause=_cause(result), detail=detail)
        elif now in CONFORMING and was is not None and was not in CONFORMING:
            said, earlier = f"{was} before, {now} now", old[name]
            yield Difference(
                FIXED, name, said, cause=_cause(earlier), detail=earlier["detail"] or {}
            )
    for name, result in old.items():
        went = result["outcome"] == "known-defect" and name not in new
        if went and result["transform"] in in_both:
            said = "the known defect is not in this release"
            yield Difference(FIXED, name, said, cause=_cause(result))


def _supported(of_items: dict[str, Event]) -> set[str]:
    """The transforms that the release has: something was applicable to them."""
    return {
        result["transform"] for result in of_items.values() if result["outcome"] not in NOT_CHECKED
    }


def _reason(result: Event) -> str:
    detail = result["detail"] or {}
    return detail.get("message") or detail.get("reason") or f"known defect {detail.get('defect')}"


def _cause(result: Event) -> str:
    """What results of one cause share: the known defect, or the law, transform and first line."""
    detail = result["detail"] or {}
    defect = detail.get("defect") or detail.get("source")
    if defect and any(each.id in str(defect).split(", ") for each in DEFECTS):
        return f"{KNOWN}{defect}"
    first = _reason(result).splitlines()[0]
    if result["outcome"] == "not-applicable":
        return f"{result['transform']} not applicable: {first}"
    return f"{result['law']} of {result['transform']}: {first}"
