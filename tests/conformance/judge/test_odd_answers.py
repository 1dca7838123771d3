"""Answers of any shape, dtype and value are judged: none ends the run for everybody's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from conformance.judge import compare, decide, diagnosis
from conformance.judge.exercises import exercise_names, load_exercises
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call, ExpectedAnswer, compute, draw_calls
from conformance.judge.sandbox import answers, wire

ARRAYS: dict[str, Callable[[np.ndarray], Any]] = {
    "no numbers": lambda right: np.zeros((0,), np.float32),
    "no numbers, with axes": lambda right: np.zeros((0, 3), np.float32),
    "no numbers, of as many axes": lambda right: right[..., :0] if right.ndim else right,
    "one number": lambda right: np.float32(1),
    "one number with axes": lambda right: np.ones((1, 1), np.float32),
    "six axes": lambda right: np.ones((1,) * 6, np.float32),
    "five axes": lambda right: np.ones((2,) * 5, np.float32),
    "an axis more": lambda right: right[None],
    "an axis less": lambda right: right[0] if right.ndim else right[None],
    "a last axis more": lambda right: right[..., None],
    "other sizes": lambda right: np.resize(right, (right.size + 1,)),
    "not a number": lambda right: right * np.float32("nan"),
    "infinite": lambda right: right + np.float32("inf"),
    "booleans": lambda right: right > 0,
    "small integers": lambda right: (right > 0).astype(np.int8),
    "large integers": lambda right: np.full(right.shape, 2**63, np.uint64),
    "halves": lambda right: np.ones(right.shape, np.float16),
    "huge": lambda right: np.full(right.shape, 1e300),
    "tiny": lambda right: np.full(right.shape, 1e-310),
}
TREES: dict[str, Callable[[Any], Any]] = {
    "None": lambda right: None,
    "no list": lambda right: [],
    "a list more": lambda right: [right],
    "a dictionary": lambda right: {"answer": right},
    "a part less": lambda right: right[:-1] if isinstance(right, list) else right,
    "twice": lambda right: [right, right],
    "text": lambda right: "0.5",
    "an object": lambda right: np.empty((2,), object),
}


@pytest.mark.parametrize("name", exercise_names())
@pytest.mark.filterwarnings("error")
def test_no_answer_is_too_odd_to_be_judged(name: str) -> None:
    exercise = load_exercises()[name]
    calls = draw_calls(exercise, 12, 5)
    rights = [compute(exercise.reference, call.arguments) for call in calls]
    for what, given in _odd_ones(exercise, calls, rights):
        wrong = [
            diagnosis.WrongAnswer(call, right, each, mismatch)
            for call, right, each in zip(calls, rights, given, strict=True)
            if (mismatch := compare.compare(each, right)) is not None
        ]
        if wrong:
            try:
                diagnosis.of_wrong(exercise, wrong)
                decide.of_values(wrong, calls)
            except Exception as problem:
                raise AssertionError(what) from problem


def _odd_ones(
    exercise: Exercise, calls: list[Call], rights: list[ExpectedAnswer]
) -> Iterator[tuple[str, list[compare.GivenAnswer]]]:
    """What the answers are, and those to all calls."""
    trees = [_tree(right.spec, iter(right.leaves)) for right in rights]
    for what, change in ARRAYS.items():
        yield what, [_sent(_mapped(change, tree), exercise) for tree in trees]
        mixed = [_mapped(change, t) if n % 3 else t for n, t in enumerate(trees)]
        yield f"{what} in some calls", [_sent(tree, exercise) for tree in mixed]
    for what, of in TREES.items():
        yield what, [_sent(of(tree), exercise) for tree in trees]


def _tree(spec: Any, leaves: Iterator[Any]) -> Any:
    ((kind, content),) = spec.items()
    if kind == "array":
        return np.asarray(next(leaves).value, np.float32)
    return [_tree(each, leaves) for each in content]


def _mapped(change: Callable[[np.ndarray], Any], tree: Any) -> Any:
    return [_mapped(change, each) for each in tree] if isinstance(tree, list) else change(tree)


def _sent(answer: Any, exercise: Exercise) -> compare.GivenAnswer:
    """The answer as it arrives from a candidate's process."""
    sent: list[np.ndarray] = []
    header = answers.pack(answer, sent, exercise.tree, 2**20)
    return compare.received(header, wire.decode(wire.encode({}, sent)[8:])[1])


def test_a_loss_without_a_number_is_wrong_and_ends_nothing(judge: Callable) -> None:
    (verdict,) = judge("def loss_fn(params, x, y):\n    return []\n", patience=20.0)
    assert verdict.verdict == "violates"
    assert not any("fault of the judge's" in remark for remark in verdict.remarks)


def test_a_fault_in_finding_the_mistake_is_a_remark(
    judge: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "of_values", lambda wrong, calls: 1 / 0)
    source = "def vectorized_square(x):\n    return x * x * x - x\n"
    (verdict,) = judge(source, patience=20.0)
    assert verdict.verdict == "violates"
    assert any("ZeroDivisionError" in remark for remark in verdict.remarks)
    monkeypatch.undo()
    (verdict,) = judge(source, patience=20.0)
    assert not any("fault of the judge's" in remark for remark in verdict.remarks)
