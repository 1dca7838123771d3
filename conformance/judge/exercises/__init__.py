"""The exercises: one file each, found by the name of the function that a candidate implements."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path

from conformance.judge.exercises.exercise import Exercise


class InvalidExercise(Exception):
    """A file or a name that holds no exercise; the message says what was found instead."""


def load_exercises(files: tuple[Path, ...] = ()) -> dict[str, Exercise]:
    """Every exercise of the package and of a teacher's own files, by name.

    A file of one's own goes before the package's exercise of the same name. Raises NoExercise.
    """
    found: dict[str, Exercise] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda each: each.name):
        content = vars(importlib.import_module(f"{__name__}.{module.name}"))
        for exercise in _exercises(content):
            found[exercise.name] = exercise
    for path in files:
        for exercise in _exercises(_own(path)):
            found[exercise.name] = exercise
    return found


def _exercises(content: dict[str, object]) -> list[Exercise]:
    here = [value for name, value in content.items() if name.startswith("EXERCISE")]
    return [value for value in here if isinstance(value, Exercise)]


def _own(path: Path) -> dict[str, object]:
    spec = importlib.util.spec_from_file_location(f"own_exercise_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InvalidExercise(f"{path} is no Python file: an exercise file's name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise InvalidExercise(
            f"{path} cannot be loaded: {type(problem).__name__}: {problem}"
        ) from problem
    content = vars(module)
    if not _exercises(content):
        raise InvalidExercise(f"{path} defines no EXERCISE = Exercise(...)")
    return content
