"""Hold a transform to a law: the only place that sets Hypothesis running."""

import time
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import hypothesis

from properties import compile_stats as compile_stats
from properties.call import Call, digest
from properties.law import Law, Violation, minimize, violation
from properties.profile import Profile
from properties.subject import Subject
from properties.transform import Transform
from reference.error_bounds.bounded_array import BranchUndecidable

CallFilter = Callable[[Call], bool]

MAX_UNDECIDED = 4
"""Calls of which nothing can be said, and no other, until there is no use in drawing more."""
MAX_EXCLUDED = 24
"""The same, of calls that are known defects."""


@attrs.frozen
class LawRun:
    """What came of holding one transform and subject to one law."""

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
    """Calls among them of which rounding does not let one say what is right."""
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
    """Draw calls as the profile says and check each; shrink and narrow what violates the law.

    Calls for which ``exclude`` is true are known defects, checked elsewhere. Without ``shrink`` the
    first violation found will do. What the check raises
    other than `Violation` is a fault of the suite, and is raised.
    """
    began, before = time.perf_counter(), compile_stats.so_far()
    drawn: list[Call] = []
    undecided = aside = 0

    def attempt(call: Call) -> None:
        nonlocal undecided, aside
        left = without_excluded(exclude, call)
        if left is None:
            aside += 1
            if drawn or aside < MAX_EXCLUDED:
                hypothesis.reject()
            return
        drawn.append(left)
        try:
            law.check(transform, left)
        except BranchUndecidable:
            undecided += 1
            # Another call may do; where none has, there is no use in drawing hundreds.
            if undecided < max(len(drawn), MAX_UNDECIDED):
                hypothesis.reject()

    found: Violation | None = None
    try:
        _drawing(law, transform, subject, profile, attempt, database, shrink)()
    except Violation as wrong:
        found = (minimize(law, transform, wrong.call) if shrink else None) or wrong
    except hypothesis.errors.Unsatisfiable:
        # Every call drawn was set aside; the caller sees it by `examples`.
        pass
    return _held(found, drawn, began, before, undecided)


def run_calls(
    law: Law,
    transform: Transform,
    calls: Iterable[Call],
    *,
    exclude: CallFilter = lambda call: False,
) -> LawRun:
    """Check these calls, drawn before and perhaps elsewhere, up to the first that violates the law."""
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
            break
    return _held(found, checked, began, before, undecided)


def draw(law: Law, transform: Transform, subject: Subject, profile: Profile) -> list[Call]:
    """The calls that `run_law` would check if each of them held."""
    drawn: list[Call] = []
    _drawing(law, transform, subject, profile, drawn.append, None, shrink=False)()
    return drawn


def without_excluded(exclude: CallFilter, call: Call) -> Call | None:
    """The call less the combinations of axes that are set aside; None where that leaves nothing."""
    kept = tuple(axes for axes in call.axes if not exclude(call.only(axes)))
    return attrs.evolve(call, axes=kept) if kept else None


def _drawing(
    law: Law,
    transform: Transform,
    subject: Subject,
    profile: Profile,
    attempt: Callable[[Call], None],
    database: Any,
    shrink: bool,
) -> Callable[[], None]:
    """What sets Hypothesis running: ``attempt`` of each call that the profile's seed draws."""
    key = f"{law.seed_id}/{transform.name}/{subject.name}"
    profile = profile.for_tiers(law.tier, transform.tier, subject.tier)

    def attempted(call: Call) -> None:
        attempt(call)

    test = hypothesis.given(law.cases(transform, subject, profile))(attempted)
    test = hypothesis.seed(zlib.crc32(f"{profile.seed}/{key}".encode()))(test)
    # After the seed, which would set the database aside.
    test = hypothesis.settings(**profile.settings(database, shrink))(test)
    test._hypothesis_internal_database_key = key.encode()  # type: ignore[attr-defined]
    return test


def _held(
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
