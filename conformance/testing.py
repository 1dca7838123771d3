"""For a user's own test suite: hold functions and modules to the laws.

from conformance.testing import assert_conforms, parametrize_subjects

def test_my_cell_maps():
    assert_conforms(MyCell(features=8), inputs=[(8,), (4,)])

test_my_models_map = parametrize_subjects(SUBJECTS)  # a test per subject, law and transform
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import jax
import pytest

from conformance.events.details import Casualty, NotApplicable, NotSampled, Violation
from conformance.events.outcomes import CONFORMING
from conformance.events.records import Result
from conformance.known_defects.effects import SILENTLY_WRONG
from conformance.reporting import failure
from conformance.reporting.faults import Fault, group_by_cause
from conformance.reporting.suggestions import unknown
from conformance.runner import items
from conformance.runner.program_cache import kept_programs
from conformance.runner.run_item import run_item
from conformance.transforms import TRANSFORMS, third_party
from conformance.user_subjects import subjects
from conformance.user_subjects.changing import changing
from conformance.user_subjects.checked import NEEDS_DEVICES, in_one_line
from conformance.user_subjects.functions import name_of
from conformance.user_subjects.loading import UserExit, no_exit
from conformance.user_subjects.pytest_plugin import CHECKED, DEVICES_OPTION, LACKED_DEVICES
from conformance.user_subjects.transforms import MADE
from properties.law import Law
from properties.laws import LAWS
from properties.profile import PROFILES, Profile
from properties.subject import Subject
from properties.transform import Transform

__all__ = ["assert_conforms", "parametrize_subjects"]


def assert_conforms(
    subject: Callable[..., Any] | Subject,
    inputs: Sequence[Any] = (),
    transforms: Sequence[str | Transform] = (),
    *,
    streams: Sequence[str] | None = None,
    profile: str = "quick",
    seed: int = 0,
    keywords: Mapping[str, Any] | None = None,
    method: str | None = None,
    collections: Sequence[str] | None = None,
    tolerance: float | tuple[float, float] | None = None,
    batch_sizes: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    without: Mapping[str, str] | None = None,
    batched: bool | Callable[..., Any] | None = None,
    axis_name: str | None = None,
    devices: int | None = None,
    laws: Sequence[str] = (),
) -> None:
    """Hold a function, or a Linen or NNX module, to every law that applies to it.

    Args:
        subject: A function or anything else that can be called, an instance of a module, or a subject
            that `conformance.own` made, which says all but what to run.
        inputs: The inputs of one example, as `conformance.own.function` takes them: shapes, whose names
            are dimensions that the calls choose, arrays, or what `own.indices`, `own.positive` and the
            like make.
        transforms: Names as ``vmap-conformance list transforms`` shows them, all by default; or what
            `own.transform` made.
        streams: The PRNG streams that a Linen module draws from: ``("params",)`` by default.
        profile: How hard to try: "quick", "ci" or "thorough".
        seed: Another seed draws other calls.
        keywords: Arguments given by name, written as inputs are; `True`, say, is given as it is.
        method: The method of a module that is called, ``__call__`` by default.
        collections: The collections of a Linen module, where its init does not make all of them.
        tolerance: How far a value may be from the unmapped subject's, in place of a computed bound: one
            number, relative and absolute, or a pair (relative, absolute).
        batch_sizes: Sizes of the batch, in place of those that the suite chooses.
        axes: Positions of the batch axis; by default it may stand anywhere.
        without: Transforms and laws to leave out, by names or globs, each with the reason.
        batched: True where the subject takes a whole batch, too, in front of each input: then that must
            give what it gives for each example. Or another function that takes the batch.
        axis_name: The name of the batch axis in the function's collectives, whose results ``batched`` says.
        devices: How many devices there must be.
        laws: Ids or globs of laws; all by default.

    Raises:
        AssertionError: with each violation as `run` prints it; where no law could be checked at all; and
            where a transform that is asked for by name cannot run.
        ValueError: for a transform or profile that is not known.
        own.SubjectsError: for inputs that the subject does not take.

    """
    __tracebackhide__ = True  # pytest would print all of this function before the message
    transforms = _registered(transforms)
    _check_names(transforms, profile)
    _check_devices(devices)
    made = _made(
        subject,
        inputs,
        {
            "streams": streams,
            "keywords": keywords,
            "method": method,
            "collections": collections,
            "tolerance": tolerance,
            "batch_sizes": batch_sizes,
            "axes": axes,
            "without": without,
            "batched": batched,
            "axis_name": axis_name,
        },
    )
    how = PROFILES[profile].asked(seed, (*laws, *transforms))
    results = _results(_cases([made], transforms, laws, how))
    LACKED_DEVICES.update(
        case.transform.name
        for case, _ in results
        if NEEDS_DEVICES in (case.transform.unavailable() or "")
    )
    wrong = [r for _, r in results if r.outcome not in CONFORMING]
    if wrong:
        raise AssertionError(_report(made, wrong))
    _assert_something_was_checked(made, results, transforms, bool(laws))
    _warn_of_known_defects(made, [result for _, result in results])
    CHECKED.append(in_one_line(made.name, [result for _, result in results]))


def parametrize_subjects(
    listed: Sequence[Subject],
    transforms: Sequence[str | Transform] = (),
    laws: Sequence[str] = (),
    *,
    profile: str = "quick",
    seed: int = 0,
) -> Callable[..., None]:
    """A pytest test for each subject, law and transform, to be bound to a name that pytest collects.

    Args:
        listed: Subjects that `conformance.own` made.
        transforms: Names of transforms, or what `own.transform` made; all by default.
        laws: Ids or globs of laws; all by default.
        profile: How hard to try: "quick", "ci" or "thorough".
        seed: Another seed draws other calls.

    Returns:
        A test function, parametrised by what it checks, as in `[my-block/jax.vmap/errors.keywords]`.

    Raises:
        ValueError: for a name that is not known, or two subjects of one name.

    """
    transforms = _registered(transforms)
    _check_names(transforms, profile)
    names = [subject.name for subject in listed]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two subjects have the name {twice[0]!r}")
    # Each is a test that can be chosen by itself: all are there.
    how = PROFILES[profile].asked(seed, names)
    cases = list(_cases(listed, transforms, laws, how))

    @pytest.mark.parametrize("conformance_case", cases, ids=[case.id for case in cases])
    def test_conforms(conformance_case: Case) -> None:
        __tracebackhide__ = True
        conformance_case.check(asked=conformance_case.transform.name in transforms)

    return test_conforms


@attrs.frozen
class Case:
    """A law that is checked of one subject under one transform."""

    subject: Subject
    law: Law
    transform: Transform
    profile: Profile

    @property
    def id(self) -> str:
        """`SUBJECT/TRANSFORM/LAW`, by which pytest names the case."""
        return f"{self.subject.name}/{self.transform.name}/{self.law.id}"

    def result(self) -> Result:
        """What came of it."""
        __tracebackhide__ = True
        with kept_programs(), subjects.registered(self.subject), _no_exit(self.subject.name):
            try:
                return run_item(items.Item(self.law, self.transform, self.subject), self.profile)
            except Exception as error:
                # A function that keeps what it is traced with makes the oracles fail, not a law.
                sentence = changing(self.subject)
                if sentence is None:
                    raise
                said = f"{type(error).__name__}: {error}".splitlines()[0]
                raise AssertionError(f"{sentence} It ends in {said}") from None

    def check(self, asked: bool) -> None:
        """Fail where the law does not hold; skip, with the reason, where it cannot be checked."""
        __tracebackhide__ = True
        result = self.result()
        if result.outcome not in CONFORMING:
            pytest.fail(_report(self.subject, [result]), pytrace=False)
        if isinstance(result.detail, NotApplicable):
            reason = result.detail.reason
            if asked and self.transform.unavailable() is not None:
                pytest.fail(_cannot_run(self.transform.name, reason), pytrace=False)
            pytest.skip(_with_remedy(reason))


def _made(
    subject: Callable[..., Any] | Subject, inputs: Sequence[Any], options: Mapping[str, Any]
) -> Subject:
    """The subject of what the user gives. A mistake in the inputs is raised here, without our frames."""
    __tracebackhide__ = True
    if isinstance(subject, Subject):
        return subject
    name = name_of(subject)
    try:
        with kept_programs(), _no_exit(name):
            return subjects.of_any_kind(name, subject, inputs, **options)
    except subjects.SubjectsError as error:
        raise type(error)(str(error)) from None


@contextmanager
def _no_exit(name: str) -> Iterator[None]:
    """Fail where the user's code ends the process: pytest would end with it, perhaps with status 0."""
    try:
        with no_exit():
            yield
    except UserExit as ended:
        raise AssertionError(f"{name} cannot be checked: {ended}") from None


def _cases(
    listed: Sequence[Subject],
    transforms: Sequence[str],
    laws: Sequence[str],
    profile: Profile,
) -> Iterator["Case"]:
    for subject in listed:
        for transform in TRANSFORMS.values():
            for law in LAWS.values():
                wanted = items.chosen(law.id, laws) and law.applies_to(transform, subject)
                is_own = transform.name in OWN_TRANSFORMS
                by_default = not (transforms or is_own or third_party.left_out(transform))
                if wanted and (by_default or transform.name in transforms):
                    yield Case(subject, law, transform, profile)


def _results(cases: Iterable[Case]) -> list[tuple[Case, Result]]:
    """What came of each. Of a function that changes by itself the first that is violated says all."""
    __tracebackhide__ = True
    results: list[tuple[Case, Result]] = []
    for case in cases:
        result = case.result()
        results.append((case, result))
        # It would break nearly every law, and to compile it anew for each takes minutes.
        if result.outcome not in CONFORMING and changing(case.subject) is not None:
            break
    return results


def _registered(transforms: Sequence[str | Transform]) -> list[str]:
    """The names of the transforms; those that the user made are known by them from now on."""
    for each in transforms:
        if isinstance(each, Transform):
            if each.name in MADE or each.name not in TRANSFORMS:
                TRANSFORMS[each.name] = each
            OWN_TRANSFORMS.add(each.name)
    return [each.name if isinstance(each, Transform) else each for each in transforms]


OWN_TRANSFORMS: set[str] = set()
"""Transforms that the user made: they are checked where they are asked for."""


def _check_names(transforms: Sequence[str], profile: str) -> None:
    for kind, chosen, known in (
        ("transform", transforms, TRANSFORMS),
        ("profile", [profile], PROFILES),
    ):
        for name in chosen:
            if name not in known:
                raise ValueError(unknown(kind, name, known))


def _check_devices(wanted: int | None) -> None:
    there = jax.local_device_count()
    if wanted is not None and there < wanted:
        raise AssertionError(f"{wanted} devices are asked for, and there are {there}: {_REMEDY}")


_REMEDY = (
    f"set {DEVICES_OPTION} = 8 in pytest's configuration, or XLA_FLAGS="
    "--xla_force_host_platform_device_count=8 before JAX starts"
)


def _cannot_run(name: str, reason: str) -> str:
    return f"{name} is asked for and cannot be checked: {_with_remedy(reason)}"


def _with_remedy(reason: str) -> str:
    """Why something is not checked, with what to do under pytest where it lacks devices."""
    remedy = f"; {_REMEDY}" if NEEDS_DEVICES in reason else ""
    return reason.split(": set XLA_FLAGS", maxsplit=1)[0] + remedy


_OF_VALUES = (".equals-per-example", ".equal-plain-reductions")
"""How the ids of laws end that say what the values are."""


def _assert_something_was_checked(
    subject: Subject,
    results: Sequence[tuple[Case, Result]],
    transforms: Sequence[str],
    by_law: bool,
) -> None:
    """That shapes are right, or wrong calls refused, says nothing of the values."""
    __tracebackhide__ = True
    for name in transforms or (None,):
        mine = [(c, r) for c, r in results if name in (None, c.transform.name)]
        values = [r for c, r in mine if by_law or c.law.id.endswith(_OF_VALUES)]
        if any(result.outcome == "holds" for result in values):
            continue
        reasons = sorted(
            {r.detail.reason for r in values if isinstance(r.detail, NotApplicable | NotSampled)}
        )
        reason = "; ".join(reasons) or f"no law speaks of {subject.name} under it"
        if name is not None:
            raise AssertionError(_cannot_run(name, reason))
        raise AssertionError(f"no law could be checked of {subject.name}: {reason}")


def _warn_of_known_defects(subject: Subject, results: Sequence[Result]) -> None:
    """Say which defects of this release give wrong values of the subject: no law was checked of them."""
    sources = [
        result.detail.source
        for result in results
        # Whether a wrong call is refused matters to who makes one.
        if isinstance(result.detail, NotApplicable) and not result.law.startswith("errors.")
    ]
    known = {name for source in sources for name in source.split(", ") if name in SILENTLY_WRONG}
    if known:
        warnings.warn(
            f"{subject.name} meets known defects of this release, which give wrong values in silence: "
            f"{', '.join(sorted(known))}. `vmap-conformance list defects` says what each does.",
            stacklevel=3,
        )


def _report(subject: Subject, wrong: Sequence[Result]) -> str:
    """A plain sentence, and of each fault one violation in full, and the names of the others.

    Of a function that changes by itself nothing else is to be said: no law can hold of it.
    """
    faults = group_by_cause(wrong)
    first = faults[0].example
    detail = first.detail
    said = failure.message(detail) if isinstance(detail, Violation) else first.outcome
    if isinstance(detail, Casualty):
        said = detail.reason
    sentence = f"{subject.name} breaks {first.law} under {first.transform}: {said.splitlines()[0]}"
    if len(wrong) > 1:
        sentence += f" (and {len(wrong) - 1} more)"
    changes = changing(subject)
    if changes is not None:
        return f"{changes}\n{sentence}"
    return "\n\n".join([sentence, *map(_in_full, faults)])


def _in_full(fault: Fault) -> str:
    """The example of a fault, and the other laws and transforms that show it."""
    others = [f"{each.law} under {each.transform}" for each in fault.results[1:]]
    also = [f"the same fault breaks {', '.join(others)}"] if others else []
    return "\n".join([failure.plain(fault.example), *also])
