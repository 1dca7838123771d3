"""What the user's own modules have of JAX and Flax: who imports it from there uses it, too."""

import sys
from collections.abc import Mapping
from pathlib import PurePath

from conformance.upgrade.sources.bound import OTHER, Bound

Members = Mapping[str, Bound]
"""What the names of a module stand for."""


class OwnModules:
    """The user's modules, found by the ends of their paths: the root of the imports is not known."""

    def __init__(self, members: Mapping[str, Members]) -> None:
        """Keep the modules.

        Args:
            members: By the path of each file, what it binds at its top.

        """
        self._by_end: dict[tuple[str, ...], list[Members]] = {}
        for file, mine in members.items():
            parts = _parts(file)
            for start in range(len(parts)):
                self._by_end.setdefault(parts[start:], []).append(mine)

    def members(self, module: str, level: int, file: str) -> Members:
        """What a module that is imported has of JAX and Flax; nothing where several may be meant.

        Args:
            module: Its name, without the dots of a relative import.
            level: How many dots these are.
            file: The path of the file that imports it.

        """
        parts = tuple(module.split(".")) if module else ()
        if not level and parts[0] in sys.stdlib_module_names:
            return {}
        if level:
            around = _parts(file)
            # A package imports from itself.
            up = level - (PurePath(file).name == "__init__.py")
            parts = (*around[: len(around) - up], *parts)
        found = self._by_end.get(parts, []) if parts else []
        return found[0] if len(found) == 1 else {}

    def imported(self, module: str, level: int, name: str, file: str) -> Bound:
        """What `from module import name` binds: a member, or a module of the package."""
        known = self.members(module, level, file).get(name)
        if known is not None:
            return known
        inner = self.members(f"{module}.{name}".strip("."), level, file)
        return OTHER._replace(members=inner) if inner else OTHER

    def bound(self, module: str, file: str, *, top: bool) -> Bound:
        """What `import module` binds: the module itself with `as`, and else the first package of its name."""
        parts = module.split(".")
        mine = self.members(module, 0, file)
        for part in reversed(parts[1:] if top else ()):
            mine = {part: OTHER._replace(members=mine)} if mine else {}
        if top and len(parts) > 1:
            mine = {**self.members(parts[0], 0, file), **mine}
        return OTHER._replace(members=mine) if mine else OTHER


NONE = OwnModules({})


def told(bound: Mapping[str, Bound]) -> Members:
    """What a module has for others. What it binds under a guard differs from release to release."""
    return {
        name: each
        for name, each in bound.items()
        if each.names and each.kind == "name" and not each.guarded
    }


def _parts(file: str) -> tuple[str, ...]:
    path = PurePath(file)
    around = tuple(part for part in path.parent.parts if part not in ("/", "..", "."))
    return around if path.name == "__init__.py" else (*around, path.stem)
