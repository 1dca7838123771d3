"""What is said of an operation by which an answer differs from the right one."""

from __future__ import annotations

from conformance.judge.verdict import Diagnosis


def activated(name: str) -> Diagnosis:
    """An activation was applied to the right values."""
    return Diagnosis(
        "activation-added",
        f"`{name}` was applied to the right values.",
        "Leave it out: the task asks for the values themselves.",
    )


def not_activated(name: str) -> Diagnosis:
    """An activation is missing at the end."""
    return Diagnosis(
        "activation-missing",
        f"`{name}` of these values is right.",
        f"Apply `{name}` at the end.",
    )


def not_summed(axes: tuple[int, ...]) -> Diagnosis:
    """The terms of a sum came back."""
    return Diagnosis(
        "not-summed",
        "The answer holds the terms of a sum: added up, they are right.",
        f"Add them up over {named(axes)}.",
    )


def not_averaged(axes: tuple[int, ...]) -> Diagnosis:
    """The terms of a mean came back."""
    return Diagnosis(
        "not-averaged",
        "The answer holds the terms of a mean: averaged, they are right.",
        f"Average them over {named(axes)}.",
    )


def summed(how: str) -> Diagnosis:
    """Several values became one, in the way that is said."""
    return Diagnosis(
        "summed",
        f"The right values were {how}.",
        "Leave that out: the task asks for each of them.",
    )


def joined_up(name: str, axis: int) -> Diagnosis:
    """Every place along an axis holds what all of them give."""
    return Diagnosis(
        "joined-over-an-axis",
        f"Every place along axis {axis} holds the {name} of the right values there.",
        "Leave out what joins them: `psum`, `pmean` and the like over devices, sums and means "
        "over examples.",
    )


def centred(axis: int) -> Diagnosis:
    """The mean along an axis was subtracted."""
    return Diagnosis(
        "mean-subtracted",
        f"The mean along axis {axis} was subtracted from the right values.",
        "Leave it out: the task asks for no normalisation, by batch or by layer.",
    )


ONE_HOT = Diagnosis(
    "one-hot",
    "The answer is 1 where the largest of the right values along the last axis is, and 0 elsewhere.",
    "Return the values themselves: no `argmax`, and no `one_hot`.",
)
PLACE_OF_LARGEST = Diagnosis(
    "argmax-taken",
    "The answer holds the place of the largest of the right values along the last axis.",
    "Return the values themselves: no `argmax`.",
)


def divided_by_sum(axis: int) -> Diagnosis:
    """The values were made shares of their sum."""
    return Diagnosis(
        "normalised",
        f"The right values were divided by their sum along axis {axis}.",
        "Leave it out: the task asks for the values themselves.",
    )


def backwards(axis: int) -> Diagnosis:
    """The values came in reverse order."""
    return Diagnosis(
        "in-reverse-order",
        f"The right values came in reverse order along axis {axis}.",
        "Look for `[::-1]`, `flip` and `reversed`.",
    )


def running(axis: int) -> Diagnosis:
    """Every place holds the sum up to there."""
    return Diagnosis(
        "running-sum",
        f"Every place along axis {axis} holds the sum of the right values up to there.",
        "Leave out what carries a value on: `cumsum`, `scan`, and a sum that a loop goes on with.",
    )


def by_place(what: str, first: int, axis: int) -> Diagnosis:
    """The values were multiplied by, or added to, the number of their place."""
    return Diagnosis(
        "changed-by-the-place",
        f"The right values were {what} their place along axis {axis}, counted from {first}.",
        "Leave out what counts the examples or devices: `axis_index`, `arange` and `enumerate`.",
    )


def named(axes: tuple[int, ...]) -> str:
    """An axis, or several, in words."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
