"""What a file's text shows of arrays that calls are given: numbers, stacks of matrices, NumPy's arrays."""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence

from conformance.upgrade.sources.expressions import NUMPY, is_none, last

Made = dict[str, list[ast.expr]]
"""All that each name is assigned."""
_MAPS = frozenset({"vmap", "pmap"})
_MAKERS = frozenset({"ones", "zeros", "full", "ones_like", "zeros_like", "arange", "linspace"})
_SHAPED = frozenset({"ones", "zeros", "full", "empty", "normal", "uniform", "broadcast_to"})
_OF_MATRICES = frozenset({"cholesky", "cho_factor", "lu_factor", "inv", "lu", "qr"})
"""Functions that give a stack where they are given one."""
_SOLVES = frozenset({"cho_solve", "lu_solve", "solve_triangular", "solve"})
_RESHAPING = frozenset({"reshape", "transpose"})
"""Functions and methods that are given a size or an axis for each dimension."""
_SQUARE = frozenset({"eye", "identity", "diag"})
_STACK = 3
"""The dimensions of a stack of matrices."""
_PRODUCTS = frozenset({"dot", "vdot", "inner", "matmul", "einsum", "tensordot", "dot_general"})
_SQUARES = frozenset({"square", "norm"})
_TWO = 2


def arrays_in(nodes: Sequence[ast.AST], made: Made) -> Iterator[tuple[int, str]]:
    """Lines, and what is given there.

    Args:
        nodes: All nodes of a file.
        made: What the file assigns.

    """
    numpy = _numpy(nodes)
    yield from ((line, "a number mapped") for line in _mapped(nodes, made))
    yield from ((line, "a product and a square") for line in _squared(nodes))
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        name = last(node.func)
        if any(_is_of_numpy(each, made, numpy) for each in node.args):
            yield node.lineno, f"{name} of a NumPy array"
        if name in _SOLVES and node.args and _is_solve_of_stack(node, made):
            yield node.lineno, f"{name} of a stack of matrices"
        for keyword in node.keywords:
            if keyword.arg == "where" and _is_of_numbers(keyword.value, made):
                yield node.func.end_lineno or node.lineno, "numbers given as where"


def all_are(made: Made, name: str, holds: Callable[[ast.expr], bool]) -> bool:
    """Whether it holds of all that a name is assigned."""
    return bool(made.get(name)) and all(map(holds, made[name]))


def _is_of_numbers(node: ast.expr, made: Made) -> bool:
    """Whether an array is shown to be of numbers, and not of truth values."""
    if isinstance(node, ast.Name):
        return all_are(made, node.id, lambda value: _is_of_numbers(value, {}))
    if isinstance(node, ast.Subscript):
        return _is_of_numbers(node.value, made)
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Add | ast.Sub | ast.Div):
            return True
        return isinstance(node.op, ast.Mult) and any(map(_is_number, (node.left, node.right)))
    if isinstance(node, ast.Call):
        given = [*node.args, *(word.value for word in node.keywords)]
        made_so = last(node.func) in {*_MAKERS, "astype"}
        return made_so and not any("bool" in ast.unparse(each) for each in given)
    return False


def _is_number(node: ast.expr) -> bool:
    kinds = (int, float)
    return isinstance(node, ast.Constant) and type(node.value) in kinds


def _mapped(nodes: Sequence[ast.AST], made: Made) -> Iterator[int]:
    """Lines of maps whose function is then given a number."""
    for node in nodes:
        if not isinstance(node, ast.Call) or not any(map(_is_number, node.args)):
            continue
        maps = made.get(node.func.id, []) if isinstance(node.func, ast.Name) else [node.func]
        for each in maps:
            if isinstance(each, ast.Call) and last(each.func) in _MAPS:
                yield each.func.end_lineno or each.lineno


def _is_solve_of_stack(node: ast.Call, made: Made) -> bool:
    """Whether the matrix is one of a stack, and the other argument no stack of columns."""
    first, *others = node.args
    matrix = first.elts[0] if isinstance(first, ast.Tuple) and first.elts else first
    columns = others[0] if others else None
    as_columns = isinstance(columns, ast.Subscript) and any(map(is_none, ast.walk(columns.slice)))
    return _is_stack(matrix, made) and not as_columns


def _is_stack(node: ast.expr, made: Made) -> bool:
    """Whether an array is shown to have three dimensions or more, or to be what a map gives."""
    if isinstance(node, ast.Name):
        return all_are(made, node.id, lambda value: _is_stack(value, {**made, node.id: []}))
    if isinstance(node, ast.BinOp):
        return _is_stack(node.left, made) or _is_stack(node.right, made)
    if isinstance(node, ast.Subscript):
        # One more axis of a matrix: `jnp.eye(3)[None]`.
        more = any(map(is_none, ast.walk(node.slice)))
        return more and isinstance(node.value, ast.Call) and last(node.value.func) in _SQUARE
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Call):
        return last(node.func.func) == "vmap"
    if isinstance(node.func, ast.Name) and node.func.id in made:
        return all_are(made, node.func.id, _is_map)
    name = last(node.func)
    if name in _OF_MATRICES:
        return bool(node.args) and _is_stack(node.args[0], made)
    if name == "einsum":
        return len(_result_of_einsum(node)) >= _STACK
    if name in _RESHAPING:
        sizes = [each for each in node.args if not isinstance(each, ast.Tuple)]
        of_method = isinstance(node.func, ast.Attribute) and len(sizes) >= _STACK
        return of_method or _has_long_shape(node)
    return name in _SHAPED and _has_long_shape(node)


def _is_map(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last(node.func) == "vmap"


def _has_long_shape(node: ast.Call) -> bool:
    """Whether a call is given a tuple of three sizes or more."""
    shapes = [each for each in node.args if isinstance(each, ast.Tuple)]
    return any(len(shape.elts) >= _STACK for shape in shapes)


def _result_of_einsum(node: ast.Call) -> str:
    """The letters of what `einsum` gives; empty where they are not there to read."""
    first = node.args[0] if node.args else None
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    return text.partition("->")[2].replace(" ", "")


def _squared(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines with a product of arrays, in a function that squares something, or in one that it names."""
    named = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.Lambda))
    outside = [s for m in nodes if isinstance(m, ast.Module) for s in m.body if not _defines(s)]
    units: list[Sequence[ast.AST]] = [outside, *([each] for each in functions)]
    for unit in units:
        if not any(_is_square(node) for each in unit for node in ast.walk(each)):
            continue
        for node in _reached(unit, named):
            of_operator = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
            of_call = isinstance(node, ast.Call) and last(node.func) in _PRODUCTS
            if (of_operator or of_call) and isinstance(node, ast.expr):
                yield node.lineno


def _defines(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef)


def _reached(unit: Sequence[ast.AST], named: Mapping[str, ast.FunctionDef]) -> list[ast.AST]:
    """All within these nodes, and within the functions of the file that they name, one by another."""
    found = [node for each in unit for node in ast.walk(each)]
    followed: set[str] = set()
    for node in found:
        name = last(node)
        if name in named and name not in followed:
            followed.add(name)
            found.extend(ast.walk(named[name]))
    return found


def _is_square(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return isinstance(node.right, ast.Constant) and node.right.value == _TWO
    return isinstance(node, ast.Call) and last(node.func) in _SQUARES


def _numpy(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """What the file calls NumPy; some call `jax.numpy` so."""
    found = {
        alias.asname or alias.name: alias.name
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    return NUMPY - found.keys() | {name for name, module in found.items() if module == "numpy"}


def _is_of_numpy(node: ast.expr, made: Made, numpy: frozenset[str]) -> bool:
    """Whether a function of NumPy's makes it."""
    if isinstance(node, ast.Name):
        return all_are(made, node.id, lambda value: _is_of_numpy(value, {}, numpy))
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] in numpy
