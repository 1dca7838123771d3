"""How a file maps over devices and axes, as far as its text shows."""

import ast
from collections.abc import Iterator

from conformance.upgrade.sources.expressions import last

_AXES = frozenset({"in_axes", "out_axes"})
_COLLECTIVES = frozenset({"psum_scatter", "all_to_all"})
_MAKERS = frozenset({"zeros", "ones", "empty", "full"})


def of_maps(node: ast.AST) -> Iterator[str]:
    """Negative axes, sizes of zero, devices that are chosen, a pmap within a pmap."""
    if isinstance(node, ast.Call):
        yield from _collectives(node)
    if isinstance(node, ast.keyword) and node.arg in _AXES and _is_negative(node.value):
        yield "a negative axis"
    if isinstance(node, ast.Subscript) and _last(node.value) in {"devices", "local_devices"}:
        index = node.slice.lower if isinstance(node.slice, ast.Slice) else node.slice
        if index is not None and not (isinstance(index, ast.Constant) and index.value == 0):
            yield "a device chosen"
    if isinstance(node, ast.Call):
        if _last(node.func) in _MAKERS and node.args and _has_zero(node.args[0]):
            yield "a size of zero"
        if _last(node.func) == "pmap" and any(map(_names_pmap, node.args)):
            yield "a pmap within a pmap"
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    if any(map(_names_pmap, decorators)) and any(map(_names_pmap, getattr(node, "body", ()))):
        yield "a pmap within a pmap"


def _collectives(node: ast.Call) -> Iterator[str]:
    """A collective that is given an axis counted from the end."""
    partial = last(node.func) == "partial"
    name = last(node.args[0]) if partial and node.args else last(node.func)
    given = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
    if name in _COLLECTIVES and any(map(_is_negative, given)):
        yield f"{name} from behind"


def _is_negative(node: ast.expr) -> bool:
    return any(isinstance(each, ast.USub) for each in ast.walk(node))


def _names_pmap(node: ast.AST) -> bool:
    return any(
        _last(each) == "pmap"
        for each in ast.walk(node)
        if isinstance(each, ast.Name | ast.Attribute)
    )


def _has_zero(node: ast.expr) -> bool:
    items = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(item, ast.Constant) and item.value == 0 for item in items)


def _last(node: ast.expr) -> str:
    """The last part of a name, or of that of a function that is called."""
    return last(node.func if isinstance(node, ast.Call) else node)
