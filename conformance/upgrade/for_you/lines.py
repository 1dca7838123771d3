"""What is said to the user: lines, and all of them together."""

from collections.abc import Iterable, Iterator, Sequence

import attrs


@attrs.frozen
class Line:
    """One thing to do or to know."""

    where: str
    """File and lines, also of several files, or a subject; empty where there is no place."""
    what: str
    """A name, or nothing."""
    sentence: str
    follows: bool = False
    """Whether it is a consequence of a line before it, and nothing to do by itself."""


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


BETWEEN = "; "
"""What is between the places of a line that is about several files."""


def each_said_once(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, with those of several files that say the same joined into one, where the first was.

    Args:
        lines: Each with the places in one file, and none that follows from another.

    """
    alike: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        alike.setdefault((line.what, line.sentence), []).append(line)
    for mine in alike.values():
        yield attrs.evolve(mine[0], where=BETWEEN.join(line.where for line in mine))


_NAMED = 4
"""So many names of several are in a line."""


def some(names: Sequence[str]) -> str:
    """The first of several names, each once, and how many more there are."""
    each = list(dict.fromkeys(names))
    more = f" and {len(each) - _NAMED} more" if len(each) > _NAMED else ""
    return ", ".join(each[:_NAMED]) + more


def plural(count: int, what: str) -> str:
    """Such as `2 files`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
