"""Errors whose text alone does not say what is wrong: read with the line that raised, and the call."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conformance.judge.exercises.exercise import Exercise
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
_NO_ITEMS = re.compile(r"AttributeError: '(\w+)' object has no attribute 'items'")
_CONTRACTED = re.compile(
    r"dot_general requires contracting dimensions .*got \((\d+),\) and \((\d+),\)"
)


def of_options(text: str, error: Mapping[str, Any], exercise: Exercise) -> Diagnosis | None:
    """What Flax took for a dict and was none, in an exercise that asks for a lift.

    Args:
        text: the exception's type and message.
        error: the exception as the worker described it.
        exercise: the exercise that the call is of.

    """
    found, frames = _NO_ITEMS.match(text), error.get("frames")
    if found is None or not frames or not exercise.expects_lift:
        return None
    line = str(frames[-1][2])
    if ".items" in line:
        return None
    if found[1] in ("int", "bool", "NoneType") or "apply(" not in line:
        return LIFT_OPTIONS
    return None if "init(" in line else VARIABLES


def of_product(text: str, call: Call, right: Sequence[Call] = ()) -> Diagnosis | None:
    """Why two factors of a product do not fit, as far as the sizes in the call say.

    Args:
        text: the exception's type and message.
        call: the smallest call that raised it.
        right: calls that were answered right.

    """
    found = _CONTRACTED.search(text)
    if found is None:
        return None
    met = {int(found[1]), int(found[2])}
    if not met <= _sizes(call):
        return OF_ANOTHER_CALL
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
    """The sizes that an array made of the arguments may have: each axis, several in one, one more."""
    found = {1, *(v for v in call.arguments.values() if isinstance(v, int))}
    for array in flat_arrays(call.arguments):
        for count in range(1, array.ndim + 1):
            found.update(map(math.prod, itertools.combinations(array.shape, count)))
    return found | {size + 1 for size in found}
