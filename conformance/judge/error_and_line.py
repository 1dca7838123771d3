"""Errors read with the student's line that raised them: what was called there, and how."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call
from conformance.judge.plain_errors import NO_SUCH_AXIS
from conformance.judge.value_ranges import leaves
from conformance.judge.verdict import Diagnosis

FENCE = Diagnosis(
    "markdown-in-the-file",
    "The file holds marks of a text, ` ``` `, around its code.",
    "Take every line with ` ``` ` out: only what stands between them is Python.",
)
PROMPT = Diagnosis(
    "prompt-in-the-file",
    "The file holds prompts such as `>>>`, copied from a Python session or a terminal.",
    "Take `>>>` and `...` out of the beginning of each line, and the lines that were printed.",
)
PROSE = Diagnosis(
    "prose-in-the-file",
    "The line shown is a sentence, not Python.",
    "Take it out, or make a comment of it: `# ...`.",
)
MAP_OPTIONS = Diagnosis(
    "map-options-to-the-function",
    "`in_axes` or `out_axes` was given to the mapped function, as one more argument of it.",
    "Give them to the map, in the first parentheses: `jax.vmap(f, in_axes=...)(x, y)`.",
)
TAKEN_APART = Diagnosis(
    "array-taken-apart",
    "A `*` before an array gives each of its entries as an argument of its own.",
    "Leave the `*` out: `jax.vmap(f)(x)`. The map takes the examples apart itself.",
)
BY_KEYWORD = Diagnosis(
    "keyword-is-mapped",
    "A number was given to the mapped function by keyword: a map takes axis 0 of all such arguments, "
    "whatever `in_axes` says.",
    "Give it by its place, and `None` at that place in `in_axes`.",
)
NESTED = Diagnosis(
    "one-map-too-many",
    "A map within a map takes an axis away twice, and one of the arrays has fewer axes than that.",
    "Leave one of the two maps out: `jax.vmap(f)(x)`. What is the same for all goes with `None` in "
    "`in_axes`.",
)
NO_AXIS_LEFT = Diagnosis(
    NESTED.pitfall,
    "A map was given one number, which has no axis to map, and no argument of the task is one.",
    "Give each map whole arrays. A map of what a map returns, also where that was given a name on another "
    "line, takes an axis away twice: leave one out. So does `[0]` of what is mapped.",
)
IN_A_TUPLE = Diagnosis(
    "arguments-in-a-tuple",
    "One tuple was given to a function that takes several arguments.",
    "Leave the inner parentheses out: `jax.vmap(f)(x, y)` in place of `jax.vmap(f)((x, y))`.",
)
RANGE_OF_AN_ARRAY = Diagnosis(
    "range-of-an-array",
    "`range` was given an array, and takes a whole number.",
    "Give it how many there are: `range(len(x))`.",
)

_SENTENCE = re.compile(r"^([A-Z][\w']*)[,:;!.]?( [\w'`,:;!.-]+){2,}$")
_PROMPT = re.compile(r"^(>>>|In \[\d*\]:|\$ )")
_SCALAR = re.compile(
    r"rank should be at least 1, but is only 0|only valid for values of rank at least 1"
)
_TRACED = re.compile(r"ConcretizationTypeError|TracerIntegerConversionError")
_MAPS = ("vmap", "pmap")
_OPTIONS = ("in_axes", "out_axes")


def of_line(text: str, error: Mapping[str, Any], exercise: Exercise | None) -> Diagnosis | None:
    """What the student's line that raised says of an error.

    Args:
        text: the exception's type and message.
        error: the exception as the worker described it.
        exercise: the exercise that the call is of, if there was one.

    """
    frames = error.get("frames")
    if not frames:
        return None
    line = str(frames[-1][2]).strip()
    if text.startswith("SyntaxError"):
        return _of_no_python(line)
    used = re.search(r"\bmath\.(\w+)", line)
    if used is not None and _TRACED.match(text):
        return _of_math(used[1])
    if re.match(r"TypeError: [Oo]nly integer scalar arrays", text):
        return RANGE_OF_AN_ARRAY if re.search(r"\brange\(", line) else None
    calls = list(_calls(line))
    if text.startswith("IndexError: tuple index out of range"):
        return NO_SUCH_AXIS if any(map(_names_an_axis, calls)) else None
    if re.search(r"TypeError: .*missing \d+ required positional argument", text):
        return IN_A_TUPLE if any(map(_is_of_a_tuple, calls)) else None
    if exercise is None or not _SCALAR.search(text):
        return None
    if any(map(_has_options, calls)):
        return MAP_OPTIONS
    if any(_takes_apart(call, exercise) for call in calls):
        return TAKEN_APART
    if any(_names_an_argument(call, exercise) for call in calls):
        return BY_KEYWORD
    return NESTED if any(map(_is_nested, calls)) else None


def _of_no_python(line: str) -> Diagnosis | None:
    """What a line is that Python cannot read."""
    if line.startswith("```"):
        return FENCE
    if _PROMPT.match(line):
        return PROMPT
    sentence = _SENTENCE.match(line)
    if sentence is None or keyword.iskeyword(sentence[1].lower()):
        return None  # `Return x if y` is Python but for a capital
    return PROSE


def _of_math(name: str) -> Diagnosis:
    instead = {"pow": "power", "fabs": "abs"}.get(name, name)
    return Diagnosis(
        "math-on-a-traced-value",
        f"`math.{name}` was given an array that is being traced, and takes a number of Python's.",
        f"Use that of `jax.numpy`, which takes arrays: `jnp.{instead}` in place of `math.{name}`.",
    )


def _calls(line: str) -> Iterator[ast.Call]:
    """The calls in a line; none where it is not a whole statement."""
    for whole in (line, f"{line} pass"):
        try:
            tree = ast.parse(whole)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        return


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_nested(call: ast.Call) -> bool:
    """Whether this maps a map: `jax.vmap(jax.vmap(f))`."""
    first = call.args[0] if call.args else None
    return _name(call.func) in _MAPS and isinstance(first, ast.Call) and _name(first.func) in _MAPS


def _names_an_axis(call: ast.Call) -> bool:
    """Whether a map over devices is told which axes to map, other than the first ones."""
    return _name(call.func) == "pmap" and any(
        option.arg == "in_axes" and re.search(r"[1-9]", ast.unparse(option.value))
        for option in call.keywords
    )


def _is_of_a_map(call: ast.Call) -> bool:
    """Whether this calls what a map returns: `jax.vmap(f)(...)`."""
    return isinstance(call.func, ast.Call) and _name(call.func.func) in _MAPS


def _is_of_a_tuple(call: ast.Call) -> bool:
    named = isinstance(call.func, ast.Name)
    return (named or _is_of_a_map(call)) and [type(each) for each in call.args] == [ast.Tuple]


def _has_options(call: ast.Call) -> bool:
    """Whether a map's options go to the function that it returns."""
    given = [each.arg for each in call.keywords]
    given += [each.id for each in call.args if isinstance(each, ast.Name)]
    return _is_of_a_map(call) and any(name in _OPTIONS for name in given)


def _takes_apart(call: ast.Call, exercise: Exercise) -> bool:
    return _name(call.func) not in _MAPS and any(
        isinstance(each, ast.Starred)
        and isinstance(each.value, ast.Name)
        and each.value.id in exercise.parameters
        for each in call.args
    )


def _names_an_argument(call: ast.Call, exercise: Exercise) -> bool:
    """Whether an argument of the exercise goes by keyword to a function of the student's."""
    if not isinstance(call.func, ast.Name) and not _is_of_a_map(call):
        return False
    return any(
        isinstance(each.value, ast.Name) and each.value.id in exercise.parameters
        for each in call.keywords
    )


def of_numbers(text: str, call: Call) -> Diagnosis | None:
    """Whether a number was mapped where every argument of the call is an array that has an axis.

    Args:
        text: the exception's type and message.
        call: the smallest call that raised it.

    """
    given = list(leaves(call.arguments))
    arrays = all(isinstance(each, np.ndarray) and each.ndim for each in given)
    return NO_AXIS_LEFT if arrays and _SCALAR.search(text) else None
