"""What a run consists of: one item for each law, transform and subject, and for each known defect."""

import fnmatch
import functools
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs
import jax

from conformance.known_defects import DEFECTS
from conformance.known_defects import defect as ledger
from conformance.runner import environment_info, sampling
from conformance.transforms import TRANSFORMS
from conformance.user_subjects import restrictions
from conformance.violations.likely_cause import likely_cause
from conformance.violations.script import script
from properties.call import Call
from properties.call_json import to_json
from properties.law import Law, Violation, minimize
from properties.laws import LAWS
from properties.laws.randomness import DOCUMENTED, maps_inexact_keys
from properties.oracle import estimated
from properties.profile import Profile
from properties.run_law import run_calls, run_law
from properties.subject import Subject
from properties.subjects import SUBJECTS
from properties.transform import Transform
from reference.error_bounds.bounded_array import UnsupportedPrimitive

_LONGEST = 60
"""Seconds for one call in a process of its own."""


@attrs.frozen
class Item:
    """One thing to run: a law held to, or the minimal call of a defect."""

    law: Law
    transform: Transform
    subject: Subject
    defect: ledger.Defect | None = None

    @property
    def planned_as(self) -> str:
        """What a plan calls it; a defect comes with the item that its law is about."""
        return "|".join((self.law.id, self.transform.name, self.subject.name))

    @property
    def id(self) -> str:
        return f"{self.planned_as}|{self.defect.id}" if self.defect else self.planned_as


def select(
    laws: Sequence[str] = (),
    transforms: Sequence[str] = (),
    subjects: Sequence[str] = (),
    shard: tuple[int, int] = (1, 1),
) -> list[Item]:
    """The items of a run, by globs over names; no glob means all. Grouped by subject, which share
    compilations. Shard (i, n) is the i-th of n parts that together are the whole."""

    items = [
        Item(law, transform, subject)
        for subject in SUBJECTS.values()
        for transform in TRANSFORMS.values()
        for law in LAWS.values()
        if law.applies_to(transform, subject)
    ]
    items += [
        Item(LAWS[d.law], TRANSFORMS[d.transform], SUBJECTS[d.call.subject_name], d)
        for d in known_here()
    ]
    return [
        item
        for item in items
        if chosen(item.law.id, laws)
        and chosen(item.transform.name, transforms)
        and chosen(item.subject.name, subjects)
        and in_shard(item.id, shard)
    ]


@functools.cache
def known_here() -> list[ledger.Defect]:
    """The defects of the installed versions on the platform that JAX runs on."""
    return [
        defect
        for defect in ledger.in_force(DEFECTS, environment_info.versions())
        if defect.platform in (None, jax.default_backend())
    ]


def known_defects(law: str, transform: str) -> Callable[[Call], list[str]]:
    """A function of a call with one combination of axes: the ids of the known defects that it shows."""
    known = [defect for defect in known_here() if defect.may_affect(law, transform)]
    return lambda call: [defect.id for defect in known if defect.affects(call)]


def chosen(name: str, globs: Sequence[str]) -> bool:
    """Whether one of the globs is about the name; no glob is about all."""
    return not globs or any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def observed(
    groups: Iterable[str], globs: Sequence[str], shard: tuple[int, int] = (1, 1)
) -> list[str]:
    """The groups of observations that a run records."""
    return [name for name in groups if chosen(name, globs) and in_shard(name, shard)]


def in_shard(name: str, shard: tuple[int, int]) -> bool:
    """Whether a name falls to part i of n: by its checksum, the same on every machine."""
    part, parts = shard
    return zlib.crc32(name.encode()) % parts == part - 1


def run(
    item: Item, profile: Profile, database: Any = None, calls: Sequence[Call] | None = None
) -> dict[str, Any]:
    """Run one item; the fields of its ``result`` event, names left to the caller.

    The calls are those given, or are drawn as the profile says.
    """
    none_given = item.defect is None and not calls
    reason = item.transform.unavailable()
    if item.subject.own is not None:
        left_out = item.subject.own.reason_without(item.transform.name, item.law.id)
        if left_out is not None:
            return _result("not-applicable", detail={"reason": left_out, "source": "user"})
    if reason is None and none_given:
        # Before the law is asked: its reason to skip a function may take tracing it.
        not_sampled = not_sampled_reason(item, profile)
        if not_sampled is not None:
            return _result("not-sampled", detail={"reason": not_sampled, "source": "suite"})
    reason = reason or item.law.skip_reason(item.transform, item.subject)
    if reason is None and none_given and calls is not None:
        reason = "the plan holds no call of it: where that was drawn, there is nothing to check"
    if reason is not None:
        return _result("not-applicable", detail={"reason": reason, "source": "suite"})
    if item.defect is not None:
        return _run_defect(item, item.defect)
    shows = known_defects(item.law.id, item.transform.name)
    shown: dict[str, None] = {}

    def exclude(call: Call) -> bool:
        affecting = shows(call)
        shown.update(dict.fromkeys(affecting))
        return bool(affecting) or maps_inexact_keys(item.transform, call)

    what = (item.law, item.transform, item.subject)
    try:
        with estimated.judges() as judges:
            if calls is None:
                held = run_law(*what, profile, exclude=exclude, database=database)
            else:
                held = run_calls(*what[:2], calls, exclude=exclude)
    except UnsupportedPrimitive as unknown:
        return _result("not-applicable", detail={"reason": str(unknown), "source": "suite"})
    if not held.examples:
        names = ", ".join(shown)
        reason = f"every call drawn shows a known defect: {names}" if names else DOCUMENTED
        return _result("not-applicable", detail={"reason": reason, "source": names or "suite"})
    if held.violation is None and held.undecided == held.examples:
        reason = "in every call of it rounding decides which way the computation goes"
        return _result("not-applicable", detail={"reason": reason, "source": "suite"})
    outcome, detail = "holds", None
    advice = restrictions.advised(item.transform, item.subject, held.violation)
    if advice is not None:
        return _result("not-applicable", detail={"reason": advice, "source": "jax"})
    if held.violation is not None:
        outcome, detail = "violated", describe(item.law, item.transform, held.violation)
    return _result(
        outcome,
        examples=held.examples,
        seconds=round(held.seconds, 3),
        compilations=held.compile_stats.compilations,
        detail=detail,
        combinations=held.combinations,
        shapes=held.shapes,
        compile_seconds=round(held.compile_stats.compile_seconds, 3),
        cache_hits=held.compile_stats.cache_hits,
        digest=f"{held.digest:08x}",
        **({"oracle": " and ".join(sorted(judges))} if judges else {}),
    )


def is_not_sampled(item: Item, profile: Profile) -> bool:
    """Whether a run that draws its calls leaves the item to another seed or profile."""
    # What the release does not have is said first, as of any other item.
    return not_sampled_reason(item, profile) is not None and item.transform.unavailable() is None


def not_sampled_reason(item: Item, profile: Profile) -> str | None:
    """Why a run of the profile does not check the item; it runs every known defect."""
    if item.defect is not None:
        return None
    return sampling.not_sampled_reason(item.law, item.transform, item.subject, profile)


def describe(law: Law, transform: Transform, found: Violation) -> dict[str, Any]:
    """The detail of a violation: everything that a person or another tool needs to see it."""
    wrong = found.mismatch
    return {
        "call": to_json(found.call),
        "what": found.what,
        "message": wrong.message,
        "path": wrong.path,
        "expected": wrong.expected,
        "got": wrong.got,
        "max_ulps": wrong.max_ulps,
        "error": wrong.max_error,
        "bound": wrong.allowed,
        "cause": likely_cause(law, found),
        "script": script(law, transform, found),
    }


def _run_defect(item: Item, defect: ledger.Defect) -> dict[str, Any]:
    if defect.crashes_process:
        there = ends_its_process(defect)
    else:
        there = minimize(item.law, item.transform, defect.call) is not None
    return _result(
        "known-defect" if there else "fixed-defect", examples=1, detail={"defect": defect.id}
    )


def ends_its_process(defect: ledger.Defect) -> bool:
    """Run the defect's call in a process of its own, and see whether that gets to the end."""
    code = f"from conformance.runner import items; items.run_minimal_call({defect.id!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=_LONGEST,
    )
    if done.returncode == 1:
        raise RuntimeError(done.stderr.decode(errors="replace")[-600:])
    return done.returncode != 0


def run_minimal_call(defect_id: str) -> None:
    """The minimal call of a defect, in this process. Raises `Violation` where it shows without dying."""
    (defect,) = (each for each in DEFECTS if each.id == defect_id)
    LAWS[defect.law].check(TRANSFORMS[defect.transform], defect.call)


def _result(outcome: str, **fields: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"outcome": outcome, "examples": 0, "seconds": 0.0, "compilations": 0}
    return {**plain, "detail": None, **fields}
