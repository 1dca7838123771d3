"""What a name in the user's sources stands for."""

import ast
import builtins
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

ARRAY = "jax.Array"
_OF_ARRAYS = ("jax.numpy", "jax.random", "jax.nn", "jax.lax")
"""Modules whose functions give arrays, but for a few."""
_OF_ANYTHING = frozenset(
    {
        *("cond", "switch", "scan", "while_loop", "fori_loop", "map", "associative_scan"),
        *("stop_gradient", "optimization_barrier", "psum", "pmean", "pmax", "pmin", "all_gather"),
        *("dtype", "finfo", "iinfo", "result_type", "promote_types", "shape", "vectorize"),
    }
)
"""Functions of these modules that return what the user's function returns, a tree like their argument, or no
array."""


class Bound(NamedTuple):
    """What a name stands for."""

    names: tuple[str, ...]
    """The dotted names of JAX or Flax that it may be; empty for anything else."""
    guarded: bool = False
    kind: Literal["name", "instance", "subclass"] = "name"
    """Whether it is what the names say, an object of that class, or a class of the user's derived from it."""
    hidden: frozenset[str] = frozenset()
    """Attributes of an object that the user's class defines itself."""
    type: str = ""
    """What `made` calls the type of the object, as far as the text says."""
    members: Mapping[str, "Bound"] = MappingProxyType({})
    """Of a module of the user's: what it has of JAX and Flax under names of its own."""

    def attribute(self, name: str) -> "Bound":
        """What an attribute of it stands for."""
        if name in self.members:
            return self.members[name]
        if not self.names or self.kind == "subclass" or name in self.hidden:
            return OTHER
        return Bound(tuple(f"{each}.{name}" for each in self.names), self.guarded)


OTHER = Bound(())


def made_by(called: Bound) -> Bound:
    """What a call of this gives: an object of a class, or an array of a function that gives arrays."""
    if called.kind == "subclass" and called.names:
        return called._replace(kind="instance")
    if called.kind != "name" or not called.names:
        return OTHER
    module, _, last = called.names[0].rpartition(".")
    if last[:1].isupper():
        return called._replace(kind="instance")
    if module.startswith(_OF_ARRAYS) and last not in _OF_ANYTHING:
        return called._replace(names=(ARRAY,), kind="instance")
    return OTHER


def bound_in(tree: ast.AST) -> frozenset[str]:
    """The names that a file binds anywhere, and those of Python: none of them is of a star import."""
    found = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return frozenset(found)


def own_attributes(node: ast.ClassDef) -> frozenset[str]:
    """What a class defines itself: its methods, its annotated names, and what it stores in its objects."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(each.name)
        elif isinstance(each, ast.Attribute | ast.Name) and not isinstance(each.ctx, ast.Load):
            found.add(each.attr if isinstance(each, ast.Attribute) else each.id)
    return frozenset(found)
