"""Versions that are compared as text: '0.10' is before '0.9' there."""

import ast
import re
from collections.abc import Iterator, Sequence

import attrs

_LIBRARIES = frozenset({"jax", "jaxlib", "flax"})
_SIGNS = {ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Lt: "<"}
_SWAPPED = {">=": "<=", "<=": ">=", ">": "<", "<": ">"}


@attrs.frozen
class AsText:
    """A comparison of a library's version with a text."""

    library: str
    sign: str
    version: str

    def __str__(self) -> str:
        return f"{self.library}.__version__ {self.sign} '{self.version}'"


def compared_in(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, str]]:
    """The lines of a file that compare such a version as text, each with the comparison.

    Args:
        nodes: All nodes of the file.

    """
    held = {
        target.id: library
        for node in nodes
        if isinstance(node, ast.Assign) and (library := _library(node.value, {}))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in nodes:
        if not isinstance(node, ast.Compare) or len(node.ops) != 1:
            continue
        sign = _SIGNS.get(type(node.ops[0]), "")
        sides = node.left, node.comparators[0]
        for (one, other), said in ((sides, sign), (sides[::-1], _SWAPPED.get(sign, ""))):
            library = _library(one, held)
            if (
                library
                and said
                and isinstance(other, ast.Constant)
                and isinstance(other.value, str)
            ):
                yield node.lineno, str(AsText(library, said, other.value))


def _library(node: ast.expr, held: dict[str, str]) -> str:
    """The library whose version an expression is."""
    if isinstance(node, ast.Name):
        return held.get(node.id, "")
    name = ast.unparse(node).replace(".version.", ".")
    library, _, attribute = name.partition(".")
    return library if attribute == "__version__" and library in _LIBRARIES else ""


def read(operation: str) -> AsText | None:
    """The comparison that an operation's name says; None for another operation."""
    found = re.fullmatch(r"(\w+)\.__version__ (>=|>|<=|<) '(.*)'", operation)
    return AsText(*found.groups()) if found else None
