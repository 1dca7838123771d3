"""What an exercise is: a contract, calls to try, the expected answer, and the usual wrong ones."""

from __future__ import annotations

import ast
import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from conformance.judge.errors import InvalidExercise

Arguments = Mapping[str, Any]
"""One call: argument names and values. Arrays are NumPy's; the rest is what JSON holds."""


@attrs.frozen
class Pitfall:
    """A named wrong way to solve an exercise.

    Attributes:
        id: a short name, words joined by hyphens.
        symptom: one sentence: what the student's function did.
        fix: one sentence: what to change.
        reference: gives the wrong answer that this way leads to, for recognising it. A pitfall
            without one is recognised by an error's text or by what was observed.

    """

    id: str
    symptom: str
    fix: str
    reference: Callable[..., Any] | None = None


MORE_THAN_DEVICES = Pitfall(
    "more-elements-than-devices",
    "A map over devices was given more elements than it has devices, or more in one array than in another.",
    "Give each device one slice of every array: reshape to (devices, ...), or map the rest with `vmap`. "
    "Take the number from the arguments, as in `len(x)`: there may be more devices.",
)


@attrs.frozen
class Finding:
    """What the candidate was seen to do: the law it violates, and which pitfall that is."""

    law: str
    pitfall: str
    seen: str


@attrs.frozen
class Exercise:
    """A function that a candidate implements.

    Attributes:
        name: the function's name.
        signature: how it is called, such as `"f(x, factor)"`; arguments are passed in this order.
        task: the contract in one sentence.
        law: the id of the law that a wrong answer violates.
        shapes: at least one mapping of sizes, each a shape of calls to draw.
        draw: `draw(shape, random, turn)` gives the arguments of one call by name: `shape` is one of
            `shapes`, `random` a NumPy RandomState, `turn` the number of the call at that shape.
        reference: `reference(**arguments)` gives the expected answer: plain arrays where it is
            exact, `reference.error_bounds.evaluate.Rounded` where it rounds.
        solution: the source of a correct candidate. It fills the compilation cache, and a test
            holds it to the exercise.
        pitfalls: the usual wrong ways, the most specific first.
        rare_pitfalls: further ones with references, tried where nothing else explains a wrong answer,
            such as two mistakes at once. They may be many.
        further_reading: addresses for a learner.
        tree: whether the answer is lists, tuples and dicts of arrays instead of one array.
        observe: `observe(arguments, notes)` looks at what the candidate was seen to do, and gives
            a `Finding` where that violates the contract.
        read_error: `read_error(text, arguments)` looks at an exception's type and message, and at the
            smallest call that raised it, and gives the pitfall that it is where the two are sure of one.
        suspects: `suspects(notes)` gives further pitfalls to try on wrong answers, from what the
            candidate was seen to do.
        also_right: further references whose answers are right, too: each `(**arguments)` gives an
            answer as `reference` does, or None for a call where it has no other one. They are for
            settings that a solution may choose and for orders of sums that round by more, not for
            other readings of the task. They are computed for wrong answers only.
        expects_lift: whether calling `flax.linen.vmap` is part of the task.
        expects_map: whether a map is part of the task: a right solution that loops in Python, in a
            file that maps nothing, gets a remark.
        expects_devices: whether dividing the work among devices is part of the task: a right solution in
            a file that names no map over devices, nor a sharding, gets a remark.
        builds_on: names of exercises whose functions a solution of this one usually calls.

    """

    name: str
    signature: str
    task: str
    law: str
    shapes: tuple[Mapping[str, Any], ...]
    draw: Callable[[Mapping[str, Any], np.random.RandomState, int], Arguments]
    reference: Callable[..., Any]
    solution: str = ""
    pitfalls: tuple[Pitfall, ...] = ()
    rare_pitfalls: tuple[Pitfall, ...] = ()
    further_reading: tuple[str, ...] = ()
    tree: bool = False
    observe: Callable[[Arguments, Mapping[str, Any]], Finding | None] | None = None
    read_error: Callable[[str, Arguments], Pitfall | None] | None = None
    suspects: Callable[[Mapping[str, Any]], tuple[Pitfall, ...]] | None = None
    also_right: tuple[Callable[..., Any], ...] = ()
    expects_lift: bool = False
    expects_map: bool = False
    expects_devices: bool = False
    builds_on: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the arguments, in the order of the signature. Raises InvalidExercise."""
        return parameters(self.signature)


_PARSING = threading.Lock()
"""`ast.parse` in several threads at once ends in a SystemError now and then: CPython issue 106905."""


@functools.cache
def parameters(signature: str) -> tuple[str, ...]:
    """The argument names of a signature such as `"f(x, factor)"`. Raises InvalidExercise."""
    try:
        with _PARSING:
            (function,) = ast.parse(f"def {signature}: ...").body
    except (SyntaxError, ValueError):
        function = None
    if not isinstance(function, ast.FunctionDef):
        raise InvalidExercise(f"the signature {signature!r} is not like 'name(first, second)'")
    arguments = function.args
    if arguments.vararg or arguments.kwarg:
        raise InvalidExercise(f"the signature {signature!r} has arguments without names")
    named = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return tuple(each.arg for each in named)


def problems(exercise: Exercise) -> list[str]:
    """What is wrong with an exercise's fields, one clause each; nothing for a sound one."""
    found = [
        f"its {name} is {type(value).__name__}, not {wanted}"
        for name, kind, wanted in _FIELDS
        if not isinstance(value := getattr(exercise, name), kind)
    ]
    if found:
        return found
    if not exercise.name.isidentifier():
        found.append(f"its name {exercise.name!r} is not a function's")
    elif not exercise.signature.startswith(f"{exercise.name}("):
        found.append(f"its signature {exercise.signature!r} does not begin with '{exercise.name}('")
    else:
        try:
            parameters(exercise.signature)
        except InvalidExercise as problem:
            found.append(str(problem))
    if not exercise.shapes or not all(isinstance(each, Mapping) for each in exercise.shapes):
        found.append("its shapes are not at least one mapping of sizes")
    for name in ("draw", "reference"):
        if not callable(getattr(exercise, name)):
            found.append(f"its {name} is {type(getattr(exercise, name)).__name__}, not a function")
    for name in ("observe", "read_error", "suspects"):
        value = getattr(exercise, name)
        if value is not None and not callable(value):
            found.append(f"its {name} is {type(value).__name__}, not a function")
    return found + _pitfall_problems(exercise)


def _pitfall_problems(exercise: Exercise) -> list[str]:
    found = []
    for each in (*exercise.pitfalls, *exercise.rare_pitfalls):
        if not isinstance(each, Pitfall):
            found.append(f"one of its pitfalls is {type(each).__name__}, not a Pitfall")
        elif not all(isinstance(text, str) for text in (each.id, each.symptom, each.fix)):
            found.append(f"the id, symptom or fix of its pitfall {each.id!r} is not a string")
        elif each.reference is not None and not callable(each.reference):
            found.append(f"the reference of its pitfall {each.id!r} is not a function")
    if not all(callable(each) for each in exercise.also_right):
        found.append("its also_right holds something that is not a function")
    for name in ("further_reading", "builds_on"):
        if not all(isinstance(each, str) for each in getattr(exercise, name)):
            found.append(f"its {name} holds something that is not a string")
    return found


_FIELDS: tuple[tuple[str, type, str], ...] = (
    ("name", str, "a string"),
    ("signature", str, "a string"),
    ("task", str, "a string"),
    ("law", str, "a string"),
    ("shapes", tuple, "a tuple"),
    ("solution", str, "a string"),
    ("pitfalls", tuple, "a tuple"),
    ("rare_pitfalls", tuple, "a tuple"),
    ("further_reading", tuple, "a tuple"),
    ("tree", bool, "True or False"),
    ("also_right", tuple, "a tuple"),
    ("expects_lift", bool, "True or False"),
    ("expects_map", bool, "True or False"),
    ("expects_devices", bool, "True or False"),
    ("builds_on", tuple, "a tuple"),
)

EDGE_SEEDS = (0, 2**31, -1, 2**32 - 1, 1, 2**31 - 1, -(2**31))


def draw_seed(random: np.random.RandomState, turn: int) -> int:
    """A seed: at the edges of 32 bits in every third call, so that all come up at several shapes.

    Args:
        random: where the draws come from.
        turn: the number of the call at its shape.

    """
    if turn % 3 == 0:
        return EDGE_SEEDS[turn // 3 % len(EDGE_SEEDS)]
    return int(random.randint(0, 10_000))


def draw_floats(random: np.random.RandomState, turn: int, *shape: int) -> np.ndarray:
    """Normal float32 values; in every other call multiples of a quarter, which print short.

    Args:
        random: where the draws come from.
        turn: the number of the call at its shape.
        shape: the array's sizes.

    """
    values = random.standard_normal(shape)
    return np.asarray(np.round(values * 4) / 4 if turn % 2 else values, np.float32)
