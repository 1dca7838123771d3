"""Where a file defines a function that it does not define at its top."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def places(source: str, names: Sequence[str]) -> dict[str, str]:
    """For each of `names` that is defined inside something: "class NAME", "def NAME" or "main".

    Args:
        source: the whole file.
        names: of functions.

    """
    try:
        tree = ast.parse(source)
        return {name: place for name, place in _defined(tree, "") if place and name in names}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}


def _defined(node: ast.AST, place: str) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        inside = place
        if isinstance(child, _FUNCTIONS):
            yield child.name, place
            inside = place or f"def {child.name}"
        elif isinstance(child, ast.ClassDef):
            inside = place or f"class {child.name}"
        elif isinstance(child, ast.If) and "__main__" in ast.dump(child.test):
            inside = place or "main"
        yield from _defined(child, inside)
