"""What a file's text shows to be given to calls, by what the file assigns: keys, arrays, lists, layouts."""

import ast
import re
from collections.abc import Iterator, Sequence

from conformance.upgrade.sources.arrays_given import Made, all_are
from conformance.upgrade.sources.expressions import NUMPY, is_none, last, owner

_KEYS = frozenset({"key", "split", "fold_in", "clone"})
_NAMED_KEY = re.compile(r"(^|_)(key|rng|prng)s?($|_)")
_ARRAYS = frozenset({"array", "asarray", "arange", "linspace", "ones", "zeros"})
_STACKS = frozenset({"hstack", "vstack", "dstack", "column_stack"})
_TRACING = frozenset({"jit", "vmap", "pmap", "grad", "value_and_grad"})
_SPECS = frozenset({"P", "PartitionSpec"})
_VARIABLES = frozenset({"BatchStat", "Cache", "Param", "Variable"})
_LAYOUTS = frozenset({"out_sharding", "sharding", "sharding_names"})
_MESHES = frozenset({"set_mesh", "use_mesh"})
_TREES = re.compile(r"pytree|register|(struct|chex)\.dataclass|\bmodule\b")
"""What decorates classes whose objects are trees, and what these derive from."""


def given_in(nodes: Sequence[ast.AST], made: Made) -> Iterator[tuple[int, str]]:
    """Lines, and what is shown there.

    Args:
        nodes: All nodes of a file.
        made: What the file assigns.

    """
    yield from ((line, "a pmap within a jit") for line in _compiled_pmaps(nodes))
    yield from ((line, "an object that is an array") for line in _arrays_by_method(nodes))
    has_mesh = any(map(_enters_a_mesh, nodes))
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            yield from ((line, "a number as a key") for line in _stored(node))
        if not isinstance(node, ast.Call):
            continue
        name, first = last(node.func), node.args[0] if node.args else None
        if name in {"asarray", "array"} and owner(node.func) in NUMPY and _is_key(first, made):
            yield node.lineno, "a key made a NumPy array"
        if any(_is_list(each, made) for each in node.args[:1]):
            yield node.lineno, f"{name} of a list"
        if name in _STACKS and _is_of_lists(first, made):
            yield node.lineno, "a list of lists given"
        if name in _SPECS and len(node.args) > 1 and is_none(first):
            yield node.lineno, "a layout by columns"
        yield from ((node.lineno, said) for said in (() if has_mesh else _laid_out(node)))
        if name == "initialize_carry" and _is_without_streams(node):
            yield node.lineno, "a carry started without streams"
        if name in {"type", "isinstance"} and first and last(first) == "sharding":
            yield node.lineno, "a kind of sharding asked for"
        for word in node.keywords:
            of_dtype = word.arg == "dtype" and isinstance(word.value, ast.Name)
            if of_dtype and all_are(made, last(word.value), _is_array):
                yield node.lineno, "an array as a dtype"


def _arrays_by_method(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines where a class says which array its objects are, and does not make trees of them."""
    registered = {
        last(node.args[0])
        for node in nodes
        if isinstance(node, ast.Call) and "register" in last(node.func) and node.args
    }
    for cls in (node for node in nodes if isinstance(node, ast.ClassDef)):
        by = " ".join(ast.unparse(each).lower() for each in (*cls.decorator_list, *cls.bases))
        is_tree = cls.name in registered or _TREES.search(by)
        for method in () if is_tree else cls.body:
            if isinstance(method, ast.FunctionDef) and method.name == "__jax_array__":
                yield method.lineno


def _compiled_pmaps(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines where a function under `jit` is a pmap, or calls one; a name of one function is no other's."""
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    inner = {id(each) for node in functions for each in ast.walk(node) if each is not node}
    outer = [node for node in nodes if id(node) not in inner]
    yield from _compiled_in(outer, {"pmap"})
    mapped = _pmaps(outer, {"pmap"})
    for function in functions:
        if id(function) not in inner:
            yield from _compiled_in(list(ast.walk(function)), mapped)


def _pmaps(nodes: Sequence[ast.AST], known: set[str]) -> set[str]:
    """The names of pmaps, beside those that are known."""
    mapped = {*known}
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and _names(node.decorator_list) & {"pmap"}:
            mapped.add(node.name)
        if isinstance(node, ast.Assign) and _names([node.value]) & {"pmap"}:
            mapped |= _names(node.targets)
    return mapped


def _compiled_in(nodes: Sequence[ast.AST], known: set[str]) -> Iterator[int]:
    mapped = _pmaps(nodes, known)
    functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and "jit" in _names(node.decorator_list):
            yield from [node.lineno] if _names(node.body) & mapped else []
        if isinstance(node, ast.Call) and last(node.func) == "jit":
            inner = [functions[name] for name in _names(node.args) & functions.keys()]
            yield from [node.lineno] if _names([*node.args, *inner]) & mapped else []


def _names(nodes: Sequence[ast.AST]) -> set[str]:
    """The last parts of all names within."""
    return {last(each) for node in nodes for each in ast.walk(node)} - {""}


def assigned(nodes: Sequence[ast.AST]) -> Made:
    """All that each name is assigned; a parameter of a function is assigned what nobody knows."""
    made: Made = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name):
                        made.setdefault(name.id, []).append(node.value)
        if isinstance(node, ast.arg):
            made.setdefault(node.arg, []).append(ast.Constant(None))
    return made


def _is_array(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last(node.func) in _ARRAYS


def _is_key(node: ast.expr | None, made: Made) -> bool:
    """Whether it is a key, as far as the name or what makes it says."""
    if isinstance(node, ast.Name):
        named = _NAMED_KEY.search(node.id) is not None
        return named or all_are(made, node.id, lambda value: _is_key(value, {}))
    return isinstance(node, ast.Call) and last(node.func) in _KEYS


def _is_of_lists(node: ast.expr | None, made: Made) -> bool:
    """Whether it is a display of lists or numbers."""
    if isinstance(node, ast.Name):
        return all_are(made, node.id, lambda value: _is_of_lists(value, {}))
    numbers = (ast.List, ast.ListComp, ast.Constant)
    return isinstance(node, ast.List | ast.Tuple) and any(isinstance(e, numbers) for e in node.elts)


def _is_list(node: ast.expr, made: Made) -> bool:
    """Whether it is a list, as far as the text shows."""
    if isinstance(node, ast.Name):
        return all_are(made, node.id, lambda value: _is_list(value, {}))
    made_by = last(node.func) if isinstance(node, ast.Call) else ""
    return isinstance(node, ast.List | ast.ListComp) or made_by == "list"


def _stored(function: ast.FunctionDef) -> Iterator[int]:
    """Lines where a traced function keeps something under a parameter, in what is no parameter."""
    traced = {last(each) for of in function.decorator_list for each in ast.walk(of)} & _TRACING
    static = any("static" in ast.unparse(each) for each in function.decorator_list)
    mine = {arg.arg for arg in function.args.args}
    for node in ast.walk(function) if traced and not static else ():
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if not (isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Name)):
                continue
            if target.slice.id in mine and last(target.value) not in {*mine, ""}:
                yield target.lineno


def _enters_a_mesh(node: ast.AST) -> bool:
    """Whether a mesh is set, which `with mesh:` does not do."""
    return isinstance(node, ast.Call) and last(node.func) in _MESHES


def _is_without_streams(node: ast.Call) -> bool:
    """Whether a cell starts its carry from a shape alone, or from streams that it is asked for."""
    given = [*node.args[1:], *(word.value for word in node.keywords)]
    if len(given) != 1 or not isinstance(node.func, ast.Attribute):
        return not given
    return ast.unparse(given[0]) == f"{ast.unparse(node.func.value)}.rngs"


def _laid_out(node: ast.Call) -> Iterator[str]:
    """Whether a layer or a Variable is given a layout, and no word on where it lies."""
    words = {keyword.arg for keyword in node.keywords}
    if words & {"eager_sharding", "mesh", None}:
        return
    by_words = last(node.func) == "with_metadata" and words & _LAYOUTS
    if last(node.func) == "with_partitioning" or by_words:
        yield "a layout without a mesh"
    if last(node.func) in _VARIABLES and words & _LAYOUTS:
        yield "a Variable with a layout without a mesh"
