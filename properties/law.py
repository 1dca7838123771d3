"""Laws: what must hold, each with a stable id, one sentence, a check, and calls worth checking."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from properties.applicability import unavailable
from properties.call import Call, with_dtypes_of
from properties.call_json import check_axes, from_json, to_json
from properties.compare import Expected, Mismatch
from properties.profile import Tier
from properties.recipe import Recipe
from properties.subject import FunctionSubject, ModuleSubject, Subject
from properties.transform import Transform

Check = Callable[[Transform, Any], None]
CheckT = TypeVar("CheckT", bound=Check)
Reason = Callable[[Transform, Any], str | None]


class Violation(AssertionError):
    """A call for which a law does not hold, narrowed to one combination of axes where one shows it."""

    def __init__(
        self,
        call: Call,
        mismatch: Mismatch,
        what: str | Recipe,
        arguments: Any = None,
        right: Expected | None = None,
    ) -> None:
        super().__init__(str(mismatch))
        self.call = call
        self.mismatch = mismatch
        self.recipe = what if isinstance(what, Recipe) else None
        """How it was computed, where a function was mapped."""
        self.what = what.name if isinstance(what, Recipe) else what
        """What was computed: ``init``, ``apply`` or ``plain`` where a module was."""
        self.arguments = arguments
        """What it was computed of; None where that is the call's own arguments."""
        self.right = right
        """What was due; None where that is what `expected` says of the call."""


@attrs.frozen
class Law:
    """One thing that must hold."""

    id: str
    sentence: str
    check: Check
    """``check(transform, call)`` raises `Violation` where the law does not hold."""
    cases: Callable[..., Any]
    """``cases(transform, subject, profile)`` is a strategy of the calls worth checking."""
    subjects: type
    """`FunctionSubject` or `ModuleSubject`."""
    skip_if: Reason
    only_transform: str | None
    """The one transform that it is about, whatever kinds that is held to other laws with."""
    kinds: tuple[str, ...]
    """The kinds of functions that it speaks of."""
    tier: Tier = "standard"
    """What it costs: one of `essential`, `standard`, `derived` and `devices`."""

    def applies_to(self, transform: Transform, subject: Subject) -> bool:
        """Whether the law speaks of such a transform and subject at all."""
        if self.only_transform is not None and transform.name != self.only_transform:
            return False
        if isinstance(subject, ModuleSubject) and not transform.maps_modules:
            return False
        if isinstance(subject, FunctionSubject) and not (
            subject.kind in self.kinds and (self.only_transform or subject.kind in transform.kinds)
        ):
            return False
        return isinstance(subject, self.subjects)

    def skip_reason(self, transform: Transform, subject: Subject) -> str | None:
        """Why the law cannot be checked of these two, although it speaks of their kind."""
        return (
            transform.unavailable()
            or unavailable(subject)
            or self.inapplicable_reason(transform, subject)
        )

    def inapplicable_reason(self, transform: Transform, subject: Subject) -> str | None:
        """Why it cannot be checked of these two on any release."""
        missing_module_reason = (
            transform.missing_module_reason(subject) if isinstance(subject, ModuleSubject) else None
        )
        return missing_module_reason or self.skip_if(transform, subject)


LAWS: dict[str, Law] = {}


def law(
    id: str,
    *,
    cases: Callable[..., Any],
    subjects: type = FunctionSubject,
    skip_if: Reason = lambda transform, subject: None,
    only_transform: str | None = None,
    kinds: tuple[str, ...] = ("function",),
    tier: Tier = "standard",
) -> Callable[[CheckT], CheckT]:
    """Register a check as the law ``id``; the first line of its docstring is the law's sentence.

    ``skip_if`` gives the reason why the law is not applicable to a transform and subject of its kind,
    ``only`` the one transform that the law is about. ``kinds`` are the kinds of functions that it
    speaks of. ``tier`` says what it costs: see `properties.profile.Tier`.
    """

    def register(check: CheckT) -> CheckT:
        sentence = (check.__doc__ or "").strip().split("\n")[0]

        @functools.wraps(check)
        def in_dtypes(transform: Transform, call: Any) -> None:
            with with_dtypes_of(call):
                check(transform, call)

        LAWS[id] = Law(
            id, sentence, in_dtypes, cases, subjects, skip_if, only_transform, kinds, tier
        )
        return check

    return register


class attribute_to:
    """Turn a `Mismatch` raised within into a `Violation` of the given call."""

    def __init__(
        self, call: Call, what: str | Recipe, arguments: Any = None, right: Expected | None = None
    ) -> None:
        self.call, self.what = call, what
        self.given = (arguments, right)

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, Mismatch):
            raise Violation(self.call, error, self.what, *self.given) from None


def minimize(law: Law, transform: Transform, call: Call) -> Violation | None:
    """The violation of the call, by one combination of axes alone where one suffices."""
    for axes in call.axes if len(call.axes) > 1 else ():
        found = violation(law, transform, call.only(axes))
        if found is not None:
            return found
    return violation(law, transform, call)


def violation(law: Law, transform: Transform, call: Call) -> Violation | None:
    """What the law's check raises for this call, if anything."""
    try:
        law.check(transform, call)
    except Violation as found:
        return found
    return None


def stored(law: str, transform: str, call: Call) -> dict[str, Any]:
    """A case as it is written to disk, for `replay`."""
    return {"law": law, "transform": transform, "call": to_json(call)}


def load(case: dict[str, Any]) -> tuple[str, str, Call]:
    """The law's id, the transform's name and the call of a stored case.

    Raises:
        MalformedCall: it is no call of its subject. Calls that must raise may have any axes.
    """
    call = from_json(case["call"])
    if not case["law"].startswith("errors."):
        check_axes(call)
    return case["law"], case["transform"], call
