"""What no environment can do anything with: a mistake of the user's, said before anything runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from conformance.upgrade.cells import CellError
from conformance.upgrade.probe import Answer, Broken

if TYPE_CHECKING:
    from conformance.upgrade.request import Request

_MISSING = re.compile(r"No module named '([^']+)'")


class UnknownSubjectError(ValueError):
    """No subject has a name that was asked for."""


class UnusableModuleError(ValueError):
    """No environment can use a module that lists subjects."""


def check_answers(request: Request, said: Sequence[Answer | CellError]) -> None:
    """Check what the environments that could be built say of the user's subjects.

    What fails in one environment alone is a regression, and no mistake.

    Raises:
        UnusableModuleError: A module cannot be imported in any environment, or none of its subjects made, or
            importing it ends the process in all.
        UnknownSubjectError: A glob over subjects matches none in any environment.

    """
    answers = [answer for answer in said if isinstance(answer, Answer)]
    if not answers:
        first = said[0]
        if request.own and isinstance(first, CellError) and all(map(_is_built, said)):
            raise UnusableModuleError(f"{', '.join(request.own)} cannot be used: {first}")
        return
    for module in request.own:
        _check_module(module, answers)
    known = {name for answer in answers for name in answer.known}
    known |= {each.subject for answer in answers for each in answer.broken if each.subject}
    has_broken_module = any(each.subject is None for answer in answers for each in answer.broken)
    for glob in request.subjects:
        if not has_broken_module and not any(fnmatchcase(name, glob) for name in known):
            raise UnknownSubjectError(
                f"there is no subject {glob!r}; `vmap-conformance list subjects` shows the suite's own"
            )


def _is_built(said: Answer | CellError) -> bool:
    return isinstance(said, Answer) or said.built


def _check_module(module: str, answers: Sequence[Answer]) -> None:
    broken = [[each for each in answer.broken if each.module == module] for answer in answers]
    if any(module in answer.subjects.values() for answer in answers):
        return
    where = "in any of the environments" if len(answers) > 1 else "in the environment"
    wholly = [next((each for each in mine if each.subject is None), None) for mine in broken]
    if wholly[0] and all(wholly):
        raise UnusableModuleError(
            f"{module} cannot be used {where}: {_said(wholly[0])}{_remedy(module, wholly[0])}"
        )
    if not any(broken):
        raise UnusableModuleError(f"{module} lists no subject: SUBJECTS is empty")
    if all(broken) and not any(wholly):
        first = broken[0][0]
        raise UnusableModuleError(
            f"none of the subjects of {module} can be made {where}; {first.subject}: {_said(first)}"
        )


def _said(broken: Broken) -> str:
    return f"{broken.type}: {broken.line}".rstrip(": ")


def _remedy(module: str, broken: Broken) -> str:
    """How the environments get a module that they lack."""
    missing = _MISSING.search(broken.line)
    if missing is None:
        return ""
    top = missing[1].split(".")[0]
    if top == module.split(".", maxsplit=1)[0]:
        return "; modules of this directory are found, those of a package elsewhere with --with-editable DIR"
    return f"; the environments have your packages with --with-editable DIR, and others with --with {top}"
