"""Judging from Python: what a course's own autograder calls."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.judge.errors import InvalidExercise, JudgeFailure

if TYPE_CHECKING:
    from conformance.judge.exercises.exercise import Exercise
    from conformance.judge.session import JudgeSession, Options
    from conformance.judge.verdict import Verdict


def check(
    path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    exercises: Sequence[str | os.PathLike[str] | Exercise] | None = None,
    examples: int = 100,
    seed: int | None = None,
    strict: bool = False,
    isolation: str = "auto",
    patience: float = 20.0,
    students: str = "auto",
) -> list[Verdict]:
    """Judge a candidate's file, or every file in a directory.

    Args:
        path: one file or directory, or several.
        exercises: what to judge: names of the package's exercises, `Exercise` objects, or files that
            define some. None judges every exercise of the package that a file has a function for;
            with names or objects, a file that lacks one gets `missing` for it.
        examples: calls for each function.
        seed: which calls are drawn; None draws a fresh seed, which nobody can prepare for.
        strict: not calling `flax.linen.vmap` fails where an exercise asks for it.
        isolation: "namespaces" or "process" to demand that level, "auto" for the best there is.
        patience: how many times the reference's slowest call a call may take.
        students: which files are one student's, and may import each other: "directory", those of each
            directory inside a given one; "auto", the same, unless two of them define one exercise,
            then each file; "file", each file alone; "path", all below each path.

    Returns:
        One verdict for each file and exercise, in the order of the paths.

    Raises:
        FileNotFoundError: A path does not exist.
        ValueError: `students` is none of the four.
        InvalidExercise: `exercises` names one that is not there, or one that is not sound.
        JudgeFailure: Judging itself failed: isolation, the machine's limits, or an exercise.

    """
    from conformance.judge.submissions import STUDENTS

    if students not in STUDENTS:
        raise ValueError(f"students={students!r}: give one of {', '.join(STUDENTS)}")
    with _default_settings():
        from conformance.judge.session import Options, fresh_seed

        known, chosen = _known(exercises or ())
        drawn = fresh_seed() if seed is None else seed
        options = Options(examples, drawn, strict, patience, chosen, chosen)
        return _check(_paths(path), known, options, isolation, students)


def _check(
    paths: list[Path],
    known: dict[str, Exercise],
    options: Options,
    isolation: str,
    students: str,
) -> list[Verdict]:
    from conformance.judge import server_process
    from conformance.judge.check_file import check_file
    from conformance.judge.session import JudgeSession
    from conformance.judge.submissions import find_candidates, of_students

    found = find_candidates(paths, students)
    server = server_process.start_server(isolation)
    session: JudgeSession = JudgeSession(server, known, options)
    try:
        found = of_students(found, session.wanted())
        return [
            verdict
            for candidate in found.candidates
            for verdict in check_file(
                session, candidate, named=candidate in paths, student=found.students[candidate]
            )
        ]
    finally:
        session.close()


def _paths(path: Any) -> list[Path]:
    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    found = [Path(each) for each in paths]
    for each in found:
        if not os.path.lexists(each):
            raise FileNotFoundError(
                f"{each} does not exist: give a candidate's file or a directory"
            )
    return found


def _known(exercises: Sequence[Any]) -> tuple[dict[str, Exercise], tuple[str, ...]]:
    """The exercises there are, and the names of those that were chosen."""
    from conformance.judge.exercises import check_exercise, load_exercises
    from conformance.judge.exercises.exercise import Exercise

    files = [Path(each) for each in exercises if _is_file(each)]
    known = load_exercises(files)
    chosen = [name for name in known if name not in load_exercises()] if files else []
    for each in exercises:
        if isinstance(each, Exercise):
            known[each.name] = check_exercise(each, "exercises")
            chosen.append(each.name)
        elif not _is_file(each):
            if each not in known:
                there = ", ".join(known)
                raise InvalidExercise(f"no exercise is called {each!r}: there are {there}")
            chosen.append(each)
    return known, tuple(dict.fromkeys(chosen))


def _is_file(exercise: Any) -> bool:
    return isinstance(exercise, os.PathLike) or (
        isinstance(exercise, str) and exercise.endswith(".py")
    )


@contextmanager
def _default_settings() -> Iterator[None]:
    """Expected answers are those of JAX's defaults, so its settings must be those.

    Raises JudgeFailure where JAX has started with others.
    """
    if "jax" not in sys.modules:
        clear_jax_settings()
        from conformance.runner import process_env

        process_env.prepare()
    import jax

    changed = [name for name, value in _DEFAULTS.items() if getattr(jax.config, name) != value]
    if changed:
        wanted = ", ".join(f"{name}={_DEFAULTS[name]!r}" for name in changed)
        raise JudgeFailure(f"JAX runs with other settings than its defaults here: set {wanted}")
    yield


_DEFAULTS: dict[str, Any] = {
    "jax_enable_x64": False,
    "jax_default_prng_impl": "threefry2x32",
    "jax_random_seed_offset": 0,
    "jax_numpy_rank_promotion": "allow",
    "jax_numpy_dtype_promotion": "standard",
}


def clear_jax_settings() -> None:
    """Forget the user's own settings of JAX: right answers are those of its defaults."""
    for name in list(os.environ):
        if name.startswith(("JAX_", "XLA_")):
            del os.environ[name]
    os.environ["JAX_PLATFORMS"] = "cpu"
