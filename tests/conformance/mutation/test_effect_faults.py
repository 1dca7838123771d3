"""What a map does not call back, or calls back of other values, is noticed."""

from collections.abc import Callable
from typing import Any

import jax
import pytest

from conformance.mutation.control import first_violation, unbroken
from conformance.transforms import TRANSFORMS
from properties.call import FunctionCall
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.subjects import SUBJECTS
from properties.subjects.effects import EFFECTS

LAW, VMAP = LAWS["mapping.calls-back"], TRANSFORMS["jax.vmap"]
Patch = pytest.MonkeyPatch


def calls_of(subject: str) -> tuple[FunctionCall, ...]:
    control = unbroken(LAW, VMAP, SUBJECTS[subject], PROFILES["quick"])
    assert control.violation is None
    return tuple(control.calls)


def as_pure(patch: Patch) -> None:
    """Jax-ml/jax 8037e7b08f: a mapped callback counted as one without effects."""
    from jax._src import callback

    def bind(*given: Any, ordered: bool, **named: Any) -> Any:
        return callback.pure_callback_p.bind(*given, vmap_method="sequential", **named)

    patch.setattr(callback, "io_callback_p", type("Pure", (), {"bind": staticmethod(bind)}))


def without_effects(patch: Patch) -> None:
    """Jax-ml/jax 2040612567: what a function with a rule of its own for maps calls back was left out."""
    from jax._src import core, custom_batching

    primitive = custom_batching.custom_vmap_p
    whole = primitive.abstract_eval

    def evaluated(*given: Any, **named: Any) -> Any:
        return whole(*given, **named)[0], core.no_effects

    patch.setattr(primitive, "abstract_eval", evaluated)


def of_the_first(patch: Patch) -> None:
    """Each example calls back with the values of the first one."""
    from jax._src import debugging
    from jax._src.interpreters import batching

    rules, primitive = batching.fancy_primitive_batchers, debugging.debug_callback_p
    if primitive not in rules:
        pytest.skip(f"jax {jax.__version__} has the rule of debug_callback elsewhere")
    whole = rules[primitive]

    def batched(axis_data: Any, arrays: Any, axes: Any, **named: Any) -> Any:
        same = [
            x if axis is None else 0 * x + jax.lax.slice_in_dim(x, 0, 1, axis=axis)
            for x, axis in zip(arrays, axes, strict=True)
        ]
        return whole(axis_data, same, axes, **named)

    patch.setitem(rules, primitive, batched)


@pytest.mark.parametrize("subject", [each.name for each in EFFECTS])
@pytest.mark.parametrize("fault", [as_pure, without_effects, of_the_first])
def test_what_is_not_called_back_is_noticed(
    fault: Callable[[Patch], None], subject: str, monkeypatch: Patch
) -> None:
    seen_by = {
        as_pure: {"effect-callbacks"},
        without_effects: {"effect-callbacks-within"},
        of_the_first: {each.name for each in EFFECTS},
    }
    if subject not in seen_by[fault]:
        pytest.skip("it has no such callback")
    calls = calls_of(subject)
    with monkeypatch.context() as patch:
        jax.clear_caches()
        fault(patch)
        found = first_violation(LAW, VMAP, calls)
    jax.clear_caches()
    assert found is not None
