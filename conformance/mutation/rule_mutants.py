"""Broken batching rules, one at a time: does the suite notice?"""

import contextlib
import faulthandler
import io
import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import attrs

from conformance.runner import process_env

LAW = "mapping.equals-per-example"
TRANSFORM = "jax.vmap"
LIMIT = 300
"""Seconds after which the process of a broken rule ends."""
MOST_SUBJECTS = 4
"""Subjects that are tried against one broken rule, those named after it first."""

EQUIVALENT = {
    "debug_callback": "what it is given leaves no trace in any result",
    "debug_print": "what it is given leaves no trace in any result",
    "dce_sink": "what it is given leaves no trace in any result",
    "inspect_sharding": "what it is given leaves no trace in any result",
    "empty": "its values are not initialised, so they say nothing",
    "rng_bit_generator": "its bits are documented to differ under a map, so only their shape is held",
}
"""Why a fault in these rules may survive: the broken rule is as right as the whole one."""

Rule = Callable[..., Any]

_changed: list[str] = []
"""The faults that changed something, since the list was cleared."""


class DoesNotApply(Exception):
    """The fault changes nothing here, or cannot be put into this rule."""


class BrokenRuleKilledProcess(Exception):
    """A process in which a batching rule was broken died, or took too long."""


@attrs.frozen
class MutationResult:
    """What became of one fault in one rule."""

    rule: str
    fault: str
    killed_by: str | None
    """The subject that showed it."""
    why: str = ""
    """Why the fault does not apply, or changes nothing that could be wrong; empty where it does."""


def _on_results(change: Callable[[Any, int], tuple[Any, int]]) -> Callable[[Rule], Rule]:
    """A fault that changes each batched result, given where its batch axis is."""

    def mutate(rule: Rule) -> Rule:
        def broken(*arguments: Any, **params: Any) -> Any:
            values, axes = rule(*arguments, **params)
            if any(
                isinstance(a, int) for a in (axes if isinstance(axes, list | tuple) else [axes])
            ):
                _changed.append("result")
            several = isinstance(values, list | tuple)
            pairs = zip(values, axes, strict=True) if several else [(values, axes)]
            changed = [
                change(value, axis) if isinstance(axis, int) else (value, axis)
                for value, axis in pairs
            ]
            if not several:
                return changed[0]
            return [value for value, _ in changed], [axis for _, axis in changed]

        return broken

    return mutate


def _rolled(value: Any, axis: int) -> tuple[Any, int]:
    import jax.numpy as jnp

    return jnp.roll(value, 1, axis), axis


def _first(value: Any, axis: int) -> tuple[Any, int]:
    import jax.numpy as jnp

    index = (slice(None),) * axis + (slice(0, 1),)
    return jnp.broadcast_to(value[index], value.shape), axis


def _misplaced(value: Any, axis: int) -> tuple[Any, int]:
    if value.ndim < 2:
        raise DoesNotApply("its result has no other axis")
    return value, (axis + 1) % value.ndim


def _operand_ignored(rule: Rule) -> Rule:
    """Take the last mapped operand to be the same for every example as for the first."""

    def broken(*arguments: Any, **params: Any) -> Any:
        *before, values, axes = arguments
        mapped = [i for i, axis in enumerate(axes) if isinstance(axis, int)]
        if not mapped or not hasattr(values[mapped[-1]], "at"):
            return rule(*arguments, **params)
        _changed.append("operand")
        values, axes, last = list(values), list(axes), mapped[-1]
        values[last], _ = _first(values[last], axes[last])
        return rule(*before, values, axes, **params)

    return broken


FAULTS: dict[str, Callable[[Rule], Rule]] = {
    "rolled": _on_results(_rolled),
    "first-everywhere": _on_results(_first),
    "axis-misplaced": _on_results(_misplaced),
    "operand-ignored": _operand_ignored,
}
"""Each makes a rule wrong in a way that a rule can be: examples shifted, example 0 for all, the batch
axis reported in another place, one operand not mapped."""


def reach() -> dict[str, list[str]]:
    """For every rule that the catalogue reaches, the subjects that reach it, by tracing alone."""
    import jax

    from conformance.runner import rule_table
    from properties.call import Axes, FunctionCall
    from properties.strategies import sizes, unavailable
    from properties.subjects import RULES

    found: dict[str, list[str]] = {}
    for subject in RULES:
        if unavailable(subject):
            continue
        call = FunctionCall(subject.name, sizes(subject, "distinct", 0), (), subject.dtypes[0])
        arguments = call.arguments(Axes((0,) * len(subject.arguments)))

        def lowered(function: Any = subject.function, arguments: Any = arguments) -> None:
            # What cannot be mapped is for the law to say.
            try:
                jax.jit(jax.vmap(function)).lower(*arguments)
            except Exception:
                return

        for name in rule_table.reached(lowered):
            found.setdefault(name, []).append(subject.name)
    for name, subjects in found.items():
        subjects.sort(key=lambda each: (each.split(".")[1] != name, each))
    return dict(sorted(found.items()))


def mutate_rule(rule: str, subjects: Sequence[str]) -> list[MutationResult]:
    """Put each fault into one rule and hold the map to the law, on the subjects that reach it."""
    process_env.prepare()
    from conformance.runner import rule_table
    from conformance.runner.items import known_defects
    from conformance.transforms import TRANSFORMS
    from properties.call import FunctionCall
    from properties.laws import LAWS
    from properties.profile import PROFILES
    from properties.run_law import draw, run_calls, without_excluded
    from properties.subjects import SUBJECTS

    what = LAWS[LAW], TRANSFORMS[TRANSFORM]
    shows = known_defects(LAW, TRANSFORM)

    def drawn(name: str, examples: int) -> list[FunctionCall]:
        """Calls of the subject, without what is known of it."""
        profile = attrs.evolve(PROFILES["quick"], examples=examples, shapes=2)
        return [
            attrs.evolve(kept, eager=False)
            for call in draw(*what, SUBJECTS[name], profile)
            if (kept := without_excluded(lambda one: bool(shows(one)), call))
            if isinstance(kept, FunctionCall)
        ]

    healthy: dict[str, list[FunctionCall]] = {}
    for name in subjects:
        if len(healthy) == MOST_SUBJECTS:
            break
        # Among more there is one that shows no known defect, if there is one at all.
        calls = drawn(name, 2) or drawn(name, 40)
        # Also computes the right answers, while the rules that they need are whole.
        if calls and run_calls(*what, calls).violation is None:
            healthy[name] = calls
    results = []
    for fault, mutate in FAULTS.items():
        killed_by, why = (
            None,
            "" if healthy else "every subject that reaches it shows a known defect",
        )
        _changed.clear()
        for name, calls in healthy.items():
            with rule_table.replaced(rule, mutate):
                found = run_calls(*what, calls).violation
            if found is not None and DoesNotApply.__name__ in str(found.mismatch):
                why = "its result has no other axis"
            elif found is not None:
                killed_by, why = name, ""
                break
        if not killed_by and not why:
            why = EQUIVALENT.get(rule, "") if _changed else "there is nothing mapped to change"
        results.append(MutationResult(rule, fault, killed_by, why))
    return results


def _mutate_within_limit(rule: str, subjects: Sequence[str]) -> list[MutationResult]:
    # A loop that waits for a broken rule may never end, and compiled code heeds no signal.
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    try:
        # One of the subjects prints.
        with contextlib.redirect_stdout(io.StringIO()):
            return mutate_rule(rule, subjects)
    finally:
        faulthandler.cancel_dump_traceback_later()


def mutate_rules(names: Iterable[str], workers: int) -> list[MutationResult]:
    """`mutate_rule` of every rule in ``names``, in processes of their own: a broken rule may break more."""
    process_env.prepare()
    reached = reach()
    chosen = [name for name in names if name in reached]
    context = multiprocessing.get_context("spawn")
    found: list[MutationResult] = []
    with ProcessPoolExecutor(workers, context) as pool:
        bitten = [(name, pool.submit(_mutate_within_limit, name, reached[name])) for name in chosen]
        for name, future in bitten:
            try:
                found += future.result()
            except BrokenProcessPool:
                raise BrokenRuleKilledProcess(
                    f"a process that broke batching rules, {name} or the next, died or took more than "
                    f"{LIMIT} s for one; `vmap-conformance mutants --rules {name}` tells which"
                ) from None
    return found


def totals(found: Sequence[MutationResult]) -> str:
    """One sentence: how many pairs of rule and fault, and how many were noticed."""
    applied = [each for each in found if not each.why]
    killed = [each for each in applied if each.killed_by]
    share = 100 * len(killed) / max(1, len(applied))
    return (
        f"{len(killed)} of {len(applied)} pairs of batching rule and fault are noticed "
        f"({share:.1f} %), in {len({each.rule for each in found})} rules; "
        f"{len(found) - len(applied)} more do not apply."
    )


def table(found: Sequence[MutationResult]) -> str:
    """Markdown: rules by faults, the subject that noticed in each cell."""
    lines = ["| rule | " + " | ".join(FAULTS) + " |", "|---" * (len(FAULTS) + 1) + "|"]
    for rule in dict.fromkeys(each.rule for each in found):
        cells = {each.fault: each for each in found if each.rule == rule}
        lines.append(f"| {rule} | " + " | ".join(_cell(cells[fault]) for fault in FAULTS) + " |")
    return "\n".join(lines)


def _cell(each: MutationResult) -> str:
    return f"({each.why})" if each.why else each.killed_by or "**survived**"
