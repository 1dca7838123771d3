"""Try every slip of one function on the calls of the items that execute it."""

import contextlib
import signal
import types
from collections.abc import Iterator, Sequence

import jax

from conformance.mutation.control import first_violation, unbroken
from conformance.mutation.results import SlipResult
from conformance.mutation.source.operators import with_control
from conformance.mutation.source.reach import PROFILE, tracing
from conformance.mutation.source.targets import replaced, result, targets
from conformance.runner.items import Item
from conformance.transforms import TRANSFORMS
from properties.call import Call
from properties.laws import LAWS
from properties.subjects import SUBJECTS

CPU_SECONDS = 120
"""Processor time of one slip, after which it counts as noticed: it does not come to an end."""
Checked = tuple[Item, tuple[Call, ...]]


class TooLongError(Exception):
    """A slip took more than `CPU_SECONDS` of processor time."""


def mutate_source(target: str, names: Sequence[str], start: int = 0) -> Iterator[SlipResult]:
    """Try each slip of a target.

    Args:
        target: The id of the function.
        names: The ids of items that execute it.
        start: How many results to leave out: those that a process before this one gave.

    Yields:
        The control first, the function compiled anew as it is, then one result for each slip.

    """
    function = targets()[target]
    with tracing([function]) as executed:
        checked = list(_checked(names))
    for number, slip in enumerate(with_control(function.definition)):
        if number < start:
            continue
        with replaced(function, slip.definition) as there:
            reached = there and (number == 0 or slip.line in executed[target])
            yield result(target, slip, _noticed(checked) if reached else None, reached=reached)


def _checked(names: Sequence[str]) -> Iterator[Checked]:
    """The items, and the calls of each on which the whole function passes."""
    jax.clear_caches()
    for name in names:
        law, transform, subject = name.split("|")
        item = Item(LAWS[law], TRANSFORMS[transform], SUBJECTS[subject])
        control = unbroken(item.law, item.transform, item.subject, PROFILE)
        if control.calls and control.violation is None:
            yield item, control.calls


def _noticed(checked: Sequence[Checked]) -> str | None:
    """The item that notices what is in place, if any."""
    # JAX does not run a function again for a trace that it has.
    jax.clear_caches()
    for item, calls in checked:
        try:
            with _limited():
                if first_violation(item.law, item.transform, calls) is not None:
                    return item.planned_as
        except Exception:
            # The suite itself maps, too: where it cannot go on, a run would say so.
            return item.planned_as
    return None


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raise within the block once it has used its processor time: a slip may loop for ever."""

    def stop(number: int, frame: types.FrameType | None) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    # Again each second: an exception is lost where it is raised in a callback of JAX's.
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
