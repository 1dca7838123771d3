"""Check a law for a transform and a subject: the only place that runs Hypothesis."""

import contextlib
import time
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import hypothesis

from properties import compile_stats
from properties.applicability import raised_alone
from properties.call import Axes, Call, FunctionCall, digest
from properties.law import Law, Violation, minimize, smallest, violation
from properties.profile import Profile
from properties.sizes import some_call
from properties.subject import FunctionSubject, Subject
from properties.transform import Transform
from reference.error_bounds.bounded_array import BranchUndecidable

CallFilter = Callable[[Call], bool]

MAX_UNDECIDED = 4
"""Drawing stops after so many calls of which rounding decides the result, and no other call."""
MAX_EXCLUDED = 24
"""Drawing stops after so many calls that show a known defect, and no other call."""


@attrs.frozen
class LawRun:
    """What came of checking one law for one transform and subject."""

    violation: Violation | None
    examples: int
    """Calls checked, shrinking included."""
    combinations: int
    """Combinations of axes in them."""
    shapes: int
    """Distinct sizes among them."""
    seconds: float
    compile_stats: compile_stats.CompileStats
    undecided: int
    """Calls among them of which rounding decides the result, so that nothing can be checked."""
    digest: int
    """A checksum of the calls drawn: two runs that drew the same calls have the same."""


def run_law(
    law: Law,
    transform: Transform,
    subject: Subject,
    profile: Profile,
    *,
    exclude: CallFilter = lambda call: False,
    database: Any = None,
    shrink: bool = True,
) -> LawRun:
    """Draw calls as the profile says, check each, and shrink the first that violates the law.

    Args:
        law: The law.
        transform: What maps.
        subject: What is mapped.
        profile: How many calls to draw, and from which seed.
        exclude: True for a call that shows a known defect, which has an item of its own.
        database: Hypothesis's database of failures; None for none.
        shrink: Whether to shrink a violation and to reduce it to one combination of axes.

    Raises:
        Exception: Whatever the check raises other than `Violation`: it is a fault of the suite.
    """
    began, before = time.perf_counter(), compile_stats.so_far()
    drawn: list[Call] = []
    undecided = excluded = 0

    def attempt(call: Call) -> None:
        nonlocal undecided, excluded
        kept = without_excluded(exclude, call)
        if kept is None:
            excluded += 1
            if drawn or excluded < MAX_EXCLUDED:
                hypothesis.reject()
            return
        drawn.append(kept)
        try:
            law.check(transform, kept)
        except BranchUndecidable:
            undecided += 1
            # Another call may do; where none has, there is no use in drawing hundreds.
            if undecided < max(len(drawn), MAX_UNDECIDED):
                hypothesis.reject()

    found: Violation | None = None
    drawn += _of_what_raises_alone(subject)
    if drawn:
        return _finished(violation(law, transform, drawn[0]), drawn, began, before, undecided)
    try:
        by_hypothesis = shrink and law.smaller is None
        _hypothesis_test(law, transform, subject, profile, attempt, database, by_hypothesis)()
        for only in _of_other_dtypes(law, subject, profile, drawn):
            once = attrs.evolve(profile, examples=1)
            with contextlib.suppress(hypothesis.errors.Unsatisfiable):
                _hypothesis_test(law, transform, only, once, attempt, None, shrink=False)()
    except Violation as wrong:
        found = wrong
        if shrink:
            found = minimize(law, transform, wrong.call) or wrong
            found = smallest(law, transform, found, lambda call: not exclude(call))
    except hypothesis.errors.Unsatisfiable:
        # Every call drawn was excluded; the caller sees it by `examples`.
        pass
    return _finished(found, drawn, began, before, undecided)


def _of_other_dtypes(
    law: Law, subject: Subject, profile: Profile, drawn: list[Call]
) -> list[Subject]:
    """Where the profile wants every dtype: the subject in each of which no call was drawn."""
    wanted = profile.every_dtype and law.tier == "essential"
    if not (wanted and isinstance(subject, FunctionSubject)):
        return []
    seen = {call.dtype for call in drawn}
    others = [dtype for dtype in subject.dtypes if dtype not in seen]
    return [attrs.evolve(subject, dtypes=(dtype,)) for dtype in others]


def run_calls(
    law: Law,
    transform: Transform,
    calls: Iterable[Call],
    *,
    exclude: CallFilter = lambda call: False,
) -> LawRun:
    """Check calls that were drawn before, perhaps elsewhere, up to the first that violates the law.

    Args:
        law: The law.
        transform: What maps.
        calls: The calls.
        exclude: True for a call that shows a known defect, which has an item of its own.
    """
    began, before = time.perf_counter(), compile_stats.so_far()
    checked: list[Call] = []
    undecided = 0
    found: Violation | None = None
    for planned in calls:
        call = without_excluded(exclude, planned)
        if call is None:
            continue
        checked.append(call)
        try:
            found = violation(law, transform, call)
        except BranchUndecidable:
            undecided += 1
        if found is not None:
            found = minimize(law, transform, found.call) or found
            found = smallest(law, transform, found, lambda call: not exclude(call))
            break
    return _finished(found, checked, began, before, undecided)


def draw(law: Law, transform: Transform, subject: Subject, profile: Profile) -> list[Call]:
    """The calls that `run_law` would check if each of them held."""
    drawn = _of_what_raises_alone(subject)
    if drawn:
        return drawn
    _hypothesis_test(law, transform, subject, profile, drawn.append, None, shrink=False)()
    return drawn


def _of_what_raises_alone(subject: Subject) -> list[Call]:
    """One call of what cannot be called by itself: it has no shapes from which calls could be drawn."""
    if not isinstance(subject, FunctionSubject) or raised_alone(subject) is None:
        return []
    return [attrs.evolve(some_call(subject), axes=(Axes((0,) * len(subject.arguments), 0),))]


def without_excluded(exclude: CallFilter, call: Call) -> Call | None:
    """The call without its excluded combinations of axes; None where that leaves none."""
    kept = tuple(axes for axes in call.axes if not exclude(call.only(axes)))
    return attrs.evolve(call, axes=kept) if kept else None


def _hypothesis_test(
    law: Law,
    transform: Transform,
    subject: Subject,
    profile: Profile,
    attempt: Callable[[Call], None],
    database: Any,
    shrink: bool,
) -> Callable[[], None]:
    """A test of Hypothesis's: it calls `attempt` with each call that the profile's seed draws."""
    key = f"{law.seed_id}/{transform.name}/{subject.name}"
    profile = profile.for_tiers(law.tier, transform.tier, subject.tier)
    if subject.own is not None:
        profile = profile.for_own(law.tier)
    cases = law.cases(transform, subject, profile)
    if subject.own is not None:
        cases = cases.map(_one_eager if _may_be_eager(law, transform) else _compiled)

    def attempted(call: Call) -> None:
        attempt(call)

    test = hypothesis.given(cases)(attempted)
    test = hypothesis.seed(zlib.crc32(f"{profile.seed}/{key}".encode()))(test)
    # After the seed, which would switch the database off.
    test = hypothesis.settings(**profile.settings(database, shrink))(test)
    test._hypothesis_internal_database_key = key.encode()  # type: ignore[attr-defined]  # noqa: SLF001 (Hypothesis has no public way to name an entry)
    return test


def _may_be_eager(law: Law, transform: Transform) -> bool:
    """Whether some calls of a user's own subject run without jit: a program for each operation."""
    return law.tier == "essential" and transform.tier != "derived" and transform.traceable


def _one_eager(call: Call) -> Call:
    """The call, of one combination of axes where it compiles a program for each operation of each."""
    eager = call.eager if isinstance(call, FunctionCall) else call.init_jitted
    return call.only(call.axes[0]) if eager else call


def _compiled(call: Call) -> Call:
    if isinstance(call, FunctionCall):
        return attrs.evolve(call, eager=False)
    return attrs.evolve(call, init_jitted=False)


def _finished(
    found: Violation | None,
    calls: list[Call],
    began: float,
    before: compile_stats.CompileStats,
    undecided: int,
) -> LawRun:
    return LawRun(
        found,
        examples=len(calls),
        combinations=sum(len(call.axes) for call in calls),
        shapes=len({tuple(call.sizes.items()) for call in calls}),
        seconds=time.perf_counter() - began,
        compile_stats=compile_stats.so_far().since(before),
        undecided=undecided,
        digest=digest(calls),
    )
