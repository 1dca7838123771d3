"""Subjects of the user's that cannot be made in one of the environments."""

import re
from collections.abc import Iterator, Mapping, Sequence

from conformance.events.user_code import MODULE, SubjectError, UserSubject
from conformance.upgrade.for_you.lines import Line, plural, without_paths

_KEYWORD = re.compile(r"takes no (\w+)= ")
Subjects = Mapping[str, UserSubject]
"""Each subject of the user's, by its name."""


def broken(
    was: Subjects, now: Subjects, explanations: Sequence[str]
) -> tuple[list[Line], list[str]]:
    """Subjects that can be made before and not now, and modules that cannot be imported any more."""
    lines: list[Line] = []
    names: list[str] = []
    for name, each in now.items():
        if name.endswith(MODULE) and each.error:
            mine = [n for n, u in was.items() if u.module == each.module and not u.error]
            names += mine
            count = plural(len(mine), "subject")
            said = f"{count} ran before, now the import fails with"
            if mine:
                lines.append(_failing(each.module, said, each.error, explanations))
    for name, each in was.items():
        there = now.get(name)
        if not each.error and there and there.error:
            names.append(name)
            lines.append(_failing(name, "ran before, now", there.error, explanations))
    return lines, names


def _failing(where: str, said: str, error: SubjectError, explanations: Sequence[str]) -> Line:
    """A line on what fails now; the message only where no line before it explains the error."""
    if _explained(error, explanations):
        said = f"{said} {error.type} (follows from the above)"
        return Line("", said, subject=where, follows=True)
    return Line("", f"{said} {_error(error)}", subject=where)


def _error(error: SubjectError) -> str:
    return f"{error.type}: {without_paths(error.line)}".rstrip(": ")


def explaining(line: Line) -> str:
    """What an error says that this line about a name explains, as a regular expression."""
    name = line.what.split(".")[-1]
    keyword = _KEYWORD.match(line.sentence)
    if keyword is not None:
        return rf"\b{re.escape(name)}\(\).*'{re.escape(keyword[1])}'"
    return rf"{re.escape(line.what)}|'{re.escape(name)}'"


def _explained(error: SubjectError, explanations: Sequence[str]) -> bool:
    """Whether the error is about a name that is already listed."""
    return any(re.search(explanation, error.line) for explanation in explanations)


def never_made(was: Subjects, now: Subjects) -> Iterator[Line]:
    """Subjects of which nothing could be checked."""
    failing = {each.module for name, each in now.items() if name.endswith(MODULE) and each.error}
    for name, each in was.items():
        there = now.get(name)
        if each.error and there and there.error:
            yield Line("", f"cannot be made in either: {_error(there.error)}", subject=name)
        elif each.error and each.module in failing and not name.endswith(MODULE):
            yield Line("", f"cannot be made before either: {_error(each.error)}", subject=name)


def repaired(was: Subjects, now: Subjects) -> Iterator[Line]:
    """Subjects that can be made now and could not before."""
    for name, each in was.items():
        there = now.get(name)
        # A subject that is not there now may be of a module that cannot be imported any more.
        works = there is not None and not there.error
        if each.error and works:
            yield Line("", f"can be made now; before, {_error(each.error)}", subject=name)
