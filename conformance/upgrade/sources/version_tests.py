"""Tests of a release's version: with which releases of JAX, Flax or Python their branches run."""

import ast
from collections.abc import Callable, Mapping

from packaging.requirements import InvalidRequirement, Requirement

from conformance.upgrade.sources.expressions import last

_LIBRARIES = frozenset({"jax", "jaxlib", "flax"})
_PARSERS = frozenset({"Version", "parse", "parse_version", "LooseVersion"})
_OPPOSITE = {">=": "<", "<": ">=", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
_SIGNS: Mapping[type[ast.cmpop], str] = {
    ast.GtE: ">=",
    ast.Gt: ">",
    ast.LtE: "<=",
    ast.Lt: "<",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_SWAPPED = {">=": "<=", "<=": ">=", ">": "<", "<": ">", "==": "==", "!=": "!="}
_ALL, _OF_PYTHON = 3, 5
"""The numbers of a version of JAX or Flax, and the parts of `sys.version_info`."""

Resolve = Callable[[ast.expr], tuple[str, ...]]
"""What gives the dotted names of JAX or Flax that an expression may stand for."""


def releases(test: ast.expr, resolve: Resolve, assigned: Mapping[str, ast.expr]) -> tuple[str, str]:
    """The requirements under which the two branches of a test run, such as `jax>=0.6` and `jax<0.6`.

    Args:
        test: What an `if` asks.
        resolve: Gives the names of JAX or Flax that an expression may stand for.
        assigned: By name, what the file's variables hold that are assigned once, at its top.

    Returns:
        Of the branch where it holds, and of the other; empty for a test that is not of this kind. Versions
        that are compared as text are of no such kind: as text, '0.10' is before '0.6'.

    """
    if isinstance(test, ast.Name) and test.id in assigned:
        return releases(assigned[test.id], resolve, {})
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        holds, otherwise = releases(test.operand, resolve, assigned)
        return otherwise, holds
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        parts = [releases(each, resolve, assigned)[0] for each in test.values]
        return _both(parts), ""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return "", ""
    sign = _SIGNS.get(type(test.ops[0]), "")
    left, right = (_value(each, assigned) for each in (test.left, test.comparators[0]))
    found = _compared(left, sign, right, resolve)
    if not found and sign:
        found = _compared(right, _SWAPPED[sign], left, resolve)
    if not found:
        return "", ""
    library, sign, version = found
    try:
        Requirement(f"{library}{sign}{version}")
    except InvalidRequirement:  # the text is no version
        return "", ""
    return f"{library}{sign}{version}", f"{library}{_OPPOSITE[sign]}{version}"


def _both(requirements: list[str]) -> str:
    """One requirement of several, where they are all known, and of one library."""
    if not all(requirements):
        return ""
    asked = [Requirement(each) for each in requirements]
    if len({each.name for each in asked}) > 1:
        return ""
    return f"{asked[0].name}{','.join(str(each.specifier) for each in asked)}"


def _value(node: ast.expr, assigned: Mapping[str, ast.expr]) -> ast.expr:
    return assigned.get(node.id, node) if isinstance(node, ast.Name) else node


def _compared(
    left: ast.expr, sign: str, right: ast.expr, resolve: Resolve
) -> tuple[str, str, str] | None:
    """The library, and what its version is compared with; None where the left side is no version."""
    parsed = _argument(left, _PARSERS)
    if parsed is not None:
        library, wanted = _version_of(parsed, resolve), _argument(right, _PARSERS)
        if library and isinstance(wanted, ast.Constant) and isinstance(wanted.value, str) and sign:
            return library, sign, wanted.value
        return None
    library, count = _parts(left, resolve)
    numbers = _numbers(right)
    if not library or not numbers or len(numbers) > count or not sign:
        return None
    if len(numbers) < count:
        # A tuple that goes on is more than one that ends there: (0, 6, 0) > (0, 6).
        sign = {">": ">=", "<=": "<"}.get(sign, sign)
        return None if sign in ("==", "!=") else (library, sign, _dotted(numbers))
    if sign in (">", "<="):
        sign, numbers = {">": ">=", "<=": "<"}[sign], [*numbers[:-1], numbers[-1] + 1]
    return library, sign, _dotted(numbers) + (".*" if sign in ("==", "!=") else "")


def _dotted(numbers: list[int]) -> str:
    return ".".join(map(str, numbers))


def _argument(node: ast.expr, functions: frozenset[str]) -> ast.expr | None:
    """The only argument of a call of one of these functions."""
    if isinstance(node, ast.Call) and last(node.func) in functions and len(node.args) == 1:
        return node.args[0]
    return None


def _version_of(node: ast.expr, resolve: Resolve) -> str:
    """The library whose version an expression is, as text."""
    asked = _argument(node, frozenset({"version"}))  # importlib.metadata.version("jax")
    if isinstance(asked, ast.Constant):
        return asked.value if asked.value in _LIBRARIES else ""
    return _of_library(node, "__version__", resolve)


def _of_library(node: ast.expr, attribute: str, resolve: Resolve) -> str:
    names = resolve(node)
    library, _, rest = names[0].partition(".") if len(names) == 1 else ("", "", "")
    return library if rest.removeprefix("version.") == attribute else ""


def _parts(node: ast.expr, resolve: Resolve) -> tuple[str, int]:
    """The library whose version an expression is, as numbers, and how many of them there are at most."""
    if isinstance(node, ast.Subscript) and (count := _first(node)):
        return _parts(node.value, resolve)[0], count
    if ast.unparse(node) == "sys.version_info":
        return "python", _OF_PYTHON
    if library := _of_library(node, "__version_info__", resolve):
        return library, _ALL
    if (isinstance(node, ast.Call) and last(node.func) in {"tuple", "list"}) or isinstance(
        node, ast.ListComp
    ):
        return _split(node, resolve)
    return "", 0


def _split(node: ast.expr, resolve: Resolve) -> tuple[str, int]:
    """The same of `tuple(map(int, jax.__version__.split(".")[:2]))` and its like."""
    counts = [_first(each) for each in ast.walk(node) if isinstance(each, ast.Subscript)]
    texts = [
        _version_of(each.func.value, resolve)
        for each in ast.walk(node)
        if isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr == "split"
    ]
    if len(texts) != 1 or len(counts) > 1 or not all(counts):
        return "", 0
    return texts[0], counts[0] if counts else _ALL


def _first(node: ast.Subscript) -> int:
    """How many `[:n]` takes; 0 for another subscript."""
    match node.slice:
        case ast.Slice(lower=None, upper=ast.Constant(int() as count), step=None):
            return count
    return 0


def _numbers(node: ast.expr) -> list[int]:
    """The whole numbers of a tuple or list; none where it holds anything else."""
    if not isinstance(node, ast.Tuple | ast.List):
        return []
    found = [each.value for each in node.elts if isinstance(each, ast.Constant)]
    numbers = [each for each in found if isinstance(each, int)]
    return numbers if len(numbers) == len(node.elts) else []


def assigned_once(tree: ast.Module) -> dict[str, ast.expr]:
    """By name, what the variables of a file hold that are assigned once, at its top."""
    stored = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    ]
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and stored.count(target.id) == 1
    }
