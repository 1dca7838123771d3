"""Mutants of batching rules: each makes a rule wrong in a way that a rule can be."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from conformance.runner.rule_coverage import Rule

Note = Callable[[], None]
"""Called when the mutant changes something."""
RuleMutant = Callable[[Rule, Note], Rule]
_Change = Callable[[Any, int], tuple[Any, int]]
"""From a batched result and its batch axis to another result and axis."""


class DoesNotApply(Exception):
    """The mutant cannot be put into this rule."""


def _on_results(change: _Change) -> RuleMutant:
    """A mutant that changes each batched result, given where its batch axis is."""

    def mutate(rule: Rule, note: Note) -> Rule:
        def change_batched(value: Any, axis: Any) -> tuple[Any, Any]:
            if not isinstance(axis, int):
                return value, axis
            note()
            return change(value, axis)

        def broken(*arguments: Any, **params: Any) -> Any:
            values, axes = rule(*arguments, **params)
            if not isinstance(values, list | tuple):
                return change_batched(values, axes)
            changed = [change_batched(*pair) for pair in zip(values, axes, strict=True)]
            return [value for value, _ in changed], [axis for _, axis in changed]

        return broken

    return mutate


def _rolled(value: Any, axis: int) -> tuple[Any, int]:
    return jnp.roll(value, 1, axis), axis


def _first(value: Any, axis: int) -> tuple[Any, int]:
    index = (slice(None),) * axis + (slice(0, 1),)
    return jnp.broadcast_to(value[index], value.shape), axis


def _misplaced(value: Any, axis: int) -> tuple[Any, int]:
    if value.ndim < 2:
        raise DoesNotApply("its result has no other axis")
    return value, (axis + 1) % value.ndim


def _operand_ignored(rule: Rule, note: Note) -> Rule:
    """Take the last mapped operand to be the same for every example as for the first."""

    def broken(*arguments: Any, **params: Any) -> Any:
        *before, values, axes = arguments
        mapped = [i for i, axis in enumerate(axes) if isinstance(axis, int)]
        if not mapped or not hasattr(values[mapped[-1]], "at"):
            return rule(*arguments, **params)
        note()
        values, axes, last = list(values), list(axes), mapped[-1]
        values[last], _ = _first(values[last], axes[last])
        return rule(*before, values, axes, **params)

    return broken


RULE_MUTANTS: dict[str, RuleMutant] = {
    "rolled": _on_results(_rolled),
    "first-everywhere": _on_results(_first),
    "axis-misplaced": _on_results(_misplaced),
    "operand-ignored": _operand_ignored,
}
"""By name: examples are shifted; example 0 is given for all; the batch axis is reported in another
place; one operand is not mapped."""


def unchanged(rule: Rule, note: Note) -> Rule:
    """The control: a wrapper, as a mutant is, around a rule that stays as it is."""

    def sound(*arguments: Any, **params: Any) -> Any:
        note()
        return rule(*arguments, **params)

    return sound


EQUIVALENT = {
    **dict.fromkeys(
        ("debug_callback", "debug_print", "dce_sink", "inspect_sharding"),
        "what it is given leaves no trace in any result",
    ),
    "empty": "its values are not initialised, so they say nothing",
    "rng_bit_generator": "its bits are documented to differ under a map, so only their shape is checked",
}
"""By rule: why its mutants may survive, being as right as the rule."""
