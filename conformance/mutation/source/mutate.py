"""Try slips, each on the calls of items that execute its line."""

import contextlib
import signal
import sys
import types
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import attrs
import jax

from conformance.mutation.control import first_violation
from conformance.mutation.results import SlipResult
from conformance.mutation.source.operators import Slip, control, slips
from conformance.mutation.source.reach import Reached, tried
from conformance.mutation.source.targets import replaced, result, targets
from conformance.transforms import TRANSFORMS
from properties.laws import LAWS

CPU_SECONDS = 60
"""Processor time of one item, after which the slip counts as noticed: it does not come to an end."""


class TooLongError(Exception):
    """An item took more than `CPU_SECONDS` of processor time."""


@attrs.frozen
class Attempts:
    """Slips that are tried one after the other in one process."""

    profile: str
    """The name of the profile whose calls are tried."""
    reached: Sequence[Reached]
    """The items that the whole source passes."""
    noticing: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    """How many slips an item noticed, by target and item: those are tried first."""
    passing: set[tuple[str, str]] = attrs.field(factory=set)
    """The items that pass on the function compiled anew as it is, by target and item."""
    failing: set[tuple[str, str]] = attrs.field(factory=set)
    """Those that fail on it, whose notice proves nothing."""

    def of(self, target: str, number: int) -> Iterator[SlipResult]:
        """Try one slip.

        Args:
            target: The id of the function.
            number: Which of its slips, the first being 0.

        Yields:
            The control of each item that notices something there for the first time, the function
            compiled anew as it is, and then the slip.

        """
        slip = list(slips(targets()[target].definition))[number]
        items = tried(self.reached, target, slip.line)
        items.sort(key=lambda each: -self.noticing[target, each.item])
        left = [each for each in items if (target, each.item) not in self.failing]
        while (by := _noticed(target, slip, left)) is not None:
            key = (target, by.item)
            if key not in self.passing:
                whole = control(targets()[target].definition)
                fails = _noticed(target, whole, [by]) is not None
                (self.failing if fails else self.passing).add(key)
                yield result(target, whole, -1, by.item if fails else None, self.profile)
            if key in self.passing:
                self.noticing[key] += 1
                yield result(target, slip, number, by.item, self.profile)
                return
            left.remove(by)
        yield result(target, slip, number, None, self.profile, reached=bool(items))


def _noticed(target: str, slip: Slip, items: Iterable[Reached]) -> Reached | None:
    """The first of the items that notices the slip."""
    with replaced(targets()[target], slip.definition):
        try:
            _forget()
            return next((each for each in items if _notices(each)), None)
        finally:
            _forget()


def _forget() -> None:
    """Clear the caches: JAX does not trace again what it has, and the suite has answers of its own."""
    jax.clear_caches()
    for name, module in [*sys.modules.items()]:
        if name.startswith(("properties.", "reference.", "conformance.transforms")):
            for each in vars(module).values():
                if clear := getattr(each, "cache_clear", None):
                    clear()


def _notices(each: Reached) -> bool:
    law, transform, _ = each.item.split("|")
    try:
        with _limited():
            return first_violation(LAWS[law], TRANSFORMS[transform], each.calls) is not None
    except Exception:
        # The suite itself maps, too: where it cannot go on, a run would say so.
        return True


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
