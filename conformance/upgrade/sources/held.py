"""Containers that an object holds, and that its text fills after it makes them."""

import ast
from collections.abc import Iterator, Sequence

from conformance.upgrade.sources.expressions import last

_STARTS = frozenset({"__init__", "setup"})
"""Methods in which a module gets its parts."""


_NOT_OF_MODULES = frozenset(
    {"len", "sum", "min", "max", "abs", "round", "int", "float", "str", "bool", "range", "sorted"}
)
"""Functions of Python's whose results are no modules and no arrays."""


def is_held(node: ast.expr) -> bool:
    """Whether it is a container that Python's syntax makes, of what may be modules or arrays."""
    items: list[ast.expr] = []
    if isinstance(node, ast.ListComp):
        return _has_calls(node.elt)
    if isinstance(node, ast.DictComp):
        return _has_calls(node.value)
    if isinstance(node, ast.List | ast.Tuple):
        items = node.elts
    if isinstance(node, ast.Dict):
        items = node.values
    return any(map(_is_made, items))


def _is_made(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and last(node.func) not in _NOT_OF_MODULES


def _has_calls(node: ast.expr) -> bool:
    """Whether a part of it is made by a call; what `sum(...)` gives has no part that counts."""
    if isinstance(node, ast.Call) and not _is_made(node):
        return False
    return _is_made(node) or any(
        _has_calls(each) for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)
    )


def held_later(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines such as `self.layers = []`, where a call's result is put into it, and `self.layers = layers`."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and node.name in _STARTS:
            within = list(ast.walk(node))
            filled = set(_filled(within))
            made = dict(_made(within, filled))
            for target, (line, value) in made.items():
                is_local = isinstance(value, ast.Name) and value.id in made
                if target.startswith("self.") and (is_local or not is_held(value)):
                    yield line


def _made(nodes: Sequence[ast.AST], filled: set[str]) -> Iterator[tuple[str, tuple[int, ast.expr]]]:
    """Names and attributes that are containers of what is called, and where they are assigned."""
    known: set[str] = set()
    assigned = [node for node in nodes if isinstance(node, ast.Assign)]
    for node in sorted(assigned, key=lambda each: each.lineno):
        for target in node.targets:
            name = ast.unparse(target)
            of_known = isinstance(node.value, ast.Name) and node.value.id in known
            if is_held(node.value) or of_known or (name in filled and _is_empty(node.value)):
                known.add(name)
                yield name, (node.lineno, node.value)


def _filled(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Of what the result of a call becomes an item."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = node.args[-1] if node.args else None
            if last(node.func) in {"append", "insert"} and isinstance(given, ast.Call):
                yield ast.unparse(node.func.value)
            if last(node.func) == "extend" and given is not None and is_held(given):
                yield ast.unparse(node.func.value)
        if isinstance(node, ast.AugAssign) and is_held(node.value):
            yield ast.unparse(node.target)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            items = [each for each in node.targets if isinstance(each, ast.Subscript)]
            yield from (ast.unparse(item.value) for item in items)


def _is_empty(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return last(node.func) in {"list", "dict"} and not node.args and not node.keywords
    items = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", None)
    return items is not None and not items
