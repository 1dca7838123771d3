"""Of calls whose arguments a file's text shows: that they are of vectors, and of how many numbers."""

import ast
from collections.abc import Iterator

from conformance.upgrade.sources.expressions import last

_OF_VALUES = frozenset({"array", "asarray"})
_VECTORS = frozenset({"arange", "linspace", "logspace", "geomspace"})


def of_vectors(node: ast.AST) -> Iterator[str]:
    """Such as `cross of vectors` and `cross of vectors of 3`, where all arguments are shown to be vectors."""
    if not isinstance(node, ast.Call) or not node.args:
        return
    lengths = [_length(each) for each in node.args]
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in _OF_VALUES or any(length is None for length in lengths):
        return
    yield f"{name} of vectors"
    if all(map(_is_plain, node.args)):
        yield f"{name} of vectors of plain numbers"
    if len(set(lengths)) == 1 and lengths[0]:
        yield f"{name} of vectors of {lengths[0]}"


def of_numbers(node: ast.AST) -> Iterator[str]:
    """Such as `top_k given a number`, of Python's or a dict of such, and `ldexp of plain numbers`."""
    if not isinstance(node, ast.Call):
        return
    first = node.args[0] if node.args else None
    values = first.values if isinstance(first, ast.Dict) else [first]
    if values and all(value is not None and _is_number(value) for value in values):
        yield f"{last(node.func)} given a number"
    # Whole numbers alone are sizes.
    if any(map(_is_float, node.args)) and all(map(_is_positive, node.args)):
        yield f"{last(node.func)} of plain numbers"


def _length(node: ast.expr) -> int | None:
    """The number of items of a vector; 0 where only that it is one is known, None where nothing is."""
    if isinstance(node, ast.List):
        return _of_list(node)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
        return None
    first = node.args[0]
    if node.func.attr in _VECTORS:
        return 0
    if node.func.attr in _OF_VALUES:
        return _of_list(first)
    whole = isinstance(first, ast.Constant) and isinstance(first.value, int)
    return 0 if whole and node.func.attr in {"ones", "zeros"} else None


def _is_plain(node: ast.expr) -> bool:
    """Whether it is made of a list of numbers that are no edge of a function's domain."""
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    items = first.elts if isinstance(first, ast.List) else []
    return bool(items) and all(map(_is_positive, items))


def _is_float(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _is_positive(node: ast.expr) -> bool:
    return _is_number(node) and bool(ast.literal_eval(node) > 0)


def _of_list(node: ast.expr) -> int | None:
    """The length of a list of numbers; 0 of one that is put together."""
    if isinstance(node, ast.List):
        if all(map(_is_number, node.elts)):
            return len(node.elts)
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
        sides = [_of_list(each) for each in (node.left, node.right)]
        of_add = all(side is not None for side in sides)
        of_mult = any(side is not None for side in sides)
        return 0 if (of_add if isinstance(node.op, ast.Add) else of_mult) else None
    return None


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
