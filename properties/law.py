"""Laws: what must hold, each with a stable id, one sentence, a check, and calls worth checking."""

import functools
import time
from collections.abc import Callable, Iterator
from types import ModuleType, TracebackType
from typing import Any

import attrs
import numpy as np
from hypothesis.strategies import SearchStrategy

from properties import law_ids
from properties.applicability import raised_alone, unavailable
from properties.call import Axes, Call, FunctionCall, with_dtypes_of
from properties.call_json import check_axes, from_json, to_json
from properties.compare import Expected, Mismatch, exactly
from properties.profile import Profile, Tier
from properties.recipe import Recipe
from properties.subject import FunctionSubject, ModuleSubject, Subject, UseSubject
from properties.transform import Transform
from properties.trees import Raised
from reference.types import PyTree

# A law is about calls and subjects of one class, and its functions take that class.
Check = Callable[[Transform, Any], None]
Cases = Callable[[Transform, Any, Profile], SearchStrategy[Any]]
Reason = Callable[[Transform, Any], str | None]


class Violation(AssertionError):
    """A call for which a law does not hold, with one combination of axes where one shows it.

    Args:
        call: The call.
        mismatch: How what the transform gave differs from what is expected.
        what: What was computed: a `Recipe` where a function was mapped, else one of `init`, `apply`,
            `plain`, `gradient` and `names`.
        arguments: What it was computed with; None for the call's own arguments.
        expected: What the result should be; None for what the oracle says of the call.
    """

    def __init__(
        self,
        call: Call,
        mismatch: Mismatch,
        what: str | Recipe,
        arguments: PyTree = None,
        expected: Expected | None = None,
    ) -> None:
        super().__init__(str(mismatch))
        self.call = call
        self.mismatch = mismatch
        self.recipe = what if isinstance(what, Recipe) else None
        self.what = what.name if isinstance(what, Recipe) else what
        self.arguments = arguments
        self.expected = expected


@attrs.frozen
class Law:
    """One thing that must hold."""

    id: str
    """The group and the name, as in `mapping.equals-per-example`."""
    sentence: str
    check: Check
    """`check(transform, call)` raises `Violation` where the law does not hold."""
    cases: Cases
    """`cases(transform, subject, profile)` is a strategy for the calls worth checking."""
    subjects: type
    """`FunctionSubject` or `ModuleSubject`."""
    skip_if: Reason
    only_transform: str | None
    """The one transform that the law is about, whatever kinds of functions that takes elsewhere."""
    kinds: tuple[str, ...]
    """The kinds of functions that the law is about: see `FunctionSubject.kind`."""
    where: Callable[[Subject], bool] = lambda subject: True
    """Whether the law is about such a subject of its class and kind."""
    tier: Tier = "standard"
    """What it costs: one of `essential`, `standard`, `derived`, `generated` and `devices`."""
    smaller: Callable[[Any], Iterator[Any]] | None = None
    """Smaller calls than one, where Hypothesis does not know how to shrink it."""
    compares_with: str | None = None
    """The transform whose result the law takes for the right one."""

    @property
    def seed_id(self) -> str:
        """The id that goes into seeds: a renamed law draws the calls that it drew before."""
        return law_ids.former(self.id)

    def applies_to(self, transform: Transform, subject: Subject) -> bool:
        """Whether the law is about such a transform and such a subject at all."""
        if self.only_transform is not None and transform.name != self.only_transform:
            return False
        if isinstance(subject, ModuleSubject) and not transform.maps_modules:
            return False
        if isinstance(subject, UseSubject) is not issubclass(self.subjects, UseSubject):
            return False
        if isinstance(subject, FunctionSubject) and not (
            subject.kind in self.kinds and (self.only_transform or subject.kind in transform.kinds)
        ):
            return False
        return isinstance(subject, self.subjects) and self.where(subject)

    def skip_reason(self, transform: Transform, subject: Subject) -> str | None:
        """Why the law cannot be checked of this transform and subject on this release."""
        return (
            transform.unavailable()
            or unavailable(subject)
            or self.inapplicable_reason(transform, subject)
        )

    def inapplicable_reason(self, transform: Transform, subject: Subject) -> str | None:
        """Why the law cannot be checked of this transform and subject on any release."""
        missing = (
            transform.missing_module_reason(subject) if isinstance(subject, ModuleSubject) else None
        )
        restricted = transform.restrictions.get(self.id)
        return missing or restricted or self.skip_if(transform, subject)


def law(
    id: str,
    *,
    cases: Cases,
    subjects: type = FunctionSubject,
    skip_if: Reason = lambda transform, subject: None,
    only_transform: str | None = None,
    kinds: tuple[str, ...] = ("function",),
    where: Callable[[Subject], bool] = lambda subject: True,
    tier: Tier = "standard",
    smaller: Callable[[Any], Iterator[Any]] | None = None,
    compares_with: str | None = None,
) -> Callable[[Check], Law]:
    """Make a check the law `id`; the first line of its docstring is the law's sentence.

    Args:
        id: The group, which is the file or folder of the check, and the name, which is its function.
        cases: `cases(transform, subject, profile)` is a strategy for the calls worth checking.
        subjects: The class of subjects that the law is about.
        skip_if: Why the law is not applicable to a transform and a subject of its class; None where
            it is.
        only_transform: The name of the one transform that the law is about.
        kinds: The kinds of functions that the law is about.
        where: Whether the law is about a subject of that class and those kinds.
        tier: What it costs, which decides how much of it a run samples.
        smaller: Smaller calls than one, where Hypothesis does not know how to shrink it.
        compares_with: The name of the transform whose result the law takes for the right one.
    """

    def made(check: Check) -> Law:
        sentence = (check.__doc__ or "").strip().split("\n")[0]

        @functools.wraps(check)
        def in_dtypes(transform: Transform, call: Any) -> None:
            with with_dtypes_of(call):
                _assert_works_alone(call)
                check(transform, call)

        return Law(
            id,
            sentence,
            in_dtypes,
            cases,
            subjects,
            skip_if,
            only_transform,
            kinds,
            where,
            tier,
            smaller,
            compares_with,
        )

    return made


_ALONE = Recipe(
    "function by itself",
    result_code=lambda call: (
        "first = jax.tree_util.tree_map(lambda x: x[0], arguments)\n"
        "got = np.float32(0 * len(jax.tree_util.tree_leaves(jax.eval_shape(function, *first))))"
    ),
)


def _assert_works_alone(call: Call) -> None:
    """Raise `Violation` where what a call maps cannot be called at all: it maps or differentiates within."""
    # A drawn program has arguments of its own, and is called alone by its law.
    if not isinstance(call, FunctionCall) or call.subject.kind == "program":
        return
    refused = raised_alone(call.subject)
    if refused is None:
        return
    front = call.only(Axes((0,) * len(call.subject.arguments), 0))
    message = f"before any map of it, {call.subject_name} raised {Raised(refused)!r}"
    with attribute_to(front, _ALONE, expected=exactly(np.float32(0))):
        raise Mismatch("raised", message, "a result", repr(refused), raised=refused)


def laws_of(*modules: ModuleType) -> dict[str, Law]:
    """The laws that modules define, by id, in the order of the modules and of the definitions.

    Raises:
        ValueError: Two laws have the same id.

    """
    found: dict[str, Law] = {}
    for module in modules:
        for each in vars(module).values():
            if isinstance(each, Law) and each.check.__module__ == module.__name__:
                if each.id in found:
                    raise ValueError(f"two laws have the id {each.id!r}")
                found[each.id] = each
    return found


class attribute_to:  # noqa: N801 (used as a statement)
    """Turn a `Mismatch` that is raised within into a `Violation` of the given call.

    The arguments are those of `Violation`.
    """

    def __init__(
        self,
        call: Call,
        what: str | Recipe,
        arguments: PyTree = None,
        expected: Expected | None = None,
    ) -> None:
        self.call, self.what = call, what
        self.arguments, self.expected = arguments, expected

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Mismatch):
            raise Violation(self.call, error, self.what, self.arguments, self.expected) from None


def minimize(law: Law, transform: Transform, call: Call) -> Violation | None:
    """The violation of the call, by one combination of axes alone where one suffices."""
    for axes in call.axes if len(call.axes) > 1 else ():
        found = violation(law, transform, call.only(axes))
        if found is not None:
            return found
    return violation(law, transform, call)


SHRINKING = 40.0
"""Seconds after which no smaller call is looked for: less than the deadline of an item."""


def smallest(
    law: Law, transform: Transform, found: Violation, allowed: Callable[[Call], bool]
) -> Violation:
    """The violation of the same kind of the smallest call that has one, as far as time allows.

    Args:
        law: The law, whose `smaller` says which calls to try.
        transform: What maps.
        found: The violation, by one combination of axes.
        allowed: False for a call that shows a known defect.
    """
    if law.smaller is None:
        return found
    until = time.monotonic() + SHRINKING
    candidates = law.smaller(found.call)
    while (call := next(candidates, None)) is not None and time.monotonic() < until:
        if not allowed(call):
            continue
        smaller = _attempted(law, transform, call)
        if smaller is not None and smaller.mismatch.kind == found.mismatch.kind:
            found, candidates = smaller, law.smaller(call)
    return found


def _attempted(law: Law, transform: Transform, call: Call) -> Violation | None:
    """What the law says of a smaller call; nothing where the subject does not take it or rounding decides."""
    try:
        return violation(law, transform, call)
    except Exception:
        return None


def violation(law: Law, transform: Transform, call: Call) -> Violation | None:
    """What the law's check raises for this call, if anything."""
    try:
        law.check(transform, call)
    except Violation as found:
        return found
    return None


def stored(law: str, transform: str, call: Call) -> dict[str, Any]:
    """A case as it is written to disk, for `vmap-conformance replay`."""
    return {"law": law, "transform": transform, "call": to_json(call)}


def load(case: dict[str, Any]) -> tuple[str, str, Call]:
    """The law's id, the transform's name and the call of a stored case.

    Raises:
        MalformedCall: it is no call of its subject. Calls that must raise may have any axes.
    """
    call = from_json(case["call"])
    if not case["law"].startswith("errors."):
        check_axes(call)
    return law_ids.current(case["law"]), case["transform"], call
