"""What a file's text says of its own names: which may be None, and which are Variables."""

import ast
from collections.abc import Iterator, Sequence

from conformance.upgrade.sources.expressions import NUMPY, is_none, last, owner, unsubscripted

_VARIABLES = frozenset(
    {"Variable", "Param", "BatchStat", "Cache", "Intermediate", "Perturbation", "LoRAParam"}
)
_OF_LAYERS = frozenset({"kernel", "bias", "scale", "embedding"})
"""What Flax's own layers call their Variables."""
_NAMES = (ast.Name, ast.List, ast.Tuple)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def arrays_of_none(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines where JAX makes an array of what may be None, or hold it, and is not asked whether it is.

    Args:
        nodes: All nodes of the file.

    """
    if not any(isinstance(node, ast.Call) and _makes_array(node) for node in nodes):
        return
    given = _given_none(nodes)
    for scope in nodes:
        if not isinstance(scope, ast.Module | _Function):
            continue
        # A name of one function is no other's.
        within = list(ast.walk(scope) if isinstance(scope, _Function) else _outside(scope))
        nones = set(_nones(within))
        if isinstance(scope, _Function):
            nones |= {*_empty_defaults(scope), *given.get(scope.name, ())}
        nones -= set(_asked(within))
        calls = (node for node in within if isinstance(node, ast.Call))
        yield from (call.lineno for call in calls if _makes_array_of(call, nones))


def _outside(module: ast.Module) -> Iterator[ast.AST]:
    """The nodes of a file that are within no function."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [each for each in ast.iter_child_nodes(node) if not isinstance(each, _Function)]


def _makes_array(node: ast.Call) -> bool:
    """Whether JAX makes an array of a name, or of a list or tuple."""
    if last(node.func) not in {"array", "asarray"} or owner(node.func) in NUMPY:
        return False
    return bool(node.args) and (is_none(node.args[0]) or isinstance(node.args[0], _NAMES))


def _makes_array_of(node: ast.Call, nones: set[str]) -> bool:
    return _makes_array(node) and _is_or_holds(node.args[0], nones)


def _is_or_holds(node: ast.expr, nones: set[str]) -> bool:
    """Whether it is None or one of these names, or a list or tuple of such."""
    if isinstance(node, ast.List | ast.Tuple):
        return any(_is_or_holds(each, nones) for each in node.elts)
    return is_none(node) or (isinstance(node, ast.Name) and node.id in nones)


def _nones(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Names to which None is assigned or appended, a list with None, or what a dictionary may lack."""
    for node in nodes:
        if (
            isinstance(node, ast.Call)
            and last(node.func) == "append"
            and any(map(is_none, node.args))
        ):
            yield owner(node.func)
        if not isinstance(node, ast.Assign):
            continue
        value = node.value
        looked_up = isinstance(value, ast.Call) and last(value.func) == "get"
        may_lack = looked_up and isinstance(value, ast.Call) and len(value.args) == 1
        if may_lack or _is_or_holds(value, set()):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _empty_defaults(function: _Function) -> Iterator[str]:
    """The parameters whose default is None."""
    by_position = [*function.args.posonlyargs, *function.args.args]
    defaults = function.args.defaults
    for argument, default in zip(
        by_position[len(by_position) - len(defaults) :], defaults, strict=True
    ):
        if is_none(default):
            yield argument.arg
    for argument, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if is_none(value):
            yield argument.arg


def _given_none(nodes: Sequence[ast.AST]) -> dict[str, set[str]]:
    """By the name of a function of the file: the parameters for which a call in it gives None."""
    functions = {node.name: node for node in nodes if isinstance(node, _Function)}
    found: dict[str, set[str]] = {}
    for call in nodes:
        if not isinstance(call, ast.Call) or last(call.func) not in functions:
            continue
        function = functions[last(call.func)]
        names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        names = names[1:] if names[:1] == ["self"] else names
        given = [*zip(names, call.args, strict=False)]
        given += [(word.arg, word.value) for word in call.keywords if word.arg]
        found.setdefault(function.name, set()).update(n for n, value in given if is_none(value))
    return found


def _asked(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Names that are compared with None, or of which it is asked whether they are true."""
    for node in nodes:
        if isinstance(node, ast.Compare) and any(map(is_none, node.comparators)):
            yield last(node.left)
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            yield last(node.test)
        if isinstance(node, ast.BoolOp):
            yield from map(last, node.values)


def variables_compared(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines where `==` or `!=` is of two objects of which the file's text shows one to be a Variable.

    Args:
        nodes: All nodes of the file.

    """
    classes = _VARIABLES | {
        node.name
        for node in nodes
        if isinstance(node, ast.ClassDef)
        and any(last(unsubscripted(base)) in _VARIABLES for base in node.bases)
    }
    known = set(_OF_LAYERS)
    assigned = [node for node in nodes if isinstance(node, ast.Assign)]
    for each in sorted(assigned, key=lambda each: each.lineno):
        made_by = last(each.value.func) if isinstance(each.value, ast.Call) else ""
        if made_by in classes or last(each.value) in known:
            known |= {last(target) for target in each.targets}
    for node in nodes:
        if not isinstance(node, ast.Compare):
            continue
        sides = (node.left, *node.comparators)
        equal = any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)
        if equal and all(isinstance(side, ast.Name | ast.Attribute) for side in sides):
            yield from [node.lineno] if any(last(side) in known for side in sides) else []
