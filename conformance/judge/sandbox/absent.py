"""Packages that are not installed where files are judged, and that a file imports at its top.

Such an import is no mistake of the file's: what does not use the package can be judged. It gives an
object that can be named, as in an annotation, and that raises what the import would have raised as soon
as it is used.
"""

from __future__ import annotations

import ast
import builtins
import functools
import os
import sys
from collections.abc import Iterator
from typing import Any

from . import own_modules


def install(directory: str, namespace: dict[str, Any], packages: set[str]) -> list[str]:
    """Let the student's own files import packages that are not there.

    An import that a `try` guards fails all the same, for the file to do what it does without.

    Args:
        directory: the student's; imports of installed packages' files are not touched.
        namespace: the candidate's globals.
        packages: what the candidate imports at its top; more may be added before it is run.

    Returns:
        A list that gets the name of each package that was imported in spite of it.

    """
    find, imported = builtins.__import__, list[str]()

    def is_let(package: str, caller: Any, fromlist: Any) -> bool:
        if not isinstance(caller, dict) or "*" in (fromlist or ()) or own_modules.hides(package):
            return False
        if caller is namespace:
            return package in packages
        file = str(caller.get("__file__", ""))
        return file.startswith(directory + os.sep) and package in _imported_by(file)

    def guarded(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        try:
            return find(name, globals, locals, fromlist, level)
        except ModuleNotFoundError as problem:
            package = str(name).partition(".")[0]
            if level or problem.name != package or not is_let(package, globals, fromlist):
                raise
            if package not in imported:
                imported.append(package)
            return _Absent(package)

    builtins.__import__ = guarded
    return imported


@functools.cache
def _imported_by(file: str) -> frozenset[str]:
    try:
        with open(file, "rb") as source:
            return frozenset(imported_at_top(ast.parse(source.read())))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()


def imported_at_top(tree: ast.Module) -> set[str]:
    """The packages that a source imports at its top, less those that it imports in a `try`."""
    found, guarded = set[str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Try, *_TRY_STAR)):
            guarded.update(_packages(node))
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom, ast.If, ast.With)):
            found.update(_packages(statement))
    return found - guarded


def _packages(node: ast.AST) -> Iterator[str]:
    """What the imports in a statement import, by the names of packages."""
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in each.names)
        elif isinstance(each, ast.ImportFrom) and each.module and not each.level:
            yield each.module.partition(".")[0]


_TRY_STAR = (ast.TryStar,) if sys.version_info >= (3, 11) else ()


class _Absent:
    """A package that is not there, or something in it."""

    def __init__(self, package: str) -> None:
        vars(self)["_package"] = package

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            _raises(self)
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __or__(self, other: Any) -> Any:
        return self

    __ror__ = __or__

    def __instancecheck__(self, value: Any) -> bool:
        return False


def _raises(self: _Absent, *args: Any, **kwargs: Any) -> Any:
    package = vars(self)["_package"]
    raise ModuleNotFoundError(f"No module named {package!r}", name=package)


_USES = (
    "call mro_entries iter next len contains enter exit setitem delitem array jax_array int float index "
    "add radd sub rsub mul rmul truediv rtruediv floordiv pow rpow mod matmul rmatmul neg lt le gt ge await"
)
for _use in _USES.split():
    setattr(_Absent, f"__{_use}__", _raises)
