"""What the user's sources use and do, by name, file and line: thousands of changes are looked up in it."""

from collections.abc import Iterable
from functools import cached_property

from conformance.events.user_code import Operation, Use


class Uses(dict[str, list[Use]]):
    """The uses of each name. What is asked again for each change is found once."""

    @cached_property
    def of_file(self) -> dict[str, "Uses"]:
        """The uses in each file."""
        found: dict[str, Uses] = {}
        for name, uses in self.items():
            for use in uses:
                found.setdefault(use.file, Uses()).setdefault(name, []).append(use)
        return found

    @cached_property
    def words(self) -> frozenset[str]:
        """The names, and the keywords that are given."""
        return frozenset(self).union(*(use.keywords for uses in self.values() for use in uses))

    @cached_property
    def files(self) -> dict[str, set[str]]:
        """The files that use a name, or any name within it: `flax.nnx` and `flax.nnx.Param`."""
        found: dict[str, set[str]] = {}
        for name, uses in self.items():
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                found.setdefault(".".join(parts[:end]), set()).update(use.file for use in uses)
        return found

    @cached_property
    def longest_first(self) -> list[str]:
        """The names, the longest first."""
        return sorted(self, key=len, reverse=True)


def by_name(uses: Iterable[Use]) -> Uses:
    """The uses of each name, in their order."""
    found = Uses()
    for use in uses:
        found.setdefault(use.name, []).append(use)
    return found


class Operations(list[Operation]):
    """What the sources do with objects whose type their text does not say, in its order."""

    @cached_property
    def by_name(self) -> dict[str, list[Operation]]:
        """Where each operation is done."""
        found: dict[str, list[Operation]] = {}
        for each in self:
            found.setdefault(each.name, []).append(each)
        return found

    @cached_property
    def by_line(self) -> dict[tuple[str, int], set[str]]:
        """What is done in each line of a file."""
        found: dict[tuple[str, int], set[str]] = {}
        for each in self:
            found.setdefault((each.file, each.line), set()).add(each.name)
        return found


NOTHING_DONE = Operations()
