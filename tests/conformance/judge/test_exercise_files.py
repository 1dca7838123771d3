"""An exercise file that is not as it should be is one line and status 2 or 3, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.judge import ExerciseFailed, InvalidExercise
from conformance.judge.exercises import load_exercises
from conformance.judge.expected_answers import compute, draw_calls, expected
from conformance.judge.session import Options, draw

ROOT = Path(__file__).resolve().parents[3]
SOUND = (ROOT / "examples" / "exercises" / "vectorized_norm.py").read_text()


def load(source: str, tmp_path: Path) -> object:
    path = tmp_path / "own.py"
    path.write_text(source)
    return load_exercises([path])["vectorized_norm"]


def test_the_example_is_sound(tmp_path: Path) -> None:
    exercise = load(SOUND, tmp_path)
    assert draw_calls(exercise, 16, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('    name="vectorized_norm",', "    name=3,", "its name is int, not a string"),
        ('"vectorized_norm(rows)"', '"norm(rows)"', "does not begin with 'vectorized_norm('"),
        ('"vectorized_norm(rows)"', '"vectorized_norm(*rows)"', "arguments without names"),
        ('"vectorized_norm(rows)"', '"vectorized_norm(rows"', "is not like 'name(first, second)'"),
        ("    shapes=tuple(", "    shapes=list(", "its shapes is list, not a tuple"),
        ("    draw=draw,", "    draw=None,", "its draw is NoneType, not a function"),
        ("    reference=reference,", "    reference=7,", "its reference is int, not a function"),
        ("    solution=SOLUTION,", "    solution=None,", "its solution is NoneType"),
        (
            "            lambda rows: reference(rows.T.copy()),",
            "            3,",
            "is not a function",
        ),
        ("    reference=reference,", "", "cannot be loaded: TypeError"),
        ("import numpy as np", "import numpy as np\nraise SystemExit(0)", "SystemExit"),
        ("import numpy as np", "import numpy as np\nEXERCISE_TWO = 3", "EXERCISE is int"),
        ("import numpy as np", "import numpy as (", "cannot be loaded: SyntaxError"),
    ],
)
def test_a_field_that_is_wrong_is_named(before: str, after: str, says: str, tmp_path: Path) -> None:
    assert SOUND.count(before) == 1
    with pytest.raises(InvalidExercise) as raised:
        load(SOUND.replace(before, after), tmp_path)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_no_shapes_are_named(tmp_path: Path) -> None:
    head, tail = SOUND.split("    shapes=tuple(", 1)
    source = head + "    shapes=(),\n    draw=draw," + tail.split("    draw=draw,", 1)[1]
    with pytest.raises(InvalidExercise, match="at least one mapping of sizes"):
        load(source, tmp_path)


DRAW, REFERENCE = "def draw(shape, random, turn):\n", "def reference(rows):\n"


@pytest.mark.parametrize(
    ("function", "body", "says"),
    [
        (DRAW, "return None", "it gave NoneType, not a dict"),
        (DRAW, "return {'x': 1}", "it gave arguments (x), the signature has (rows)"),
        (DRAW, "return {'rows': np.array(['text'])}", "only numbers"),
        (DRAW, "raise SystemExit(0)", "SystemExit"),
        (REFERENCE, "return None", "it returned NoneType, not arrays of numbers"),
        (REFERENCE, "raise SystemExit(0)", "SystemExit"),
        (REFERENCE, "return np.array(['text'])", "not arrays of numbers"),
        (REFERENCE, "1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_function_that_fails_is_the_exercises_fault(
    function: str, body: str, says: str, tmp_path: Path
) -> None:
    assert SOUND.count(function) == 1
    exercise = load(SOUND.replace(function, f"{function}    {body}\n"), tmp_path)
    with pytest.raises(ExerciseFailed) as raised:
        expected(draw(exercise, Options(examples=8, seed=0)), 0)  # type: ignore[arg-type]
    assert says in str(raised.value)
    assert "vectorized_norm" in str(raised.value)


def test_a_sound_reference_is_computed(tmp_path: Path) -> None:
    exercise = load(SOUND, tmp_path)
    (call,) = draw_calls(exercise, 1, 0)  # type: ignore[arg-type]
    assert compute(exercise.reference, call.arguments).leaves  # type: ignore[attr-defined]
