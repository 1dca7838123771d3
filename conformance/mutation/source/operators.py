"""The slips: each changes one node of a function's syntax tree as a person might get it wrong.

They are operators of cosmic-ray and of mutmut. What only words a message is left out: annotations,
docstrings, assertions and what is raised. So are the defaults of parameters, which are no part of the
code that is replaced.
"""

import ast
import copy
from collections.abc import Callable, Iterator

import attrs

from conformance.mutation.results import CONTROL

Change = Callable[[ast.AST], ast.AST | None]
"""The changed node, or None where the operator has nothing to change there. The node stays as it is."""

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


@attrs.frozen
class Slip:
    """One change at one place of a function."""

    operator: str
    line: int
    """Of the module's file."""
    before: str
    """The code that is changed, as one line."""
    after: str
    _function: ast.FunctionDef
    _node: ast.AST
    _changed: ast.AST

    @property
    def definition(self) -> ast.FunctionDef:
        """The function with the change."""
        # A copy takes what the memo has for a node in place of a copy of the node.
        mutant = copy.deepcopy(self._function, {id(self._node): self._changed})
        return ast.fix_missing_locations(mutant)


def slips(function: ast.FunctionDef) -> Iterator[Slip]:
    """Every slip of a function, those of nested functions among them, in the order of the source.

    Args:
        function: The definition, with the line numbers of its file.

    """
    for node in _places(function):
        for name, change in OPERATORS.items():
            changed = change(node)
            if changed is not None:
                ast.copy_location(changed, node)
                yield Slip(name, node.lineno, _line(node), _line(changed), function, node, changed)


def control(function: ast.FunctionDef) -> Slip:
    """What changes nothing."""
    return Slip(CONTROL, function.lineno, "", "", function, function, function)


def _places(function: ast.FunctionDef) -> Iterator[ast.expr | ast.For | ast.If]:
    """The nodes that may be changed."""
    waiting: list[ast.AST] = [*reversed(function.body)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Assert | ast.Raise | ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.expr | ast.For | ast.If):
            yield node
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            parts = node.body if isinstance(node, ast.FunctionDef) else [node.body]
            waiting += reversed(parts)
        elif isinstance(node, ast.AnnAssign):
            waiting += [node.value] if node.value is not None else []
        elif not isinstance(node, ast.JoinedStr):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _comparison(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Compare):
        return None
    operators: list[ast.cmpop] = [_COMPARISONS[type(node.ops[0])](), *node.ops[1:]]
    return ast.Compare(node.left, operators, node.comparators)


def _and_or(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.BoolOp):
        return None
    return ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def _without_not(node: ast.AST) -> ast.AST | None:
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else None


def _other_branch(node: ast.AST) -> ast.AST | None:
    """Conditions that an operator of their own changes are left to it."""
    if not isinstance(node, ast.IfExp | ast.If):
        return None
    if isinstance(node.test, ast.Compare | ast.UnaryOp | ast.BoolOp):
        return None
    negated = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
    return type(node)(negated, node.body, node.orelse)  # type: ignore[arg-type] # the node's own parts


def _number(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Constant) or type(node.value) is not int:
        return None
    return ast.Constant(node.value + 1)


def _truth(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Constant) or type(node.value) is not bool:
        return None
    return ast.Constant(not node.value)


def _arithmetic(node: ast.AST) -> ast.AST | None:
    other = _ARITHMETIC.get(type(node.op)) if isinstance(node, ast.BinOp) else None
    return ast.BinOp(node.left, other(), node.right) if other is not None else None  # type: ignore[attr-defined] # a BinOp


def _sign(node: ast.AST) -> ast.AST | None:
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else None


def _no_iteration(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.For):
        return None
    return ast.For(node.target, ast.Tuple([], ast.Load()), node.body, node.orelse)


def _keyword_dropped(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Call) or not node.keywords or node.keywords[-1].arg is None:
        return None
    return ast.Call(node.func, node.args, node.keywords[:-1])


OPERATORS: dict[str, Change] = {
    "comparison": _comparison,
    "and-or": _and_or,
    "not": _without_not,
    "other-branch": _other_branch,
    "number": _number,
    "truth": _truth,
    "arithmetic": _arithmetic,
    "sign": _sign,
    "no-iteration": _no_iteration,
    "keyword-dropped": _keyword_dropped,
}
"""By name: the other comparison of its kind; `and` for `or`; a `not` left out; a
condition negated; a whole number one more; True for False; `+` for `-`; a minus left out;
a loop without a step; the last keyword of a call left out."""


def _line(node: ast.AST) -> str:
    if isinstance(node, ast.For):
        return f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}"
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    return " ".join(ast.unparse(node).split())
