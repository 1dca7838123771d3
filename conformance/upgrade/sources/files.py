"""Which files are the user's sources."""

import ast
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from conformance.upgrade.sources.expressions import handling

_SKIPPED = frozenset(
    {"__pycache__", "build", "dist", "node_modules", "site-packages", "venv", "env"}
)
MOST = 5000
"""Files that are read, at most."""


def python_files(places: Iterable[Path]) -> list[tuple[Path, str]]:
    """The Python files in these directories, each with its path from here, in order.

    Hidden directories, caches, builds and virtual environments are left out.
    """
    found: dict[Path, str] = {}
    for place in places:
        if place.is_file():
            found.setdefault(place.resolve(), shown(place))
            continue
        for root, directories, names in os.walk(place):
            directories[:] = sorted(
                name
                for name in directories
                if name not in _SKIPPED
                and not name.startswith(".")
                and not name.endswith((".egg-info", ".dist-info"))
                and not (Path(root) / name / "pyvenv.cfg").exists()
            )
            for name in sorted(names):
                if name.endswith(".py") and len(found) < MOST:
                    path = Path(root) / name
                    found.setdefault(path.resolve(), shown(path))
    return list(found.items())


def beside(module: Path) -> list[Path]:
    """The Python files of the directory of a module that is in no package, and the packages they import."""
    files = sorted(module.parent.glob("*.py"))
    imported = {name.partition(".")[0] for file in files for name, _, _ in imports_in(file)}
    packages = [module.parent / name for name in sorted(imported)]
    return [*files, *(package for package in packages if package.is_dir())]


def imports_in(file: Path) -> Iterator[tuple[str, int, bool]]:
    """The modules that a file imports by their whole names; none where it cannot be parsed.

    Args:
        file: A Python file.

    Returns:
        Of each: its dotted name, the line, and whether it is imported for types alone, or under a `try`
        that provides for what fails. What is imported from a module, which may be one, follows it.

    """
    try:
        waiting: list[tuple[ast.AST, bool]] = [(ast.parse(file.read_bytes()), False)]
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    while waiting:
        node, is_caught = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, is_caught) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno, is_caught
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from ((name, node.lineno, is_caught) for name in names)
        is_caught |= isinstance(node, ast.Try) and bool(handling(node))
        is_caught |= isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        waiting += [(each, is_caught) for each in ast.iter_child_nodes(node)]


def shown(path: Path) -> str:
    """A file's path from here, where it is within."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
