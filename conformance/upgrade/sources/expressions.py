"""What an expression of a file's text is, by itself."""

import ast
import functools

NUMPY = frozenset({"np", "numpy", "onp"})
"""What users call NumPy."""


@functools.lru_cache(maxsize=1)
def parsed(source: bytes | str, file: str) -> ast.Module:
    """The tree of a file, which is read for several purposes, one after another.

    Raises:
        SyntaxError, ValueError: It is no Python.

    """
    return ast.parse(source, filename=file)


def last(node: ast.AST) -> str:
    """The last part of a dotted name; empty for what is none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def owner(node: ast.AST) -> str:
    """The last part but one of a dotted name; empty for what has none."""
    return last(node.value) if isinstance(node, ast.Attribute) else ""


def is_none(node: ast.AST | None) -> bool:
    """Whether it is the word None."""
    return isinstance(node, ast.Constant) and node.value is None


def handling(node: ast.Try) -> list[ast.ExceptHandler]:
    """What handles a failure; what raises another in its place provides for nothing."""
    return [each for each in node.handlers if not isinstance(each.body[-1], ast.Raise)]


def unsubscripted(node: ast.expr) -> ast.expr:
    """A class without what it is of: `nnx.Variable` of `nnx.Variable[jax.Array]`."""
    return node.value if isinstance(node, ast.Subscript) else node
