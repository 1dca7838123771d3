"""The exercises: one file each, found by the name of the function that a candidate implements.

Importing this package imports no NumPy: `check` starts its server first.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.judge.errors import InvalidExercise

if TYPE_CHECKING:
    from conformance.judge.exercises.exercise import Exercise

__all__ = ["InvalidExercise", "exercise_names", "load_exercises"]


def exercise_names() -> tuple[str, ...]:
    """The names of the package's exercises, without importing them, which takes seconds."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple(each.stem for each in files if "\nEXERCISE = " in each.read_text("utf-8"))


def is_of_the_package(exercise: Exercise) -> bool:
    """Whether it is one of the package's exercises, not one of a teacher's own files."""
    module = sys.modules.get(f"{__name__}.{exercise.name}")
    return module is not None and getattr(module, "EXERCISE", None) is exercise


def load_exercises(files: Sequence[Path] = ()) -> dict[str, Exercise]:
    """Every exercise of the package and of a teacher's own files, by name.

    A file of one's own goes before the package's exercise of the same name.

    Raises:
        InvalidExercise: A file cannot be loaded, or what it defines is not an exercise.

    """
    found: dict[str, Exercise] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda each: each.name):
        content = vars(importlib.import_module(f"{__name__}.{module.name}"))
        for exercise in _exercises(content):
            found[exercise.name] = exercise
    for path in files:
        for exercise in _own(path):
            found[exercise.name] = exercise
    return found


def check_exercise(exercise: object, origin: str) -> Exercise:
    """The exercise, if it is a sound one. Raises InvalidExercise, which names its `origin`."""
    from conformance.judge.exercises.exercise import Exercise, problems

    if not isinstance(exercise, Exercise):
        raise InvalidExercise(
            f"{origin}: EXERCISE is {type(exercise).__name__}, not an Exercise: "
            "write EXERCISE = Exercise(...)"
        )
    wrong = problems(exercise)
    if wrong:
        raise InvalidExercise(f"{origin}: the exercise {exercise.name!r}: {'; '.join(wrong)}")
    return exercise


def _exercises(content: dict[str, object]) -> list[Exercise]:
    from conformance.judge.exercises.exercise import Exercise

    here = [value for name, value in content.items() if name.startswith("EXERCISE")]
    return [value for value in here if isinstance(value, Exercise)]


def _own(path: Path) -> list[Exercise]:
    content = _load(path)
    named = {name: value for name, value in content.items() if name.startswith("EXERCISE")}
    if not named:
        raise InvalidExercise(f"{path} defines no EXERCISE = Exercise(...)")
    return [check_exercise(value, str(path)) for value in named.values()]


def _load(path: Path) -> dict[str, object]:
    spec = importlib.util.spec_from_file_location(f"own_exercise_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InvalidExercise(f"{path} is no Python file: an exercise file's name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # SystemExit among them
        message = " ".join(f"{type(problem).__name__}: {problem}".split())[:300]
        raise InvalidExercise(f"{path} cannot be loaded: {message}") from problem
    return vars(module)
