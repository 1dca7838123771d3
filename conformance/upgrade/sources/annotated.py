"""Variables of NNX that a file makes with names of a mesh's axes, and without a mesh."""

import ast

from conformance.events.user_code import Operation
from conformance.upgrade.sources.expressions import parsed
from conformance.upgrade.sources.scopes import Scopes

ANNOTATED = "NNX Variable: annotated with axes"
_WORDS = frozenset({"sharding", "sharding_names", "out_sharding"})
_PROVIDED = frozenset({"mesh", "eager_sharding"})
"""With either, no mesh has to be entered."""
_BY_METADATA = frozenset(
    f"flax.nnx.{name}"
    for name in ("Param", "Variable", "BatchStat", "Cache", "LoRAParam", "with_metadata")
)


def annotated_in(source: bytes | str, file: str) -> list[Operation]:
    """Calls such as `nnx.with_partitioning(init, ("data", "model"))`, by line.

    Only of calls whose text has names of axes: without any, nothing is annotated.

    Args:
        source: The file's text.
        file: Its path, as it is shown.

    """
    reader = _Reader(packages=frozenset({"flax"}))
    reader.visit(parsed(source, file))
    return [Operation(file=file, line=line, name=ANNOTATED) for line in sorted(set(reader.lines))]


class _Reader(Scopes, ast.NodeVisitor):
    def __init__(self, packages: frozenset[str]) -> None:
        super().__init__(packages=packages)
        self.lines: list[int] = []

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        name = next(iter(self.resolved(node.func).names), "")
        given = {word.arg: word.value for word in node.keywords}
        if not _PROVIDED.isdisjoint(given) or None in given:
            return
        axes = [value for word, value in given.items() if word in _WORDS]
        if name == "flax.nnx.with_partitioning":
            axes += node.args[1:2]
        elif name not in _BY_METADATA:
            return
        if any(map(_names_an_axis, axes)):
            self.lines.append(node.lineno)


def _names_an_axis(node: ast.expr) -> bool:
    return any(
        isinstance(each, ast.Constant) and isinstance(each.value, str) for each in ast.walk(node)
    )
