"""Errors whose text alone does not say what is wrong: read with the line that raised, and the call."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conformance.judge.exercises.exercise import Exercise
from conformance.judge.exercises.read_errors import contracted
from conformance.judge.expected_answers import Call, flat_arrays
from conformance.judge.verdict import Diagnosis

LIFT_OPTIONS = Diagnosis(
    "lift-options-by-place",
    "`nn.vmap` was given a number, a tuple or None where it takes a dict: the arguments after the module "
    "are not those of `jax.vmap`, but `variable_axes` and `split_rngs` come first.",
    "Name each one: `nn.vmap(nn.Dense, in_axes=..., out_axes=..., variable_axes={'params': ...}, "
    "split_rngs={'params': ...})`.",
)
VARIABLES = Diagnosis(
    "variables-in-no-dict",
    "`apply` was given something else than a dict of variables as its first argument.",
    "Give it what `init` returns, then the input; `init_with_output` returns the output first and the "
    "variables second.",
)
LAYERS_IN_ANOTHER_ORDER = Diagnosis(
    "layers-do-not-follow",
    "A layer was given something else than what the one before it gives: calls with one layer are right.",
    "Apply every layer of `params` once, in their order: a loop over all of `params` leaves none out.",
)
OF_ANOTHER_CALL = Diagnosis(
    "sizes-of-another-call",
    "An array met those of this call whose size none of them has.",
    "Compute from the arguments alone: look for arrays that a variable outside the function keeps from "
    "an earlier call, and for sizes that are written as numbers.",
)
_NO_ITEMS = re.compile(r"AttributeError: '([\w.]+)' object has no attribute 'items'")
_MAPPED_SIZE = re.compile(r"\bhad size (\d+)")
_DIVIDED = re.compile(r"partitioned (\d+) times, but the dimension size is (\d+)")
ITSELF = Diagnosis(
    "calls-itself",
    "The function calls itself, again and again, until there is nothing left to map or Python stops it.",
    "Call or map another function in it, one that computes what is asked of one example: a `lambda`, or "
    "one with a name of its own.",
)
MODULE_CALLED = Diagnosis(
    "module-without-parameters",
    "The lifted layer was called by itself: it holds no parameters.",
    "Keep what `init` returns, `variables = layer.init(key, x)`, and call `layer.apply(variables, x)`.",
)
ONE_EXAMPLE = Diagnosis(
    "one-example-to-the-lift",
    "The lifted layer was given something without an axis of examples.",
    "Give `init` and `apply` the whole `x_batch`: the lift maps it, and takes the examples apart itself.",
)
VALUE_AND_GRADIENT = Diagnosis(
    "value-and-gradient",
    "The parameters, a list, met a tuple in place of their gradient.",
    "`jax.value_and_grad` returns two things: take them apart, `value, gradient = ...`, and use the "
    "gradient. A gradient by several arguments, `argnums=(0, 1)`, is a tuple, too.",
)

ONE_ARRAY = Diagnosis(
    "one-array-as-gradient",
    "The parameters, a list, met one array in place of their gradient.",
    "`jax.value_and_grad` returns the value first: `value, gradient = ...`. A gradient is built like the "
    "argument it is taken by: the first one, unless `argnums` says otherwise.",
)


def of_options(text: str, error: Mapping[str, Any], exercise: Exercise) -> Diagnosis | None:
    """What Flax took for a dict and was none, in an exercise that asks for a lift.

    Args:
        text: the exception's type and message.
        error: the exception as the worker described it.
        exercise: the exercise that the call is of.

    """
    found, frames = _NO_ITEMS.match(text), error.get("frames")
    if not frames:
        return None
    line = str(frames[-1][2])
    if _ROOT_IS_TUPLE.search(text):
        return VALUE_AND_GRADIENT
    if _ROOT_IS_ARRAY.search(text):
        return ONE_ARRAY
    if not exercise.expects_lift:
        return None
    if found is None:
        return _of_the_lift(text, line)
    if ".items" in line:
        return None
    if found[1] in ("int", "bool", "NoneType") or "apply(" not in line:
        return LIFT_OPTIONS
    return None if "init(" in line else VARIABLES


_ROOT_IS_TUPLE = re.compile(
    r"different types at key path\s+tree_map tree\s.*subtree of type\s+<class 'list'>"
    r".*type\s+<class 'tuple'>",
    re.DOTALL,
)

_ROOT_IS_ARRAY = re.compile(
    r"different types at key path\s+tree_map tree\s.*subtree of type\s+<class 'list'>"
    r".*type\s+<class '[\w.]*(ArrayImpl|Tracer)'>|Expected list, got (Array\(|Traced<)",
    re.DOTALL,
)


def _of_the_lift(text: str, line: str) -> Diagnosis | None:
    """What a lifted module did not take, by the student's line that gave it."""
    if "tree" in line or "vmap(" in line:
        return None
    given = "apply(" in line or "init(" in line
    if text.startswith("ValueError: pytree structure error: different lengths of tuple"):
        return None if given else MODULE_CALLED
    if text.startswith("IndexError: tuple index out of range") and given and "shape" not in line:
        return ONE_EXAMPLE
    if text.startswith("TypeError: Array.__contains__: unsupported operand type"):
        return VARIABLES if "apply(" in line else None
    return None


def of_itself(text: str, error: Mapping[str, Any], exercise: Exercise) -> Diagnosis | None:
    """Whether the function calls itself until that raises.

    Args:
        text: the exception's type and message.
        error: the exception as the worker described it.
        exercise: the exercise that the call is of.

    """
    if not re.match(r"RecursionError|ValueError: vmap was requested to map .* is only 0", text):
        return None
    frames = error.get("frames")
    within = [frame[1] for frame in frames if len(frame) == 3] if isinstance(frames, list) else []
    return ITSELF if within.count(exercise.name) > 1 else None


def of_other_sizes(text: str, call: Call) -> Diagnosis | None:
    """Whether what was mapped has a size that no argument of the call has.

    Args:
        text: the exception's type and message.
        call: the smallest call that raised it.

    """
    divided, sizes = _DIVIDED.search(text), _sizes(call)
    if divided is not None:
        devices, entries = int(divided[1]), int(divided[2])
        return _too_many_devices(devices, entries) if entries < devices not in sizes else None
    mapped = _MAPPED_SIZE.findall(text) if "inconsistent sizes" in text else []
    others = sorted({int(size) for size in mapped} - sizes)
    if not others:
        return None
    return Diagnosis(
        "fixed-size",
        f"An array has {others[-1]} entries along the axis that is mapped, and no argument of this call has.",
        "Take the number from the arguments, as in `len(x)`: one that is written as a number, or is that of "
        "the devices, fits some calls only.",
    )


def _too_many_devices(devices: int, entries: int) -> Diagnosis:
    return Diagnosis(
        "fixed-size",
        f"A map over {devices} devices met an array of {entries}: no argument of this call has {devices}.",
        "Take the number from the arguments, as in `len(x)`, in place of `jax.device_count()` or a number: "
        "some calls have data for fewer devices than there are.",
    )


def of_sizes(text: str, call: Call) -> Diagnosis | None:
    """Whether a product met a size that the call has not.

    Args:
        text: the exception's type and message.
        call: the smallest call that raised it.

    """
    met = contracted(text)
    return OF_ANOTHER_CALL if met is not None and not set(met) <= _sizes(call) else None


def of_layers(text: str, call: Call, right: Sequence[Call] = ()) -> Diagnosis | None:
    """Why two factors of a product do not fit, as far as the calls that were answered right say.

    Args:
        text: the exception's type and message.
        call: the smallest call that raised it.
        right: calls that were answered right.

    """
    if contracted(text) is None:
        return None
    # A product the wrong way round or transposed is wrong with one layer, too.
    one_layer = any(_layers(each) == 1 and not _is_square(each) for each in right)
    return LAYERS_IN_ANOTHER_ORDER if one_layer and _layers(call) > 1 else None


def _layers(call: Call) -> int:
    """How many layers the call's `params` have; 0 where it has none."""
    params = call.arguments.get("params")
    return len(params) if isinstance(params, (list, tuple)) else 0


def _is_square(call: Call) -> bool:
    """Whether the weights of the first layer are as wide as they are high."""
    return len(set(np.shape(call.arguments["params"][0][0]))) == 1


def _sizes(call: Call) -> set[int]:
    """The sizes that an array made of the arguments may have: each axis, several in one, one more or less."""
    found = {1}
    for value in call.arguments.values():
        numbers = value if isinstance(value, (list, tuple)) else [value]
        found.update(number for number in numbers if isinstance(number, int))
        found.add(len(numbers))
    for array in flat_arrays(call.arguments):
        for count in range(1, array.ndim + 1):
            found.update(map(math.prod, itertools.combinations(array.shape, count)))
    return found | {size + 1 for size in found} | {size - 1 for size in found}
