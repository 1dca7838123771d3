"""Subtle mutants of lifting modules."""

from collections.abc import Callable
from typing import Any

from properties.call import ModuleCall
from properties.mutants.mutant import halved_derivative, leaves
from properties.mutants.subtle.subtle_mutant import disturbed, of_lift
from properties.strategies import LARGEST_KEY
from properties.transform import Lifted

When = Callable[[ModuleCall], bool]


def _output(lifted: Lifted, call: ModuleCall) -> Lifted:
    """The module with a wrong output."""

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        output, updates = lifted.apply(variables, rngs, *inputs)
        return leaves(disturbed, output), updates

    return lifted._replace(apply=apply)


def _updates(lifted: Lifted, call: ModuleCall) -> Lifted:
    """The module with wrong updates of its collections."""

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        output, updates = lifted.apply(variables, rngs, *inputs)
        return output, leaves(disturbed, updates)

    return lifted._replace(apply=apply)


def _initial(lifted: Lifted, call: ModuleCall) -> Lifted:
    """The module with wrong initial variables."""
    return lifted._replace(init=lambda rngs, *x: leaves(disturbed, lifted.init(rngs, *x)))


def _names(lifted: Lifted, call: ModuleCall) -> Lifted:
    """The module whose parameters do not say what their axes are called."""
    return lifted._replace(names=lambda *arguments: {})


def _gradient(lifted: Lifted, call: ModuleCall) -> Lifted:
    """The module with half of its gradient."""

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        return lifted.apply(leaves(halved_derivative, variables), rngs, *inputs)

    return lifted._replace(apply=apply)


def _axis(call: ModuleCall) -> int | None:
    return call.variable_axes.get("params")


def _in_axes(call: ModuleCall) -> tuple[int | None, ...]:
    return call.axes[0].in_axes


def _own_streams(call: ModuleCall, split: bool) -> bool:
    return any(each is split for name, each in call.split_rngs.items() if name != "params")


def _has(option: str) -> When:
    return lambda call: option in call.options


LIFTS = (
    of_lift(
        "lifted-batch-of-one", "a batch of one gives a wrong output", lambda c: c.size == 1, _output
    ),
    of_lift(
        "lifted-shared-input",
        "an ensemble on an input that is the same for all members gives a wrong output",
        lambda call: set(_in_axes(call)) == {None},
        _output,
    ),
    of_lift(
        "lifted-all-in-front",
        "several inputs, all mapped along axis 0, give a wrong output",
        lambda call: len(_in_axes(call)) > 1 and set(_in_axes(call)) == {0},
        _output,
    ),
    of_lift(
        "lifted-second-unmapped",
        "where the second input is not mapped, the output is wrong",
        lambda call: None in _in_axes(call)[1:] and _in_axes(call)[0] is not None,
        _output,
    ),
    of_lift(
        "lifted-out-axis",
        "an out_axes above 0 gives a wrong output",
        lambda call: call.axes[0].out_axes > 0,
        _output,
    ),
    of_lift(
        "ensemble-along-axis-one",
        "an ensemble along axis 1 has wrong initial values",
        lambda call: _axis(call) == 1,
        _initial,
    ),
    of_lift(
        "ensemble-from-the-end",
        "an ensemble along a negative axis has wrong initial values",
        lambda call: (_axis(call) or 0) < 0,
        _initial,
    ),
    of_lift(
        "initialised-in-jit",
        "under jit, initial values are wrong",
        lambda c: c.init_jitted,
        _initial,
    ),
    of_lift(
        "initialised-eagerly",
        "without jit, initial values are wrong",
        lambda call: not call.init_jitted,
        _initial,
    ),
    of_lift(
        "typed-keys", "a typed key gives wrong initial values", lambda c: c.typed_keys, _initial
    ),
    of_lift(
        "raw-keys",
        "an untyped key gives wrong initial values",
        lambda c: not c.typed_keys,
        _initial,
    ),
    of_lift(
        "large-key",
        "a large seed gives wrong initial values",
        lambda c: c.key == LARGEST_KEY,
        _initial,
    ),
    of_lift(
        "split-stream",
        "a stream that is split for a call gives a wrong output",
        lambda call: _own_streams(call, True),
        _output,
    ),
    of_lift(
        "unsplit-stream",
        "a stream that is not split for a call gives a wrong output",
        lambda call: _own_streams(call, False),
        _output,
    ),
    of_lift(
        "collection-behind",
        "a collection that is mapped along another axis than 0 is updated wrongly",
        lambda call: any(
            v not in (None, 0) for k, v in call.variable_axes.items() if k != "params"
        ),
        _updates,
    ),
    of_lift(
        "collection-in-ensemble",
        "the collections of an ensemble are updated wrongly",
        lambda call: _axis(call) is not None,
        _updates,
    ),
    of_lift(
        "names-of-an-ensemble",
        "an ensemble's parameters lose the names of their axes",
        lambda call: _axis(call) is not None,
        _names,
    ),
    of_lift(
        "names-of-shared",
        "shared parameters lose the names of their axes",
        lambda call: _axis(call) is None,
        _names,
    ),
    of_lift(
        "gradient-of-an-ensemble",
        "the gradient by an ensemble's parameters is half of what it should be",
        lambda call: _axis(call) is not None,
        _gradient,
    ),
    of_lift(
        "gradient-of-shared-parameters",
        "the gradient by shared parameters is half of what it should be",
        lambda call: _axis(call) is None,
        _gradient,
    ),
    of_lift("axis-named", "with axis_name, the output is wrong", _has("axis_name"), _output),
    of_lift(
        "spmd-axis-named",
        "with spmd_axis_name, the output is wrong",
        _has("spmd_axis_name"),
        _output,
    ),
    of_lift(
        "jit-or-remat-inside", "another lift inside gives a wrong output", _has("inside"), _output
    ),
    of_lift("lift-around", "another lift around it gives a wrong output", _has("around"), _output),
    of_lift(
        "statistics-by-name",
        "statistics along the batch axis's name are wrong",
        _has("synchronised"),
        _updates,
    ),
)
