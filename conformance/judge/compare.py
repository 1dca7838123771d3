"""Whether an answer is right: containers, shape, dtype exactly, values within the error bound."""

from __future__ import annotations

import re
from typing import Any

import attrs
import numpy as np

from conformance.judge.expected_answers import ExpectedAnswer
from conformance.judge.sandbox import wire
from reference.error_bounds.agreement import SLACK, agree, ulps, widest


@attrs.frozen
class GivenAnswer:
    """A candidate's answer to one call, as it came over the pipe.

    Attributes:
        spec: the containers, and the places of the arrays in them.
        arrays: in their order.
        dtypes: their names.
        weak: which of them are Python's own numbers.
        unfit: what came where it is no arrays of numbers.
        container: what was taken for one array and is a "tuple" or a "list" of arrays; "" for none.

    """

    spec: Any = None
    arrays: tuple[np.ndarray, ...] = ()
    dtypes: tuple[str, ...] = ()
    weak: tuple[bool, ...] = ()
    unfit: str | None = None
    container: str = ""


@attrs.frozen
class Mismatch:
    """The first way in which an answer is wrong: what of it, in words, and where in which array."""

    what: str
    message: str
    leaf: int = 0
    ulps: float | None = None
    index: tuple[int, ...] = ()


def _with_article(unfit: str) -> str:
    """What came in place of numbers, as part of a sentence."""
    if not re.match(r"\S+ (object$|of dtype )", unfit):
        return unfit
    return f"an {unfit}" if unfit[0] in "aeiouAEIOU" else f"a {unfit}"


def compare(given: GivenAnswer, right: ExpectedAnswer) -> Mismatch | None:
    """None when the answer is right."""
    if given.unfit is not None:
        return Mismatch(
            "structure",
            f"the answer is {_with_article(given.unfit)}; expected an array of real numbers",
        )
    if form(given.spec) != form(right.spec) or len(given.arrays) != len(right.leaves):
        expected, got = form(right.spec), form(given.spec)
        return Mismatch("structure", f"the answer is made of {got}, expected {expected}")
    shapes = [
        (a.shape, leaf.value.shape) for a, leaf in zip(given.arrays, right.leaves, strict=True)
    ]
    for place, (got_shape, shape) in enumerate(shapes):
        if got_shape != shape:
            if holds(given, shape):
                several = f"{got_shape[0]} arrays" if got_shape[0] != 1 else "1 array"
                message = f"the answer is a {given.container} of {several} of shape {shape}"
                return Mismatch("shape", f"{message}, expected one such array", place)
            message = f"{_place(right, place)}shape {got_shape}, expected {shape}"
            return Mismatch("shape", message, place)
    for place in range(len(right.leaves)):
        wrong = _dtype(given, right, place)
        if wrong is not None:
            return wrong
    for place in range(len(right.leaves)):
        wrong = _values(given, right, place)
        if wrong is not None:
            return wrong
    return None


def holds(given: GivenAnswer, shape: tuple[int, ...]) -> bool:
    """Whether the answer is a tuple or a list of arrays of this shape, stacked to one."""
    return bool(given.container) and given.arrays[0].shape[1:] == shape and given.arrays[0].ndim > 0


def fits(given: GivenAnswer, wrong: ExpectedAnswer) -> bool:
    """Whether an answer is the one that a pitfall leads to; its dtype is a matter of its own."""
    if given.unfit is not None or form(given.spec) != form(wrong.spec):
        return False
    if [a.shape for a in given.arrays] != [leaf.value.shape for leaf in wrong.leaves]:
        return False
    return all(_values(given, wrong, place) is None for place in range(len(wrong.leaves)))


def _dtype(given: GivenAnswer, right: ExpectedAnswer, place: int) -> Mismatch | None:
    expected, got = right.leaves[place].dtype, given.dtypes[place]
    kind = given.arrays[place].dtype.kind
    weak = given.weak[place] and not (expected.startswith("float") and kind == "b")
    if got == expected or (weak and np.can_cast(given.arrays[place].dtype, expected, "same_kind")):
        return None
    if expected.startswith("int") and kind == "i" and np.can_cast(expected, got, "safe"):
        return None  # an integer of more bits is still the integer
    message = f"{_place(right, place)}dtype {got}, expected {expected}"
    return Mismatch("dtype", message, place)


def _values(given: GivenAnswer, right: ExpectedAnswer, place: int) -> Mismatch | None:
    leaf = right.leaves[place]
    got = given.arrays[place]
    bound = np.zeros(leaf.value.shape) if leaf.error is None else SLACK * leaf.error
    # In a wider dtype than the answer's, the sign of a zero is not compared.
    expected = widest(leaf.value) if leaf.value.dtype.kind == "f" else leaf.value
    wrong = ~agree(got, expected, bound)
    if not np.any(wrong):
        return None
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    is_, should = got[where].item(), leaf.value[where].item()
    distance = float(ulps(got[where], leaf.value[where]))
    message = "the value is "
    if got.size > 1:
        index = ", ".join(map(str, where))
        message = f"{int(np.sum(wrong))} of {got.size} values differ; the first, [{index}], is "
    message = f"{_place(right, place)}{message}{is_:.9g}, expected {should:.9g}"
    if leaf.error is not None:
        message += f" within {float(bound[where]):.2g}"
    finite = leaf.error is not None and np.isfinite(distance)
    return Mismatch("values", message, place, distance if finite else None, where)


def _place(right: ExpectedAnswer, place: int) -> str:
    """Which of an answer's arrays is meant, as the code that takes it; nothing where there is one."""
    known = names(right.spec) if len(right.leaves) > 1 else []
    return f"answer{known[place]}: " if place < len(known) else ""


def names(spec: Any) -> list[str]:
    """The indices that lead to each array, in order."""
    ((kind, content),) = spec.items()
    if kind == "array":
        return [""]
    if kind not in ("tuple", "list", "dict"):
        return []
    items = content.items() if kind == "dict" else enumerate(content)
    return [f"[{key!r}]{rest}" for key, item in items for rest in names(item)]


def form(spec: Any) -> str:
    """Containers in words; a list will do for a tuple.

    Args:
        spec: of an answer.

    """
    try:
        ((kind, content),) = spec.items()
        if kind in ("tuple", "list"):
            return f"[{', '.join(form(item) for item in content)}]"
        if kind == "dict":
            return f"{{{', '.join(f'{k}: {form(v)}' for k, v in sorted(content.items()))}}}"
        return "array" if kind == "array" else f"{content!r:.40}"
    except (AttributeError, ValueError, TypeError, RecursionError):
        return "nothing that can be read"


def received(header: dict[str, Any], arrays: list[np.ndarray]) -> GivenAnswer:
    """A worker's reply as an answer. Raises wire.Malformed."""
    if "unfit" in header:
        return GivenAnswer(unfit=str(header["unfit"])[:300])
    dtypes, weak = header.get("dtypes"), header.get("weak")
    if not (isinstance(dtypes, list) and isinstance(weak, list)):
        raise wire.Malformed("an answer without its dtypes")
    if not len(dtypes) == len(weak) == len(arrays):
        raise wire.Malformed("an answer's parts do not match")
    wire.unflatten(header.get("answer"), arrays)
    names = tuple(
        str(array.dtype) if array.dtype.name != "float32" else str(name)[:40]
        for array, name in zip(arrays, dtypes, strict=True)
    )
    container = header.get("container") if len(arrays) == 1 else ""
    return GivenAnswer(
        header["answer"],
        tuple(arrays),
        names,
        tuple(bool(w) for w in weak),
        container=container if container in ("tuple", "list") else "",
    )
