"""Hold a transform to a law: the only place that sets Hypothesis running."""

import time
import zlib
from collections.abc import Callable
from typing import Any

import attrs
import hypothesis

from properties import spent
from properties.calls import Call
from properties.law import Law, Violation, narrowed
from properties.profiles import Profile
from properties.subjects import Subject
from properties.transform import Transform
from reference.rounding import Undecidable

SetAside = Callable[[Call], bool]


@attrs.frozen
class Held:
    """What came of holding one transform and subject to one law."""

    violation: Violation | None
    examples: int
    """Calls checked, shrinking included."""
    combinations: int
    """Combinations of axes in them."""
    shapes: int
    """Distinct sizes among them."""
    seconds: float
    spent: spent.Spent
    digest: int
    """A checksum of the calls drawn: two runs that drew the same calls have the same."""


def hold(
    law: Law,
    transform: Transform,
    subject: Subject,
    profile: Profile,
    *,
    set_aside: SetAside = lambda call: False,
    database: Any = None,
    shrink: bool = True,
) -> Held:
    """Draw calls as the profile says and check each; shrink and narrow what violates the law.

    Calls for which ``set_aside`` is true are known defects, checked elsewhere. Without ``shrink`` the
    first violation found will do. What the check raises
    other than `Violation` is a fault of the suite, and is raised.
    """
    began, before = time.perf_counter(), spent.so_far()
    drawn: list[Call] = []

    def attempt(call: Call) -> None:
        kept = tuple(axes for axes in call.axes if not set_aside(call.only(axes)))
        hypothesis.assume(kept)
        call = attrs.evolve(call, axes=kept)
        drawn.append(call)
        try:
            law.check(transform, call)
        except Undecidable:
            hypothesis.reject()

    key = f"{law.id}/{transform.name}/{subject.name}"
    test = hypothesis.given(law.cases(transform, subject, profile))(attempt)
    test = hypothesis.seed(zlib.crc32(f"{profile.seed}/{key}".encode()))(test)
    # After the seed, which would set the database aside.
    test = hypothesis.settings(**profile.settings(database, shrink))(test)
    test._hypothesis_internal_database_key = key.encode()  # type: ignore[attr-defined]
    found: Violation | None = None
    try:
        test()
    except Violation as violation:
        found = (narrowed(law, transform, violation.call) if shrink else None) or violation
    except hypothesis.errors.Unsatisfiable:
        # Every call drawn was set aside; the caller sees it by `examples`.
        pass
    return Held(
        found,
        examples=len(drawn),
        combinations=sum(len(call.axes) for call in drawn),
        shapes=len({tuple(call.sizes.items()) for call in drawn}),
        seconds=time.perf_counter() - began,
        spent=spent.so_far().since(before),
        digest=zlib.crc32(repr(drawn).encode()),
    )
