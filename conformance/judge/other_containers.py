"""Answers whose arrays are right, but come in other containers, in parts, or with more beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from conformance.judge.compare import GivenAnswer, compare, holds
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
LAST_PARTS = Diagnosis(
    TOO_FEW_PARTS.pitfall,
    "The answer has fewer arrays than the task asks for; those that came are the right last ones.",
    "Return all of them: gather each turn's in a list that is made before the loop, `new.append(...)`.",
)

VARIABLES = Diagnosis(
    "variables-returned",
    "The answer is the layer's variables, a dict, not what the layer gives for the inputs.",
    "`init` returns the parameters only: keep them, `variables = layer.init(key, x)`, and return "
    "`layer.apply(variables, x)`.",
)
_OF_ONE = {
    "tuple": Diagnosis(
        "tuple-of-one",
        "The right answer came inside a tuple of one: Python makes a tuple of a value before a comma.",
        "Look for a comma at the end of a line, `answer = f(x),` or `return f(x),`, and take it out.",
    ),
    "list": Diagnosis(
        "list-of-one",
        "The right answer came inside a list of one.",
        "Return it without the brackets: `return answer` in place of `return [answer]`.",
    ),
}


def of_other_containers(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """What is wrong with answers that are all made otherwise, of the right arrays.

    Args:
        wrong: every wrong answer.

    """
    if any(each.given.unfit is not None for each in wrong):
        return None
    if any(not each.given.arrays and not _is_empty(each.given.spec) for each in wrong):
        return None
    found = _of_one_element(wrong) or _of_variables(wrong)
    if found is not None or not any(each.given.arrays for each in wrong):
        return found
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
    if all(given < right for given, right in counts) and all(_ends_right(each) for each in wrong):
        return LAST_PARTS
    return None


def of_held(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether every wrong answer is a tuple or a list of arrays one of which is the right answer.

    Args:
        wrong: every wrong answer.

    """
    if not all(
        len(e.expected.leaves) == 1 and holds(e.given, e.expected.leaves[0].value.shape)
        for e in wrong
    ):
        return None
    places = (*range(len(wrong[0].given.arrays[0])), -1)
    place = next((n for n in places if _holds_right(wrong, n)), None)
    if place is None:
        return None
    if any(len(each.given.arrays[0]) != 1 for each in wrong):
        return _more_returned(place)
    return _OF_ONE[wrong[0].given.container]


def _holds_right(wrong: Sequence[WrongAnswer], place: int) -> bool:
    return all(
        place < len(each.given.arrays[0])
        and compare(
            attrs.evolve(each.given, arrays=(each.given.arrays[0][place],), container=""),
            each.expected,
        )
        is None
        for each in wrong
    )


def _is_empty(spec: Any) -> bool:
    """Whether this is a list, tuple or dict without anything in it."""
    ((kind, content),) = spec.items()
    return kind in ("tuple", "list", "dict") and not content


def _of_variables(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether every answer is the dict of variables that a module's `init` returns."""
    specs = [each.given.spec.get("dict") for each in wrong]
    return VARIABLES if all(spec is not None and "params" in spec for spec in specs) else None


def _more_returned(name: int | str) -> Diagnosis:
    return Diagnosis(
        "more-returned",
        f"The right answer came with something else beside it: it is `answer[{name!r}]`.",
        "Return it alone, in no tuple, list or dict beside others.",
    )


def _of_one_element(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether one element of every answer is right, and which."""
    kinds = [_elements(each.given) for each in wrong]
    if all(len({id(part) for part in each.values()}) < 2 for each in kinds):
        return None
    names = [name for name in kinds[0] if all(name in each for each in kinds[1:])]
    for name in names:
        if all(
            compare(each[name], one.expected) is None
            for each, one in zip(kinds, wrong, strict=True)
        ):
            return _more_returned(name)
    return None


def _elements(given: GivenAnswer) -> dict[int | str, GivenAnswer]:
    """Each element of a tuple, list or dict as an answer of its own, and at -1 the last of a list."""
    ((kind, content),) = given.spec.items()
    if given.container and len(given.arrays) == 1 and len(given.arrays[0]):
        held: dict[int | str, GivenAnswer] = {
            place: attrs.evolve(given, arrays=(array,), container="")
            for place, array in enumerate(given.arrays[0])
        }
        return {**held, -1: held[len(held) - 1]}
    if kind not in ("tuple", "list", "dict") or not content:
        return {}
    found: dict[int | str, GivenAnswer] = {}
    start = 0
    for name, spec in content.items() if kind == "dict" else enumerate(content):
        end = start + _arrays_in(spec)
        parts = (given.arrays[start:end], given.dtypes[start:end], given.weak[start:end])
        found[name] = GivenAnswer(spec, *parts)
        start = end
    return found if kind == "dict" else {**found, -1: found[len(content) - 1]}


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


def _ends_right(wrong: WrongAnswer) -> bool:
    last = wrong.expected.leaves[len(wrong.expected.leaves) - len(wrong.given.arrays) :]
    return all(is_right(wrong.given, place, leaf) for place, leaf in enumerate(last))


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
