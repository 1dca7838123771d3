"""Whether a function loops in Python where its file maps nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

_MAPS = re.compile(r"\b(?:[vp]map|shard_map|xmap|vectorize|scan|fori_loop|while_loop)\b|\.map\b")
_COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)


def without_map(source: str, names: Sequence[str]) -> list[str]:
    """The functions among `names` with a loop of Python's in them; none where a map is named anywhere.

    Args:
        source: the whole file.
        names: of functions.

    """
    if _MAPS.search(source):
        return []
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    own = {each.name: each for each in body if isinstance(each, ast.FunctionDef)}
    return [name for name in names if name in own and _loops(own[name])]


def _loops(function: ast.FunctionDef) -> bool:
    """Whether it loops over what may be examples: not over as many things as the source writes down."""
    return any(
        isinstance(node, ast.While) or not all(_of_fixed_length(over) for over in _iterated(node))
        for node in ast.walk(function)
    )


def _iterated(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.For):
        return [node.iter]
    if isinstance(node, _COMPREHENSIONS):
        return [each.iter for each in node.generators]
    return []


def _of_fixed_length(over: ast.expr) -> bool:
    """`(weights, biases)`, `range(2)`, `in_axes`, or these in a `zip` or `enumerate`."""
    match over:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return not any(isinstance(each, ast.Starred) for each in elements)
        case ast.Name(id="in_axes"):
            return True
        case ast.Call(func=ast.Name(id="range"), args=bounds):
            return all(isinstance(each, ast.Constant) for each in bounds)
        case ast.Call(func=ast.Name(id="zip"), args=parts):
            return any(_of_fixed_length(each) for each in parts)
        case ast.Call(func=ast.Name(id="enumerate" | "reversed"), args=[first, *_]):
            return _of_fixed_length(first)
    return False
