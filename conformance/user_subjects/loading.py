"""Importing the user's modules: what of them cannot be used, and what they must not do to this process.

`load` is strict, as `run` needs it. Where the environment variable `TOLERANT` is set, as in the cells of an
upgrade, a subject that cannot be made is left out and kept in `FAILED`, so that the others run.
"""

import importlib
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from conformance import own
from conformance.user_subjects import subjects
from properties.subject import Subject

TOLERANT = "VMAP_CONFORMANCE_TOLERANT"
"""Set: subjects that cannot be made are left out."""
IMPORT_PATH = "VMAP_CONFORMANCE_IMPORT_PATH"
"""Directories of the user's modules, joined as those of PATH are."""
SECONDS = 120.0
"""How long making one subject may take where `TOLERANT` is set."""
AGAIN = 1.0
"""Seconds after which code that goes on is interrupted again."""
_OUR_PACKAGES = ("conformance", "properties", "reference")


@attrs.frozen
class Failure:
    """Why a subject, or all subjects of a module, cannot be used."""

    module: str
    subject: str | None
    """None where the module itself cannot be imported."""
    type: str
    line: str
    """The first line of the error's message."""


FAILED: list[Failure] = []
"""What `load` left out."""


class UserExit(Exception):
    """The user's module ended the process, or tried to."""


@attrs.frozen
class _Unusable:
    """Stands for a subject that could not be made, in a list `SUBJECTS`."""

    name: str


def load(origin: str) -> list[Subject]:
    """Import the module `origin` and register its `SUBJECTS`.

    Raises:
        SubjectsError: It cannot be imported, has no such list, or a subject in it cannot be used. Where
            `TOLERANT` is set, these go to `FAILED` instead.

    """
    _extend_path()
    if os.environ.get(TOLERANT):
        return _load_tolerantly(origin)
    try:
        with no_exit():
            return subjects.load(origin)
    except UserExit as error:
        raise subjects.SubjectsError(f"{origin} cannot be imported: {error}") from None
    except subjects.SubjectsError as error:
        raise subjects.SubjectsError(f"{error}{_clash(origin, str(error))}") from None


def _load_tolerantly(origin: str) -> list[Subject]:
    try:
        with no_exit(), _failures_kept(origin):
            module: Any = importlib.import_module(origin)
            if not hasattr(module, "SUBJECTS"):
                return subjects.load(origin)  # which says so
            listed = list(module.SUBJECTS)
            if any(isinstance(each, _Unusable) for each in listed):
                module.SUBJECTS = [each for each in listed if not isinstance(each, _Unusable)]
            return subjects.load(origin)
    except Exception as error:
        cause = error.__cause__ or error
        line = first_line(cause) + _clash(origin, str(error))
        FAILED.append(Failure(origin, None, type(cause).__name__, line))
        return []


@contextmanager
def _failures_kept(origin: str) -> Iterator[None]:
    """Let `own.function` and `own.module` give a stand-in for a subject that they refuse."""

    def tolerant(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(name: str, *arguments: Any, **options: Any) -> Any:
            try:
                with _time_limit(SECONDS, f"making the subject {name!r}"):
                    return make(name, *arguments, **options)
            except (Exception, SystemExit) as error:
                cause = _root(error)
                FAILED.append(Failure(origin, name, type(cause).__name__, first_line(cause)))
                return _Unusable(name)

        return made

    makers = {name: getattr(own, name) for name in ("function", "module")}
    for name, make in makers.items():
        setattr(own, name, tolerant(make))
    try:
        yield
    finally:
        for name, make in makers.items():
            setattr(own, name, make)


class TooSlowError(Exception):
    """The user's code did not come to an end in time."""


@contextmanager
def _time_limit(seconds: float, what: str) -> Iterator[None]:
    """Raise `TooSlowError` where Python within takes longer; only the main thread can be interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(*_: object) -> None:
        raise TooSlowError(f"{what} takes more than {seconds:g} seconds")

    handler = signal.signal(signal.SIGALRM, expire)
    # An exception is lost where it is raised in a callback of JAX's, or where the user's code catches it.
    outer = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *outer)
        signal.signal(signal.SIGALRM, handler)


def _root(error: BaseException) -> BaseException:
    """The user's own error behind one of ours."""
    while isinstance(error, subjects.SubjectsError) and (error.__cause__ or error.__context__):
        error = error.__cause__ or error.__context__ or error
    return error


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return (str(error).strip().splitlines() or [""])[0].strip()


def _extend_path() -> None:
    """Make the user's directories importable, after all that is installed.

    A file `json.py` or `flax.py` beside the user's modules must not be taken for the library.
    """
    given = os.environ.get(IMPORT_PATH, "").split(os.pathsep)
    for directory in filter(None, [*given, os.getcwd()]):
        if directory not in sys.path:
            sys.path.append(directory)


def _clash(origin: str, message: str) -> str:
    """What to say where a package of the user's has the name of one of the suite's."""
    for name in _OUR_PACKAGES:
        mentioned = (
            origin.split(".", maxsplit=1)[0] == name
            or f"'{name}." in message
            or f"'{name}'" in message
        )
        theirs = any(
            (Path(directory) / file).exists()
            for directory in [os.getcwd(), *os.environ.get(IMPORT_PATH, "").split(os.pathsep)]
            for file in (name, f"{name}.py")
            if directory and not (Path(directory) / name / "py.typed").exists()
        )
        if mentioned and theirs:
            return f" (`{name}` is a package of vmap-conformance: rename yours)"
    return ""


@contextmanager
def no_exit() -> Iterator[None]:
    """Turn `sys.exit` and `os._exit` in the user's module into an error."""

    def refuse(status: object = None) -> None:
        raise UserExit(f"it ends the process with status {status}")

    leave = os._exit
    os._exit = refuse  # type: ignore[assignment] # put back below
    try:
        yield
    except SystemExit as ended:
        raise UserExit(f"it ends the process with status {ended.code}") from None
    finally:
        os._exit = leave
