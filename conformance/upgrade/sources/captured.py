"""What a file gives to maps and lifts, and what the mapped function captures, as far as its text shows."""

import ast
from collections.abc import Iterator, Sequence

from conformance.upgrade.sources.expressions import last

_LIFTS = frozenset(
    {"vmap", "pmap", "scan", "jit", "remat", "checkpoint", "grad", "value_and_grad", "shard_map"}
)
_VARIABLES = frozenset({"Param", "Variable", "BatchStat", "Cache", "Intermediate"})
_SEVERAL = 2
"""Metadata of a Variable that have an order."""


def captured_in(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, str]]:
    """Lines, and what is shown there.

    Args:
        nodes: All nodes of a file.

    """
    assigned = _variables(nodes)
    functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and _lifting(node.decorator_list):
            yield from ((node.lineno, name) for name in _calls_what_it_captures(node, assigned))
        if isinstance(node, ast.Assign) and any(map(_is_whole, node.targets)):
            yield node.lineno, "all items set"
        if not isinstance(node, ast.Call):
            continue
        if last(node.func) in _VARIABLES and len(node.keywords) >= _SEVERAL:
            yield node.lineno, "a Variable with metadata"
        if _lifting([node]):
            yield from ((node.lineno, name) for name in _given(node, assigned, functions))


def _given(
    call: ast.Call, assigned: set[str], functions: dict[str, ast.FunctionDef]
) -> Iterator[str]:
    """What a lift is given."""
    for word in call.keywords:
        if word.arg == "out_axes" and not all(map(_is_first, _leaves(word.value))):
            yield "a result along another axis"
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Attribute) and _root(first) in assigned:
        yield "a bound method mapped"
    given = functions.get(last(first)) if isinstance(first, ast.Name) else first
    if isinstance(given, ast.Lambda | ast.FunctionDef):
        yield from _calls_what_it_captures(given, assigned)


def _leaves(node: ast.expr) -> list[ast.expr]:
    """The items of nested tuples, or the expression itself."""
    if isinstance(node, ast.Tuple | ast.List):
        return [leaf for each in node.elts for leaf in _leaves(each)]
    return [node]


def _is_first(node: ast.expr) -> bool:
    """Whether it is the first axis, or none."""
    return isinstance(node, ast.Constant) and node.value in {None, 0}


def _lifting(nodes: Sequence[ast.expr]) -> bool:
    """Whether one of these is a lift, or a call or a partial of one."""
    for node in nodes:
        parts = [node.func, *node.args[:1]] if isinstance(node, ast.Call) else [node]
        if any(last(part) in _LIFTS for part in parts):
            return True
    return False


def _calls_what_it_captures(
    function: ast.Lambda | ast.FunctionDef, assigned: set[str]
) -> Iterator[str]:
    """Whether it calls an object that is no parameter of its own, and no function or class of the file."""
    given = function.args
    own = {arg.arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    own |= _variables(list(ast.walk(function)))
    called = {_root(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    if called & assigned - own:
        yield "a captured object called"


def _variables(nodes: Sequence[ast.AST]) -> set[str]:
    """The names of variables and parameters."""
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and _is_stored(node)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _root(node: ast.AST) -> str:
    """The first part of a dotted name; empty for what is none."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_whole(node: ast.expr) -> bool:
    """Whether it is `x[...]` or `x[:]`."""
    if not isinstance(node, ast.Subscript):
        return False
    return ast.unparse(node.slice) in {"...", ":"}
