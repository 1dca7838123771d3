"""How a teacher marks: points for each exercise, and what a solution that is partly right is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

Partial = Literal["none", "calls", "shapes"]
"""What partial credit is a share of: calls answered rightly, shapes at which every call is, or none."""
Points = Annotated[float, Meta(ge=0, le=1_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]


STEP = 0.25
"""Points that partial credit comes in: a teacher gives quarters of a point, not 0.02 of 2."""


class InvalidMarking(Exception):
    """A file that says no way to mark; the message is one line and names what is wrong in it."""


class ExerciseMarking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one exercise is worth.

    Attributes:
        points: for a solution that conforms.
        required: whether it counts towards the maximum; what is not required gives extra points.
        partial: in place of the file's own rule.
        at_most: in place of the file's own.

    """

    points: Points = 1.0
    required: bool = True
    partial: Partial | None = None
    at_most: Share | None = None


class Marking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of an `exercises.toml`.

    Attributes:
        exercises: what each is worth, by its name.
        title: what the class's page is headed with.
        partial: the rule for partial credit.
        at_most: the largest share of its points that a solution gets which does not conform.
        round_to: partial credit is a multiple of so many points; 0 leaves it as it is. None: `STEP`,
            for an exercise of a point or more.

    """

    exercises: Annotated[dict[str, ExerciseMarking], Meta(min_length=1)]
    title: str = ""
    partial: Partial = "none"
    at_most: Share = 1.0
    round_to: Points | None = None

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the exercises that make the maximum."""
        return tuple(name for name, each in self.exercises.items() if each.required)

    def step(self, worth: float) -> float:
        """Of how many points the partial credit of an exercise is a multiple; 0 for any number.

        Args:
            worth: the points of the exercise.

        """
        if self.round_to is not None:
            return self.round_to
        return STEP if worth >= 1 else 0.0


def read_marking(path: Path) -> Marking:
    """The way to mark that a file says. Raises InvalidMarking."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InvalidMarking(f"{path} cannot be read: {problem.strerror}") from None
    try:
        return msgspec.toml.decode(content, type=Marking)
    except msgspec.ValidationError as problem:
        raise InvalidMarking(f"{path}: {_said(problem, content)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise InvalidMarking(f"{path} is not TOML: {reason}") from None


def _said(problem: msgspec.ValidationError, content: bytes) -> str:
    """What is wrong, of which exercise, and what there may be in its place."""
    listed = msgspec.toml.decode(content).get("exercises")
    for name, one in listed.items() if isinstance(listed, dict) else ():
        try:
            msgspec.convert(one, ExerciseMarking)
        except msgspec.ValidationError as its:
            return f"exercise {name}: {its}; {_ALLOWED.format(_fields(ExerciseMarking))}"
    return f"{problem}; {_ALLOWED.format(_fields(Marking))}"


_ALLOWED = f"there may be {{}}, and partial is one of {', '.join(get_args(Partial))}"


def _fields(struct: type[Struct]) -> str:
    return ", ".join(field.name for field in msgspec.structs.fields(struct))


def equal_marks(names: tuple[str, ...]) -> Marking:
    """One point for each of these exercises, and none for a part."""
    return Marking(exercises={name: ExerciseMarking() for name in names})
