"""Containers that an object holds, and that its text fills after it makes them."""

import ast
from collections.abc import Iterator, Sequence

from conformance.upgrade.sources.expressions import last

_STARTS = frozenset({"__init__", "setup"})
"""Methods in which a module gets its parts."""

_NO_MODULES = frozenset({"object", "ABC", "NamedTuple", "Protocol", "Generic", "Enum"})
"""Bases of classes that are no modules."""
_NOT_OF_MODULES = frozenset(
    {"len", "sum", "min", "max", "abs", "round", "int", "float", "str", "bool", "range", "sorted"}
)
"""Functions of Python's whose results are no modules and no arrays."""


LAYERS = frozenset(
    f"flax.nnx.{name}"
    for name in (
        *(
            "Linear",
            "LinearGeneral",
            "Einsum",
            "Embed",
            "Conv",
            "ConvTranspose",
            "LoRA",
            "LoRALinear",
        ),
        *("LayerNorm", "RMSNorm", "GroupNorm", "InstanceNorm", "BatchNorm", "Dropout"),
        *("MultiHeadAttention", "Sequential", "RNN", "Bidirectional"),
        *("LSTMCell", "OptimizedLSTMCell", "GRUCell", "SimpleCell"),
    )
)
"""Layers of Flax's, each of which is a module."""


def items(node: ast.expr) -> list[ast.expr]:
    """What a list, a tuple or a dict that Python's syntax makes is made of; nothing of another expression."""
    match node:
        case ast.List() | ast.Tuple():
            return node.elts
        case ast.Dict():
            return node.values
        case ast.ListComp():
            return [node.elt]
        case ast.DictComp():
            return [node.value]
    return []


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


def filled_later(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines of methods that put a call's result into a plain container after the module has started.

    A class without a base that may be a module has none that Flax looks at.
    """
    for cls in nodes:
        if not isinstance(cls, ast.ClassDef) or {last(base) for base in cls.bases} <= _NO_MODULES:
            continue
        methods = [each for each in cls.body if isinstance(each, ast.FunctionDef)]
        given: dict[str, list[bool]] = {}
        within = [each for method in methods for each in ast.walk(method)]
        for assigned in (each for each in within if isinstance(each, ast.Assign)):
            for target in assigned.targets:
                given.setdefault(ast.unparse(target), []).append(is_empty(assigned.value))
        plain = {name for name, empty in given.items() if all(empty) and name.startswith("self.")}
        for method in (each for each in methods if each.name not in _STARTS):
            for node in ast.walk(method):
                if isinstance(node, ast.stmt | ast.Call) and not plain.isdisjoint(_filled([node])):
                    yield node.lineno


def _made(nodes: Sequence[ast.AST], filled: set[str]) -> Iterator[tuple[str, tuple[int, ast.expr]]]:
    """Names and attributes that are containers of what is called, and where they are assigned."""
    known: set[str] = set()
    assigned = [node for node in nodes if isinstance(node, ast.Assign)]
    for node in sorted(assigned, key=lambda each: each.lineno):
        for target in node.targets:
            name = ast.unparse(target)
            of_known = isinstance(node.value, ast.Name) and node.value.id in known
            if is_held(node.value) or of_known or (name in filled and is_empty(node.value)):
                known.add(name)
                yield name, (node.lineno, node.value)


def _filled(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Of what the result of a call becomes an item."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = node.args[-1] if node.args else None
            if last(node.func) in {"append", "insert"} and given is not None and _is_made(given):
                yield ast.unparse(node.func.value)
            if last(node.func) == "extend" and given is not None and is_held(given):
                yield ast.unparse(node.func.value)
        if isinstance(node, ast.AugAssign) and is_held(node.value):
            yield ast.unparse(node.target)
        if isinstance(node, ast.Assign) and _is_made(node.value):
            items = [each for each in node.targets if isinstance(each, ast.Subscript)]
            yield from (ast.unparse(item.value) for item in items)


def is_empty(node: ast.expr) -> bool:
    """Whether it is an empty list, tuple or dict, to be filled."""
    if isinstance(node, ast.Call):
        return last(node.func) in {"list", "dict"} and not node.args and not node.keywords
    items = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", None)
    return items is not None and not items


def held_from_callers(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines such as `self.layers = list(layers)`, where the file makes such an object with modules in a list.

    Args:
        nodes: All nodes of the file.

    """
    calls: dict[str, list[ast.Call]] = {}
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.setdefault(node.func.id, []).append(node)
    for cls in nodes:
        if not isinstance(cls, ast.ClassDef) or cls.name not in calls:
            continue
        for method in cls.body:
            if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                given = {name for call in calls[cls.name] for name in _containers(method, call)}
                yield from _kept(method, given)


def _containers(method: ast.FunctionDef, call: ast.Call) -> Iterator[str]:
    """The parameters of an `__init__` for which a call gives what is held as a container."""
    arguments = method.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)][1:]
    yield from (n for n, value in zip(names, call.args, strict=False) if is_held(value))
    if arguments.vararg and any(map(_is_made, call.args[len(names) :])):
        yield arguments.vararg.arg
    for word in call.keywords:
        if word.arg in {*names, *(each.arg for each in arguments.kwonlyargs)}:
            yield from [word.arg] if word.arg and is_held(word.value) else []
        elif arguments.kwarg and _is_made(word.value):
            yield arguments.kwarg.arg


def _kept(method: ast.FunctionDef, names: set[str]) -> Iterator[int]:
    """Lines that store one of these, or a list, tuple or dict of it, as an attribute of `self`."""
    for node in ast.walk(method):
        if not isinstance(node, ast.Assign):
            continue
        value = node.value
        if isinstance(value, ast.Call) and last(value.func) in {"list", "tuple", "dict"}:
            held = {last(each) for each in (*map(_unstarred, value.args), *_all_of(value))}
        else:
            held = {value.id} if isinstance(value, ast.Name) else set()
        mine = any(ast.unparse(each).startswith("self.") for each in node.targets)
        if mine and held & names:
            yield node.lineno


def _unstarred(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Starred) else node


def _all_of(call: ast.Call) -> Iterator[ast.expr]:
    """What is given as `**words`."""
    return (word.value for word in call.keywords if word.arg is None)
