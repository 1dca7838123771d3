"""What a file does with objects whose type its text does not say: operators, statements, texts, methods.

A name of JAX does not show in `spec == ("data",)` or in `with mesh:`. What is found here is that such an
operation is there. Whether its object is one of JAX's is not known.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence

from conformance.events.user_code import Operation
from conformance.upgrade.sources.arrays_given import arrays_in
from conformance.upgrade.sources.asked import asked_in
from conformance.upgrade.sources.captured import captured_in
from conformance.upgrade.sources.evidence import arrays_of_none, variables_compared
from conformance.upgrade.sources.expressions import NUMPY, is_none, last, owner, parsed
from conformance.upgrade.sources.given import assigned, given_in
from conformance.upgrade.sources.held import filled_later, held_from_callers, held_later, is_held
from conformance.upgrade.sources.literals import of_numbers, of_vectors
from conformance.upgrade.sources.maps import of_maps
from conformance.upgrade.sources.tree_arguments import trees_in
from conformance.upgrade.sources.versions_as_text import compared_in

_WRAPPERS = frozenset(
    {"vmap", "pmap", "grad", "value_and_grad", "jacfwd", "jacrev", "hessian", "checkpoint", "remat"}
)
"""Functions of JAX whose results do not have the methods of a function under `jit`."""
_OF_DTYPES = re.compile("type|float|int|bool|complex|bf16|prec")
_OF_SHAPES = re.compile("shape|size|dim|ax[ei]s|feature|batch|strides|pad")
_OF_AXES = re.compile("ax[ei]s|specs|sharding|static|donate")
"""Keywords whose trees say how others are mapped, and have None for what is not."""
_LONGEST = 1
"""Letters of a name of an array that is given for a dtype: longer names may be a dtype's."""
_COMPLEX = frozenset(
    {"fft", "fft2", "ifft", "rfft", "fftn", "hilbert", "eig", "eigvals", "conj", "imag", "angle"}
    | {"complex", "complex64", "complex128"}
)
"""Names that only code on complex numbers uses."""
_RARE_DTYPE = re.compile(r"u?int(8|16|64)|uint32|b?float(16|64)|float8\w+|complex(64|128)")
"""Dtypes that JAX gives only to who names them."""
_MADE = frozenset({"shape", "dtype", "sharding"})
_VALUES = frozenset({"value", "raw_value"})
"""Attributes of a Variable that are its array."""
_NO_ARRAYS = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.DictComp)
"""What is no array; a container of arrays is an operation of its own."""
_TEXTS = {
    "pjit": "pjit named",
    "mhlo.sharding": "mhlo.sharding named",
    "TFRT_CPU": "a device named",
}


def operations_in(source: bytes | str, file: str) -> list[Operation]:
    """The operations in one file that some changes concern, in its order, each once per line.

    Args:
        source: The file's text.
        file: Its path, as it is shown.

    """
    nodes = list(ast.walk(parsed(source, file)))
    wrapped = frozenset(_wrapped(nodes))
    found = {
        (int(getattr(node, "lineno", 1)), name)
        for node in nodes
        for look in _LOOKS
        for name in look(node)
    }
    found |= {(line, "a wrapped function lowered") for line in _lowered(nodes, wrapped)}
    found |= {(line, "a number as a key") for line in _keyed(nodes)}
    found |= {(line, "an array set on a module later") for line in _set_later(nodes)}
    found |= {(line, "an attribute changed in place") for line in _changed(nodes)}
    found |= {(line, "streams split again") for line in _split_again(nodes)}
    later = (*held_later(nodes), *held_from_callers(nodes))
    found |= {(line, "a container held") for line in later}
    found |= {(line, "a container filled by a method") for line in filled_later(nodes)}
    found |= {(line, "None among leaves") for line in _nones(nodes)}
    found |= {(line, "an array of None") for line in arrays_of_none(nodes)}
    found |= {(line, "equations taken apart") for line in _equations(nodes)}
    found |= {(line, "Variables compared") for line in variables_compared(nodes)}
    made = assigned(nodes)
    found |= {
        *given_in(nodes, made),
        *arrays_in(nodes, made),
        *captured_in(nodes),
        *asked_in(nodes),
        *trees_in(nodes),
        *compared_in(nodes),
    }
    return [Operation(file=file, line=line, name=name) for line, name in sorted(found)]


def _of_compare(node: ast.AST) -> Iterator[str]:
    """Comparisons with tuples, those of tests among them."""
    if isinstance(node, ast.Call) and last(node.func) in {"assertEqual", "assertTupleEqual"}:
        yield from ["a tuple compared"] if _has_tuple(node.args) else []
    if not isinstance(node, ast.Compare):
        return
    sides = (node.left, *node.comparators)
    same = any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)
    if same and any(isinstance(side, ast.Name) and side.id == "tuple" for side in sides):
        yield "a tuple asked for"
    equal = any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)
    among = any(isinstance(op, ast.In | ast.NotIn) for op in node.ops)
    # `x in ("a", "b")` compares `x` with what the tuple holds.
    within = [each for side in node.comparators for each in getattr(side, "elts", [])]
    if (equal and _has_tuple(sides)) or (among and _has_tuple([node.left, *within])):
        yield "a tuple compared"


def _has_tuple(nodes: Sequence[ast.expr]) -> bool:
    """Whether one of several expressions is a tuple, and none is of a shape, which is one already."""
    of_shapes = any(_OF_SHAPES.search(ast.unparse(node)) for node in nodes)
    return not of_shapes and any(isinstance(node, ast.Tuple) for node in nodes)


def _equations(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines with the parameters of what the file asks for its primitive, too: an equation of a jaxpr."""
    asked = [node for node in nodes if isinstance(node, ast.Attribute)]
    of_jaxprs = {ast.unparse(node.value) for node in asked if node.attr == "primitive"}
    for node in asked:
        if node.attr == "params" and ast.unparse(node.value) in of_jaxprs:
            yield node.lineno


def _of_containers(node: ast.AST) -> Iterator[str]:
    """None asked for of leaves, and tuples that are added."""
    if isinstance(node, ast.Lambda) and any(map(_asks_for_none, ast.walk(node.body))):
        yield "None among leaves"
    sides = [node.left, node.right] if isinstance(node, ast.BinOp) else []
    # `x.shape[:-1] + (n,)` is of tuples already.
    if any(isinstance(side, ast.Tuple) for side in sides) and not _OF_SHAPES.search(
        ast.unparse(node)
    ):
        yield "a tuple asked for"


def _nones(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines with None within a container, or mapped as a tree; not where all mapped trees have it."""
    passed: set[int] = set()
    for node in nodes:
        name = last(node.func) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name in {"array", "asarray"}:
            passed |= {id(each) for each in node.args}
        if isinstance(node, ast.keyword) and node.arg and _OF_AXES.search(node.arg):
            passed |= {id(each) for each in ast.walk(node.value)}
        if isinstance(node, ast.Call) and name in {"map", "tree_map"} and len(node.args) > 2:
            trees = node.args[1:]
            if any(map(is_none, trees)):
                yield node.lineno
            if all(any(map(is_none, ast.walk(tree))) for tree in trees):
                passed |= {id(each) for tree in trees for each in ast.walk(tree)}
    for node in nodes:
        held = node.values if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        if isinstance(node, ast.Dict | ast.List) and id(node) not in passed:
            yield from [node.lineno] if any(map(is_none, held)) else []


def _asks_for_none(node: ast.AST) -> bool:
    """Whether it is `x is None`."""
    return isinstance(node, ast.Compare) and any(map(is_none, node.comparators))


def _of_calls(node: ast.AST) -> Iterator[str]:
    """What is called with what."""
    if not isinstance(node, ast.Call):
        return
    name, first = last(node.func), node.args[0] if node.args else None
    if name in {"iter_modules", "iter_children"}:
        yield f"{name} called"
    if name == "Sequential" and not node.args and not node.keywords:
        yield "an empty sequence"
    if name == "hash" and isinstance(first, ast.Name):
        yield "a number as a key"
    for keyword in node.keywords:
        value = keyword.value
        if keyword.arg == "mask":
            yield "a mask given"
        if keyword.arg == "dtype" and last(value) in {"int", "int32"}:
            yield "whole numbers as a dtype"
        if keyword.arg == "dtype" and isinstance(value, ast.Name):
            named = _OF_DTYPES.search(value.id) or len(value.id) > _LONGEST
            yield from [] if named else ["an array as a dtype"]


def _of_statements(node: ast.AST) -> Iterator[str]:
    """Statements: `with`, and what is assigned to attributes."""
    if isinstance(node, ast.With):
        for item in node.items:
            entered = item.context_expr
            made = isinstance(entered, ast.Call) and last(entered.func) in {"Mesh", "make_mesh"}
            if made or isinstance(entered, ast.Name | ast.Attribute):
                yield "an object entered"
    for target in node.targets if isinstance(node, ast.Assign) else ():
        if not isinstance(target, ast.Attribute):
            continue
        if target.attr in _MADE and last(target.value) != "self":
            yield "a shape set"
        if last(target.value) == "self" and isinstance(node, ast.Assign) and is_held(node.value):
            yield "a container held"
        if isinstance(target.value, ast.Attribute) and target.attr not in _VALUES:
            yield "an attribute of a member set"


def _of_kinds(node: ast.AST) -> Iterator[str]:
    """Which kinds of objects the file has: complex numbers, dtypes."""
    named = last(node) if isinstance(node, ast.expr) else ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        named = node.value
    if _RARE_DTYPE.fullmatch(named):
        yield f"{named} named"
    if isinstance(node, ast.Call) and last(node.func) == "Embed" and _is_of_one(node):
        yield "an embedding of one"
    if isinstance(node, ast.expr) and last(node) in _COMPLEX:
        yield "complex numbers"
    if isinstance(node, ast.Constant) and isinstance(node.value, complex):
        yield "complex numbers"


def _is_of_one(node: ast.Call) -> bool:
    """Whether an embedding is told that it has one row: a number that the text does not show is not one."""
    given = [word.value for word in node.keywords if word.arg == "num_embeddings"] + node.args[:1]
    return bool(given) and isinstance(given[0], ast.Constant) and given[0].value == 1


def _of_texts(node: ast.AST) -> Iterator[str]:
    """Texts that name what JAX prints."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from (name for text, name in _TEXTS.items() if text in node.value)


_LOOKS: tuple[Callable[[ast.AST], Iterator[str]], ...] = (
    _of_compare,
    _of_containers,
    _of_calls,
    _of_statements,
    _of_kinds,
    _of_texts,
    of_maps,
    of_numbers,
    of_vectors,
)


def _wrapped(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Names that are assigned what a transform without `jit` gives."""
    for node in nodes:
        if isinstance(node, ast.Assign) and _is_wrapper(node.value):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _lowered(nodes: Sequence[ast.AST], wrapped: frozenset[str]) -> Iterator[int]:
    """Lines where such a function is lowered or traced."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            lowered = node.func.attr in {"lower", "trace"} and (node.args or node.keywords)
            if lowered and (_is_wrapper(node.func.value) or last(node.func.value) in wrapped):
                yield node.lineno


def _keyed(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines where a function looks up a parameter of its own, and keeps something under it."""
    for function in nodes:
        if not isinstance(function, ast.FunctionDef):
            continue
        mine = {arg.arg for arg in function.args.args}
        within = list(ast.walk(function))
        kept = {
            target.slice.id
            for node in within
            for target in (node.targets if isinstance(node, ast.Assign) else ())
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Name)
        }
        for node in within if mine & kept else ():
            asked = isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn)
            if isinstance(node, ast.Compare) and asked and last(node.left) in mine & kept:
                yield node.lineno


def _split_again(nodes: Sequence[ast.AST]) -> list[int]:
    """Lines that split streams after the first that does: where a module is made, then where it is called."""
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    return sorted(node.lineno for node in calls if last(node.func) == "split_rngs")[1:]


def _set_later(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines of methods that set an attribute which the class starts as None to what may be an array."""
    for cls in (node for node in nodes if isinstance(node, ast.ClassDef)):
        stored = [
            (method.name, target.attr, node)
            for method in cls.body
            if isinstance(method, ast.FunctionDef)
            for node in ast.walk(method)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Attribute) and last(target.value) == "self"
        ]
        empty = {attr for of, attr, node in stored if of == "__init__" and is_none(node.value)}
        for method, attr, node in stored:
            if method != "__init__" and attr in empty and not isinstance(node.value, _NO_ARRAYS):
                yield node.lineno


def _changed(nodes: Sequence[ast.AST]) -> Iterator[int]:
    """Lines where an attribute is changed in place that may be a Variable.

    That is no `.value` of one, and none to which the file assigns a number, a text or an array.
    """
    plain = {
        target.attr
        for node in nodes
        if isinstance(node, ast.Assign) and _is_plain(node.value)
        for target in node.targets
        if isinstance(target, ast.Attribute)
    }
    for node in nodes:
        if not (isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute)):
            continue
        if node.target.attr not in {*_VALUES, *plain}:
            yield node.lineno


def _is_plain(node: ast.expr) -> bool:
    """Whether it is a number, a text or an array: what NumPy's functions and JAX's give."""
    made_by = owner(node.func) if isinstance(node, ast.Call) else ""
    return isinstance(node, ast.Constant) or made_by in NUMPY | {"jnp", "jp"}


def _is_wrapper(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last(node.func) in _WRAPPERS
