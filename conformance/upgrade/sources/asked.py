"""What a file asks of objects: their kind, their class, their text."""

import ast
from collections.abc import Iterator, Sequence

from conformance.upgrade.sources.expressions import NUMPY, last, owner

_KINDS = frozenset({"Variable", "VariableState", "Param"})
"""Of what a State holds."""
_CLASSES = frozenset({"ndarray", "Array", "Tracer"})
_DEVICES = frozenset({"devices", "local_devices"})


def asked_in(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, str]]:
    """Lines, and what is asked there.

    Args:
        nodes: All nodes of a file.

    """
    yield from ((line, "a kind asked for") for line in _types(nodes))
    texts = set(_texts(nodes))
    for node in nodes:
        if isinstance(node, ast.FormattedValue) and _is_device(node.value, texts):
            yield node.lineno, "a device as text"
        if not isinstance(node, ast.Call):
            continue
        name, first = last(node.func), node.args[0] if node.args else None
        if name in {"str", "repr", "format"} and first and _is_device(first, texts):
            yield node.lineno, "a device as text"
        if name == "register" and first and last(first) in _CLASSES | _KINDS:
            yield node.lineno, "a class asked for"
        if name in {"isinstance", "issubclass"} and len(node.args) > 1:
            among = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
            asked = {last(each) for each in among if owner(each) not in NUMPY}
            yield from [(node.lineno, "a tuple asked for")] if "tuple" in asked else []
            yield from [(node.lineno, "a kind asked for")] if asked & _KINDS else []
            of_class = name == "issubclass" and asked & _CLASSES
            yield from [(node.lineno, "a class asked for")] if of_class else []


def _types(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines where the type of an object is asked for, not to say it in a text or of what was caught."""
    caught = {node.name for node in nodes if isinstance(node, ast.ExceptHandler)}
    said = {
        id(each)
        for node in nodes
        if isinstance(node, ast.Raise | ast.FormattedValue)
        for each in ast.walk(node)
    }
    for node in nodes:
        if isinstance(node, ast.Call) and last(node.func) == "type" and len(node.args) == 1:
            known = id(node) in said or last(node.args[0]) in caught
            yield from [] if known else [node.lineno]


def _is_device(node: ast.expr, texts: set[str]) -> bool:
    """Whether it is a device, or several: not a number per device, nor what is a text already."""
    if isinstance(node, ast.Subscript):
        return _made_by(node.value) in _DEVICES
    name = last(node)
    named = name == "device" or (name.endswith("_device") and not name.endswith("per_device"))
    return (named and name not in texts) or (
        isinstance(node, ast.Call) and _made_by(node) in _DEVICES
    )


def _made_by(node: ast.expr) -> str:
    return last(node.func if isinstance(node, ast.Call) else node)


def _texts(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Names that the file says to be texts: by an annotation, a default, or what they are compared with."""
    for node in nodes:
        if isinstance(node, ast.arg) and node.annotation and "str" in ast.unparse(node.annotation):
            yield node.arg
        if isinstance(node, ast.Compare):
            compared = [each for side in node.comparators for each in ast.walk(side)]
            if any(isinstance(e, ast.Constant) and isinstance(e.value, str) for e in compared):
                yield last(node.left)
        if isinstance(node, ast.FunctionDef):
            for argument, value in _defaults(node.args):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield argument.arg


def _defaults(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    by_position = [*arguments.posonlyargs, *arguments.args]
    with_default = by_position[len(by_position) - len(arguments.defaults) :]
    yield from zip(with_default, arguments.defaults, strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
