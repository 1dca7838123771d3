"""The likely cause of a violation: what raised and where, or a known fault that gives the same result."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import jax
import numpy as np

from conformance.user_subjects.changing import changing
from conformance.violations import NATIVE_BROADCAST, WHOLE_BATCH, own_code
from properties.call import FunctionCall, ModuleCall
from properties.law import Law, Violation, violation
from properties.laws.mapping.values import equals_per_example
from properties.laws.mapping.whole_batch import STATES_DIFFER
from properties.loop_transform import LOOP
from properties.mutants import MUTANTS
from properties.mutants.mapping import setting_restored
from properties.subject import ModuleSubject, UseSubject
from properties.transform import Transform
from reference.error_bounds.agreement import agree, widest

_LIBRARIES = ("jax", "jaxlib", "flax")
_MAP_BESIDES = ("nesting.", "collectives.", "parallel.")
"""Groups of laws that map by JAX itself besides the transform that they are checked on."""


def likely_cause(law: Law, transform: Transform, found: Violation) -> str | None:
    """One sentence, or None where no known fault gives this result.

    The law is checked on the Python loop: where that violates it too, the unmapped call is wrong.
    Then it is checked on each mutant of the loop.
    """
    if found.call.subject.own is not None:
        sentence = changing(found.call.subject)
        if sentence is not None:
            return sentence
    if found.mismatch.raised is not None:
        return _of_exception(law, transform, found)
    if law.id in (*WHOLE_BATCH, NATIVE_BROADCAST) and found.mismatch.message == STATES_DIFFER:
        return (
            "the module stores what depends on the example, as BatchNorm in training does, and can store "
            "only one state for a whole batch: batched=True is for what treats each example alone, such "
            "as the module in evaluation"
        )
    if _is_own_module_of_a_batch(law, found):
        return (
            "the module gives this of the whole batch, without a map: the fault is in how it treats the "
            "batch axis, as statistics of all examples do, a reduction over axis 0, or nn.GroupNorm, "
            "which takes its input's first axis for the batch's"
        )
    unmapped = _tried(law, LOOP, found)
    if unmapped is not None and _same(unmapped, found) and _is_wrong_unmapped(law, found):
        if law.id in WHOLE_BATCH:
            its = (
                "it, or its own rule for derivatives," if law.id.startswith("gradients.") else "it"
            )
            return (
                f"{_of_the_batch(found)} gives this of the whole batch, without a map: the fault is in how "
                f"{its} treats the batch axis"
            )
        return f"the unmapped call gives this too: {_blame(found)}"
    lifts = isinstance(found.call.subject, ModuleSubject)
    for mutant in MUTANTS.values():
        if mutant.lifts == lifts:
            with setting_restored():
                broken = _tried(law, mutant.mutate(LOOP), found)
            if broken is not None and _same(broken, found):
                return f"{mutant.sentence} ({mutant.name})"
    return _of_rule(found) or _of_collectives(found) or _of_compiling(law, transform, found)


def _of_the_batch(found: Violation) -> str:
    """What is given the whole batch: the function, or another that its author says gives the same."""
    own = found.call.subject.own
    return "the function" if own is None or own.batched is True else "batched="


def _is_own_module_of_a_batch(law: Law, found: Violation) -> bool:
    """Whether a user's module is given the whole batch: a mutant of the map would change nothing."""
    return law.id == NATIVE_BROADCAST and found.call.subject.own is not None


def _is_wrong_unmapped(law: Law, found: Violation) -> bool:
    """Whether what the loop in place of the transform violates, too, shows that the function is wrong.

    Some laws map by JAX besides, around or within the transform: a map is left. The plainest law has none.
    """
    if not law.id.startswith(_MAP_BESIDES) or not isinstance(found.call, FunctionCall):
        return True
    return _tried(equals_per_example, LOOP, found) is not None


def _of_rule(found: Violation) -> str | None:
    """A batching rule or a callback that the user wrote; None where there is none."""
    rules = own_code.batching_rules(found.call)
    if rules:
        return (
            f"the function's own rule under a map, {' or '.join(rules)}: it must give for the batch what "
            "the function gives for each example, and say which results are batched"
        )
    callbacks = own_code.callbacks_of_batches(found.call)
    if callbacks:
        return (
            f"the function's callback, {' or '.join(callbacks)}: under a map its vmap_method gives it the "
            "whole batch at once, and it must give for each example what it gives for one; "
            "vmap_method='sequential' calls it for each example"
        )
    return None


def _of_collectives(found: Violation) -> str | None:
    """Of a user's function with collectives: what it gives and what is said that it gives."""
    if not isinstance(found.call, FunctionCall) or found.call.subject.kind != "collective":
        return None
    if found.call.subject.own is None:
        return None
    return (
        "the function, mapped, does not give what batched= gives of the whole batch: its collectives "
        "or batched= are wrong"
    )


def _of_compiling(law: Law, transform: Transform, found: Violation) -> str | None:
    """Whether compiling makes the difference; None where not, or where the call cannot tell."""
    call = found.call
    if not isinstance(call, FunctionCall) or call.eager:
        return None
    try:
        if violation(law, transform, attrs.evolve(call, eager=True)) is not None:
            return None
    except Exception:
        return None
    return (
        "the same call is right without jax.jit: what XLA compiles of it is wrong, or the function does "
        "something else while it is traced"
    )


def _of_exception(law: Law, transform: Transform, found: Violation) -> str:
    """What raised, where in the library, and whether the unmapped call raises too."""
    with _whole_tracebacks():
        again = _tried(law, transform, found) or found
    error = again.mismatch.raised or found.mismatch.raised
    assert error is not None
    mine = own_code.frame(error) if found.call.subject.own is not None else None
    places = [place for place in (mine, _place(error)) if place]
    where = f" in {', by '.join(places)}" if places else ""
    cause = f"{type(error).__name__} is raised{where}"
    if found.mismatch.due:
        return cause
    what = (
        "making the module unmapped" if isinstance(found.call, ModuleCall) else "the unmapped call"
    )
    raises = _raises_unmapped(law, transform, found)
    if _is_own_module_of_a_batch(law, found):
        return f"{cause}; the module raises it of the whole batch, without a map"
    if raises is None:
        return cause
    if raises:
        if law.id in WHOLE_BATCH:
            return f"{cause}; {_of_the_batch(found)} raises it of the whole batch, without a map"
        return f"{cause}; {what} raises, too: {_blame(found)}"
    rule = _of_rule(found)
    return f"{cause}; {what} does not raise" + (f". See {rule}" if rule else "")


def _blame(found: Violation) -> str:
    """Whose fault it is where the map has none."""
    if getattr(found.call.subject, "own", None) is None:
        return "the fault is the library's, not the map's"
    return "the fault is in what is mapped, not in the map"


def _raises_unmapped(law: Law, transform: Transform, found: Violation) -> bool | None:
    """Whether the library raises without the map; None where the suite cannot tell.

    The loop calls a function of the library, but of a module only the suite's reference.
    """
    if not isinstance(found.call, ModuleCall):
        unmapped = _tried(law, LOOP, found)
        raises = unmapped is not None and unmapped.mismatch.raised is not None
        return raises and _is_wrong_unmapped(law, found)
    if isinstance(found.call.subject, UseSubject):
        # The law has computed what the unmapped module gives before it maps anything.
        return False
    if transform.make_unmapped is None or found.call.subject.own is not None:
        return None
    try:
        transform.make_unmapped(found.call)
    except Exception:
        return True
    return False


@contextmanager
def _whole_tracebacks() -> Iterator[None]:
    """JAX leaves its own frames out of tracebacks; within this it does not."""
    config: Any = jax.config
    before = config.jax_traceback_filtering
    config.update("jax_traceback_filtering", "off")
    try:
        yield
    finally:
        config.update("jax_traceback_filtering", before)


def _place(error: Exception) -> str:
    """The innermost frame that is the library's, in words; empty where the traceback has none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        parts = Path(frame.filename).parts
        library = next((name for name in _LIBRARIES if name in parts), None)
        if library is not None:
            file = "/".join(parts[len(parts) - 1 - parts[::-1].index(library) :])
            return f"{file}, {frame.name} (line {frame.lineno})"
    return ""


def _tried(law: Law, transform: Transform, found: Violation) -> Violation | None:
    try:
        return violation(law, transform, found.call)
    except Exception:
        # A mutant may break the call altogether; then it is not what happened.
        return None


def _same(one: Violation, other: Violation) -> bool:
    a, b = one.mismatch, other.mismatch
    if (a.kind, a.path) != (b.kind, b.path):
        return False
    left, right = (jax.tree_util.tree_leaves(d.got) for d in (a, b))
    return len(left) == len(right) and all(map(_alike, left, right))


def _alike(x: Any, y: Any) -> bool:
    if isinstance(x, str) or isinstance(y, str):
        return bool(np.array_equal(x, y))
    if np.shape(x) != np.shape(y):
        return False
    # Two float32 computations of one wrong answer: this decides a hint, never a verdict.
    with np.errstate(all="ignore"):
        allowed = np.nan_to_num(1e-5 + 1e-4 * np.abs(widest(y)), nan=0.0, posinf=0.0)
    return bool(np.all(agree(x, y, allowed)))
