"""What a file gives JAX's functions of trees: iterators, and modules."""

import ast
from collections.abc import Iterator, Sequence

from conformance.upgrade.sources.expressions import last, owner

_FUNCTIONS = frozenset({"leaves", "map", "flatten", "structure", "reduce"})
"""Names that a function of `jax.tree` shares with others: the module distinguishes it."""
_NAMED = frozenset(f"tree_{name}" for name in _FUNCTIONS)
_MODULES = frozenset({"tree", "tree_util", "jtu", "jt"})
"""What users call `jax.tree` and `jax.tree_util`."""
_ITERATORS = frozenset({"zip", "map", "filter"})
_OF_A_DICT = frozenset({"values", "keys", "items"})
_NETWORKS = frozenset({"model", "module", "net", "network", "layer", "encoder", "decoder", "mlp"})
"""What users call a module."""


def trees_in(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, str]]:
    """Lines, and what is given there.

    Args:
        nodes: All nodes of a file.

    """
    own = set(_bound(nodes))
    for node in nodes:
        if not isinstance(node, ast.Call) or not _is_of_trees(node.func):
            continue
        if any(_is_iterator(each, own) for each in node.args):
            yield node.lineno, "an iterator as a tree"
        if any(map(_holds_a_module, node.args)):
            yield node.lineno, "a module as a tree"


def _is_of_trees(function: ast.expr) -> bool:
    name = last(function)
    return name in _NAMED or (name in _FUNCTIONS and owner(function) in _MODULES)


def _bound(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Names that the file imports or defines: of these, `filter` is none of Python's."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def _is_iterator(node: ast.expr, own: set[str]) -> bool:
    if isinstance(node, ast.GeneratorExp):
        return True
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        return node.func.attr in _OF_A_DICT and not node.args
    return last(node.func) in _ITERATORS - own


def _holds_a_module(node: ast.expr) -> bool:
    """Whether it is what users call a module, or a display of such."""
    if isinstance(node, ast.Dict):
        return any(map(_holds_a_module, node.values))
    if isinstance(node, ast.List | ast.Tuple):
        return any(map(_holds_a_module, node.elts))
    return last(node).removesuffix("s") in _NETWORKS
