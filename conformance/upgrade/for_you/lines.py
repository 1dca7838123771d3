"""What is said to the user: lines, and all of them together."""

import re
from collections.abc import Iterable, Iterator, Sequence

import attrs

BETWEEN = "; "
"""What is between the places of a line that is about several files."""
_FILES, _LINES = 4, 5
"""As many files, where not all are named, and as many lines of each."""


@attrs.frozen
class Place:
    """Lines of one of the user's files; none for the whole file."""

    file: str
    lines: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Such as `model.py:3, 17`, with no more than the first lines."""
        more = len(self.lines) - _LINES
        rest = f" and {plural(more, 'more line')}" if more > 0 else ""
        shown = ", ".join(map(str, self.lines[:_LINES]))
        return f"{self.file}:{shown}{rest}" if self.lines else self.file


@attrs.frozen
class Line:
    """One thing to do or to know."""

    what: str
    """A name, or nothing."""
    sentence: str
    places: tuple[Place, ...] = ()
    subject: str = ""
    """One of the user's, or several in words; empty where it is about places, or about all."""
    follows: bool = False
    """Whether it is a consequence of a line before it, and nothing to do by itself."""
    first_files: bool = False
    """Whether only the first of its files are named where it is shown."""

    @property
    def where(self) -> str:
        """The subject, or files and their lines; empty where there is neither."""
        if self.subject:
            return self.subject
        others = len(self.places) - _FILES if self.first_files else 0
        shown = self.places[:_FILES] if others > 0 else self.places
        more = f" and {plural(others, 'more file')}" if others > 0 else ""
        return BETWEEN.join(map(str, shown)) + more


@attrs.frozen
class ForYou:
    """The user's part of a comparison."""

    title: str
    """Such as `mymodel, 6 subjects, 3 files`."""
    work: tuple[Line, ...]
    know: tuple[Line, ...]
    near: tuple[Line, ...]
    """Changes of names that the sources use; whether the user's calls meet them is not known."""
    fine: tuple[str, ...]
    keys: frozenset[str]
    """Differences that are reported here, and need no second mention."""

    @property
    def things_to_do(self) -> int:
        """How many lines need work by themselves."""
        return things_to_do(self.work)


def things_to_do(work: Sequence[Line]) -> int:
    """How many lines need work by themselves."""
    return sum(not line.follows for line in work)


def each_said_once(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, with those of several files that say the same joined into one, where the first was.

    Args:
        lines: Each with the places in one file, and none that follows from another.

    """
    alike: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        alike.setdefault((line.what, line.sentence), []).append(line)
    for mine in alike.values():
        yield attrs.evolve(mine[0], places=tuple(place for line in mine for place in line.places))


def objects_said_once(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, with those of one attribute of several types of objects joined where they say the same.

    Args:
        lines: Such as `Dropout.iter_modules()`, and `BatchNorm.iter_modules()` in the same places.

    """
    alike: dict[tuple[str, str, tuple[Place, ...]], list[Line]] = {}
    for line in lines:
        attribute = line.what.partition(".")[2] or line.what
        alike.setdefault((attribute, line.sentence, line.places), []).append(line)
    for (attribute, *_), mine in alike.items():
        several = len({line.what for line in mine}) > 1
        yield attrs.evolve(mine[0], what=f"x.{attribute}") if several else mine[0]


def moves_said_once(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, with those of several names joined that moved from one module to another, name by name.

    Args:
        lines: Such as `jax.core.Jaxpr`, `gone: use jax.extend.core.Jaxpr`.

    """
    moved: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        module, _, name = line.what.rpartition(".")
        start, dot, last = line.sentence.rpartition(".")
        same = dot and name == last
        moved.setdefault((module, start) if same else (line.what, line.sentence), []).append(line)
    for (_, start), (first, *others) in moved.items():
        if not others:
            yield first
            continue
        mine = (first, *others)
        files: dict[str, set[int]] = {}
        for place in (place for line in mine for place in line.places):
            files.setdefault(place.file, set()).update(place.lines)
        yield Line(
            ", ".join([first.what, *(line.what.rpartition(".")[2] for line in others)]),
            f"{start}, under the same names",
            tuple(Place(file, tuple(sorted(lines))) for file, lines in files.items()),
        )


_NAMED = 4
"""So many names of several are in a line."""


def some(names: Sequence[str]) -> str:
    """The first of several names, each once, and how many more there are."""
    each = list(dict.fromkeys(names))
    more = f" and {len(each) - _NAMED} more" if len(each) > _NAMED else ""
    return ", ".join(each[:_NAMED]) + more


_PATH = re.compile(r"\s*\((?:/|[A-Za-z]:)[^()]*\)")


def without_paths(message: str) -> str:
    """An error's message without the files that it names in parentheses: they are of one machine."""
    return _PATH.sub("", message)


def plural(count: int, what: str) -> str:
    """Such as `2 files`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
