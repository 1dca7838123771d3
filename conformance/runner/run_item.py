"""Running one item: the result that goes into the log."""

import traceback
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from conformance.events.details import Casualty, KnownDefect, NotApplicable, NotSampled
from conformance.events.outcomes import Outcome
from conformance.events.records import Result
from conformance.known_defects.effects import effect
from conformance.runner import mlir_context
from conformance.runner.installed_defects import defects_of_call, defects_that_explain
from conformance.runner.items import Item
from conformance.runner.run_defect import still_shows
from conformance.user_subjects import restrictions
from conformance.violations.describe import describe
from properties.applicability import newly_unavailable
from properties.call import Call
from properties.law import Violation
from properties.laws.randomness import DOCUMENTED, maps_inexact_keys
from properties.oracle import estimated
from properties.profile import Profile
from properties.run_law import LawRun, run_calls, run_law
from reference.error_bounds.bounded_array import UnsupportedPrimitive

NO_CELL = "none"
"""The cell of a result that goes into no log."""


def run_item(
    item: Item,
    profile: Profile,
    database: Any = None,
    calls: Sequence[Call] | None = None,
    cell: str = NO_CELL,
    not_sampled: str | None = None,
) -> Result:
    """Run one item.

    Args:
        item: What to run.
        profile: How many calls to draw, and from which seed.
        database: Hypothesis' database of failing examples; None for none.
        calls: Check these calls instead of drawing any.
        cell: The run that the result belongs to.
        not_sampled: Why a plan leaves the item out; where there is no plan, the profile decides.

    """
    try:
        with mlir_context.shared():
            return _run(item, profile, database, calls, cell, not_sampled)
    except SystemExit as ended:
        # pytest would take it for its own end, or call it a failure without saying of what.
        how = ended.code if isinstance(ended.code, str) else f"sys.exit({ended.code!r}) was called"
        reason = f"the code under test ended the process: {how}"
        last = "".join(traceback.format_exception(ended)[-4:]).strip()
        return _result(item, cell, "crashed", detail=Casualty(reason=reason, output=last))


def _run(
    item: Item,
    profile: Profile,
    database: Any,
    calls: Sequence[Call] | None,
    cell: str,
    not_sampled: str | None,
) -> Result:
    if item.defect is not None:
        return _run_defect(item, cell)
    own = item.subject.own
    refused = own.reason_without(item.transform.name, item.law.id) if own is not None else None
    if refused is not None:
        return _not_applicable(item, cell, refused, source="user")
    # Whether the item is sampled comes before the law's reason to skip it, which may take tracing.
    reason = item.transform.unavailable()
    if calls is None and not_sampled is None:
        not_sampled = item.not_sampled_reason(profile)
    if reason is None and not_sampled is not None:
        return _result(item, cell, "not-sampled", detail=NotSampled(reason=not_sampled))
    reason = reason or item.law.skip_reason(item.transform, item.subject)
    if reason is None and calls is not None and not calls:
        reason = "the plan has no call of it: where the plan was drawn, there was nothing to check"
    if reason is not None:
        source = "release" if newly_unavailable(item.subject) else "suite"
        return _not_applicable(item, cell, reason, source)
    # What a restriction explains needs no shrinking, which compiles a program for each attempt.
    shrink = not restrictions.may_apply(item.transform, item.subject)
    try:
        with estimated.judges() as judges:
            found, shown = _checked(item, profile, database, calls, shrink)
    except UnsupportedPrimitive as unknown:
        return _not_applicable(item, cell, str(unknown))
    if not found.examples:
        names = ", ".join(shown)
        reason = f"every call drawn shows a known defect: {names}" if names else DOCUMENTED
        return _not_applicable(item, cell, reason, source=names or "suite")
    if found.violation is not None:
        names = ", ".join(_known(item, found.violation))
        if names:
            reason = f"the call that violates the law shows a known defect: {names}"
            return _not_applicable(item, cell, reason, source=names)
    if found.violation is None and found.undecided == found.examples:
        return _not_applicable(
            item, cell, "in every call of it rounding decides which way the computation goes"
        )
    advice = restrictions.advised(
        item.transform, item.subject, found.violation
    ) or restrictions.sums_gradients(item.law, item.transform, item.subject, found.violation)
    if advice is not None:
        return _not_applicable(item, cell, advice, source="jax")
    if found.violation is not None and not shrink:
        found, shown = _checked(item, profile, database, calls)
    return _of_run(item, cell, found, " and ".join(sorted(judges)))


def _checked(
    item: Item,
    profile: Profile,
    database: Any,
    calls: Sequence[Call] | None,
    shrink: bool = True,
) -> tuple[LawRun, list[str]]:
    """The law on the calls that show no known defect, and the defects that the others show."""
    defects = defects_of_call(item.law, item.transform.name)
    shown: dict[str, None] = {}

    def exclude(call: Call) -> bool:
        affecting = defects(call)
        shown.update(dict.fromkeys(affecting))
        return bool(affecting) or maps_inexact_keys(item.transform, call)

    if calls is None:
        found = run_law(
            item.law,
            item.transform,
            item.subject,
            profile,
            exclude=exclude,
            database=database,
            shrink=shrink,
        )
    else:
        found = run_calls(item.law, item.transform, calls, exclude=exclude)
    return found, list(shown)


def _known(item: Item, found: Violation) -> list[str]:
    """The known defects of the call that violates the law, which may have other axes than the one drawn."""
    if len(found.call.axes) != 1:
        return []
    return defects_that_explain(item.law, item.transform.name, found.call)


def _of_run(item: Item, cell: str, found: LawRun, judges: str) -> Result:
    """The result of a law that was checked; `judges` are what judged values in the reference's place."""
    outcome: Outcome = "holds"
    detail = None
    if found.violation is not None:
        outcome = "violated"
        detail = describe(item.law, item.transform, found.violation)
    stats = found.compile_stats
    result = _result(item, cell, outcome, found.examples, detail)
    return msgspec.structs.replace(
        result,
        seconds=round(found.seconds, 3),
        compilations=stats.compilations,
        combinations=found.combinations,
        shapes=found.shapes,
        compile_seconds=round(stats.compile_seconds, 3),
        cache_hits=stats.cache_hits,
        digest=f"{found.digest:08x}",
        oracle=judges or UNSET,
    )


def _run_defect(item: Item, cell: str) -> Result:
    assert item.defect is not None
    reason = item.transform.unavailable() or item.law.skip_reason(item.transform, item.subject)
    if reason is not None:
        return _not_applicable(item, cell, reason)
    detail = KnownDefect(defect=item.defect.id, effect=effect(item.defect))
    outcome: Outcome = "known-defect" if still_shows(item.defect) else "fixed-defect"
    return _result(item, cell, outcome, examples=1, detail=detail)


def _not_applicable(item: Item, cell: str, reason: str, source: str = "suite") -> Result:
    return _result(item, cell, "not-applicable", detail=NotApplicable(reason=reason, source=source))


def _result(
    item: Item, cell: str, outcome: Outcome, examples: int = 0, detail: Any = None
) -> Result:
    started = item.started(cell)
    return Result(
        cell=cell,
        law=started.law,
        transform=started.transform,
        subject=started.subject,
        defect=started.defect,
        outcome=outcome,
        examples=examples,
        seconds=0.0,
        compilations=0,
        detail=detail,
    )
