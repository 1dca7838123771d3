"""Whether a function loops in Python where its file maps nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

_MAPS = re.compile(r"\b(?:[vp]map|shard_map|xmap|vectorize|scan|fori_loop|while_loop)\b|\.map\b")
_COMMENT = re.compile(r"#[^\n]*")
_COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)


def without_map(source: str, names: Sequence[str]) -> list[str]:
    """The functions among `names` with a loop of Python's in them; none where a map is named anywhere.

    Args:
        source: the whole file.
        names: of functions.

    """
    if _MAPS.search(_COMMENT.sub("", source)):
        return []
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    own = {each.name: each for each in body if isinstance(each, ast.FunctionDef)}
    return [name for name in names if name in own and _loops(own[name])]


def _loops(function: ast.FunctionDef) -> bool:
    """Whether it loops over what may be examples: not over layers, nor as many things as it writes down."""
    nodes = list(ast.walk(function))
    loops = [each for node in nodes for each in _iterated(node)]
    # The arrays of one layer are no examples, either.
    of_layers = {
        name for target, over in loops if _of_layers(target, over) for name in _names(target)
    }
    others = (over for target, over in loops if not _of_layers(target, over))
    return any(isinstance(node, ast.While) for node in nodes) or not all(
        _of_fixed_length(over) or of_layers & _names(over) for over in others
    )


def _names(node: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _iterated(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """The variables and what is looped over, of each loop of a statement or comprehension."""
    if isinstance(node, ast.For):
        return [(node.target, node.iter)]
    if isinstance(node, _COMPREHENSIONS):
        return [(each.target, each.iter) for each in node.generators]
    return []


def _of_layers(target: ast.expr, over: ast.expr) -> bool:
    """Whether it goes over layers: `params`, or pairs, which examples are not."""
    if "params" in _names(over):
        return True
    of_call = isinstance(over, ast.Call) and isinstance(over.func, ast.Name)
    if of_call and ast.unparse(over).startswith(("zip(", "enumerate(", "reversed(")):
        return any(isinstance(each, ast.Tuple) for each in getattr(target, "elts", ()))
    return isinstance(target, ast.Tuple)


def _of_fixed_length(over: ast.expr) -> bool:
    """`(weights, biases)`, `2 * (axis,)`, `range(2)`, `in_axes`, or these in a `zip` or `enumerate`."""
    match over:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return not any(isinstance(each, ast.Starred) for each in elements)
        case ast.Name(id="in_axes"):
            return True
        case ast.IfExp(body=one, orelse=other):
            return _of_fixed_length(one) and _of_fixed_length(other)
        case ast.BinOp(left=one, op=ast.Mult(), right=other):
            parts = (one, other)
            counted = any(isinstance(each, ast.Constant) for each in parts)
            return counted and any(map(_of_fixed_length, parts))
        case ast.Call(func=ast.Name(id="range"), args=bounds):
            return all(isinstance(each, ast.Constant) for each in bounds)
        case ast.Call(func=ast.Name(id="zip"), args=parts):
            return any(_of_fixed_length(each) for each in parts)
        case ast.Call(func=ast.Name(id="enumerate" | "reversed"), args=[first, *_]):
            return _of_fixed_length(first)
    return False
