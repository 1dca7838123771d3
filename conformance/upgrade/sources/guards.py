"""Questions for what a release has: its version, a name, an argument, or a variable that holds the answer."""

import ast
from collections.abc import Iterator, Sequence

from conformance.upgrade.sources.expressions import handling

_WORDS = ("'hasattr'", "version", "'Version'", "'TYPE_CHECKING'", "'signature'", "'getfullargspec'")
_OF_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError", "AttributeError"})


class Guards:
    """The questions of one file.

    Args:
        tree: The file.

    """

    def __init__(self, tree: ast.Module) -> None:
        self._answers = frozenset(_answers(tree))

    def what_is_there(self, test: ast.expr) -> bool:
        """Whether a test asks for what a release has."""
        return _asks(test) or self._knows(test)

    def _knows(self, test: ast.expr) -> bool:
        names = {each.id for each in ast.walk(test) if isinstance(each, ast.Name)}
        return bool(names & self._answers)

    def with_rest(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """A function's statements, where what follows `if VERSION: return ...` is its other branch."""
        for at, each in enumerate(body):
            if isinstance(each, ast.If) and isinstance(each.body[-1], ast.Return):
                said = ast.dump(each.test).lower()
                of_jax = any(word in said for word in ("jax", "flax", "nnx", "linen"))
                of_these = of_jax and _asks(each.test)
                if not each.orelse and (of_these or self._knows(each.test)):
                    rest = self.with_rest(body[at + 1 :])
                    return [*body[:at], ast.If(test=each.test, body=each.body, orelse=rest)]
        return list(body)


def _asks(test: ast.expr) -> bool:
    words = ast.dump(test)
    return any(word in words for word in _WORDS)


def _answers(tree: ast.Module) -> Iterator[str]:
    """Variables of the file that hold what a question gave, or whether an import failed."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and _asks(node.value) and _is_answer(node.value):
            yield from _names(node)
        if isinstance(node, ast.Try):
            failed = {
                name
                for handler in handling(node)
                if _OF_IMPORTS & {n.id for n in ast.walk(handler) if isinstance(n, ast.Name)}
                for each in handler.body
                if isinstance(each, ast.Assign)
                for name in _names(each)
            }
            for each in (*node.body, *node.orelse):
                if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant):
                    yield from failed & set(_names(each))


def _is_answer(value: ast.expr) -> bool:
    """Whether it is yes or no: not what one of two releases has."""
    of_no = isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)
    asked = isinstance(value, ast.Call) and ast.unparse(value.func) == "hasattr"
    return of_no or asked or isinstance(value, ast.Compare | ast.BoolOp)


def _names(node: ast.Assign) -> Iterator[str]:
    yield from (each.id for each in node.targets if isinstance(each, ast.Name))
