"""Answers whose arrays are right, but come in other containers, in parts, or with more beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from conformance.judge.compare import GivenAnswer, compare
from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.expected_answers import ExpectedAnswer, Leaf
from conformance.judge.verdict import Diagnosis

OTHER_CONTAINERS = Diagnosis(
    "other-containers",
    "The arrays are right, but they are held in other containers, or in another order.",
    "Return them in the lists, tuples or dicts that the task names, in its order.",
)
IN_PARTS = Diagnosis(
    "in-parts",
    "The values are right, but they came as several arrays.",
    "Return one array: `jnp.stack` or `jnp.concatenate` joins them.",
)
TOO_MANY_PARTS = Diagnosis(
    "too-many-parts",
    "The answer has more arrays than the task asks for; the first ones are right.",
    "Return what the task asks for and nothing else: look for one turn of a loop too many.",
)
TOO_FEW_PARTS = Diagnosis(
    "too-few-parts",
    "The answer has fewer arrays than the task asks for; those that came are right.",
    "Return all of them: look for one turn of a loop too few, and for a `return` inside the loop.",
)


def of_other_containers(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """What is wrong with answers that are all made otherwise, of the right arrays.

    Args:
        wrong: every wrong answer.

    """
    if any(each.given.unfit is not None or len(each.given.arrays) == 0 for each in wrong):
        return None
    more = _of_one_element(wrong)
    if more is not None:
        return more
    if all(_has_the_same_arrays(each) for each in wrong):
        return OTHER_CONTAINERS
    if all(_comes_in_parts(each) for each in wrong):
        return IN_PARTS
    counts = [(len(each.given.arrays), len(each.expected.leaves)) for each in wrong]
    if all(_begins_right(each) for each in wrong):
        if all(given > right for given, right in counts):
            return TOO_MANY_PARTS
        if all(given < right for given, right in counts):
            return TOO_FEW_PARTS
    return None


def _of_one_element(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether one element of every answer is right, and which."""
    kinds = [_elements(each.given) for each in wrong]
    names = [name for name in kinds[0] if all(name in each for each in kinds[1:])]
    for name in names:
        if all(
            compare(each[name], one.expected) is None
            for each, one in zip(kinds, wrong, strict=True)
        ):
            return Diagnosis(
                "more-returned",
                f"The right answer came with something else beside it: it is `answer[{name!r}]`.",
                "Return it alone, in no tuple, list or dict beside others.",
            )
    return None


def _elements(given: GivenAnswer) -> dict[int | str, GivenAnswer]:
    """Each element of a tuple, list or dict as an answer of its own; none where there are not several."""
    ((kind, content),) = given.spec.items()
    if kind not in ("tuple", "list", "dict") or len(content) < 2:
        return {}
    found: dict[int | str, GivenAnswer] = {}
    start = 0
    for name, spec in content.items() if kind == "dict" else enumerate(content):
        end = start + _arrays_in(spec)
        parts = (given.arrays[start:end], given.dtypes[start:end], given.weak[start:end])
        found[name] = GivenAnswer(spec, *parts)
        start = end
    return found


def _arrays_in(spec: Any) -> int:
    ((kind, content),) = spec.items()
    if kind == "array":
        return 1
    items = content.values() if kind == "dict" else content if kind != "value" else ()
    return sum(map(_arrays_in, items))


def _has_the_same_arrays(wrong: WrongAnswer) -> bool:
    """Whether each array of the answer is one of those expected, in any order."""
    left = list(range(len(wrong.given.arrays)))
    if len(left) != len(wrong.expected.leaves):
        return False  # a hostile answer may have any number of them
    for leaf in wrong.expected.leaves:
        place = next((n for n in left if is_right(wrong.given, n, leaf)), None)
        if place is None:
            return False
        left.remove(place)
    return True


def _begins_right(wrong: WrongAnswer) -> bool:
    pairs = zip(range(len(wrong.given.arrays)), wrong.expected.leaves, strict=False)
    return all(is_right(wrong.given, place, leaf) for place, leaf in pairs)


def is_right(given: GivenAnswer, place: int, leaf: Leaf) -> bool:
    """Whether one array of an answer is the expected one.

    Args:
        given: the answer.
        place: of the array among the answer's.
        leaf: the expected array.

    """
    alone = GivenAnswer(
        {"array": None}, (given.arrays[place],), (given.dtypes[place],), (given.weak[place],)
    )
    return compare(alone, ExpectedAnswer({"array": None}, (leaf,))) is None


def _comes_in_parts(wrong: WrongAnswer) -> bool:
    """Whether the arrays one after another hold the values of the one that was expected."""
    if len(wrong.expected.leaves) != 1 or wrong.mismatch.what != "structure":
        return False
    leaf, given = wrong.expected.leaves[0], wrong.given
    joined = np.concatenate([np.ravel(array) for array in given.arrays])
    if joined.size != leaf.value.size:
        return False
    one = GivenAnswer(
        given.spec, (joined.reshape(leaf.value.shape),), given.dtypes[:1], (all(given.weak),)
    )
    return is_right(one, 0, leaf)
