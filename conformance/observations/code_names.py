"""Which public names of JAX and Flax the code of an observed call uses, and whether those are a user's."""

import builtins
import dis
import functools
import importlib
import re
import sys
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx

_OURS = ("conformance.", "properties.", "reference.")
_THEIRS = ("jax", "flax")
_LOOKED_UP = frozenset({"needed", "of_nnx"})
"""Functions that are given the name of what they look up."""
_LIBRARIES = (jax, jax.lax, jax.nn, jax.random, jnp, jnp.fft, jnp.linalg, nn, nnx)

_OF_ANY_CODE = """
    vmap jit eval_shape make_jaxpr ShapeDtypeStruct Array typeof config block_until_ready
    array asarray arange ones zeros full empty eye linspace ones_like zeros_like inf nan pi
    add subtract multiply divide negative square exp log sin cos sqrt tanh abs maximum minimum where
    matmul outer stack concatenate broadcast_to tile moveaxis issubdtype result_type floating integer
    inexact devices device_count key PRNGKey split fold_in key_data wrap_key_data randint Tracer
    Module compact Dense Linear Param Variable Rngs State init apply state merge update
"""
_EVERYWHERE = frozenset((*_OF_ANY_CODE.split(), *dir(jax.Array)))
"""What any code on arrays or of modules is made of, and what has an operator or a method as well."""
_OPTIONS = frozenset(
    {
        *("axis_name", "spmd_axis_name", "axis_size", "axis_index_groups"),
        *("donate_argnums", "static_broadcasted_argnums"),
    }
)
"""Keywords of maps and collectives that most code does not give."""
_DTYPE = re.compile(r"(u?int|b?float|complex)\d+|bool_")
_Seen = dict[int, Any]
"""What was looked at, by its identity. It is kept: what is gone leaves its identity to another."""
_TREES = ("jax.tree.", "jax.tree_util.", "jax.dtypes.")
_GROUPS = """
    grad value_and_grad vjp jacrev hessian DiffState
    jvp jacfwd linearize hessian
    checkpoint remat
    Mesh NamedSharding PartitionSpec P shard_map device_put with_sharding_constraint
"""
_EXPLICIT = frozenset(
    {"AxisType", "get_abstract_mesh", "make_mesh", "reshard", "set_mesh", "use_mesh"}
)
"""Names of which code over an Explicit mesh uses one: a `Mesh` that is told nothing else is none."""
_REFS = frozenset({"new_ref", "array_ref"})
"""Of these, code that freezes Refs uses one; Flax freezes dictionaries."""
_SYMMETRIC = tuple(frozenset(line.split()) for line in _GROUPS.strip().splitlines())
_ALIKE = (
    *((group, group) for group in _SYMMETRIC),
    (_EXPLICIT, _EXPLICIT | _SYMMETRIC[-1]),
    (_REFS, _REFS | {"freeze"}),
)
"""Names, and what code that uses one of them may as well use."""


def is_made_of(function: Callable[..., Any], names: Collection[str]) -> bool:
    """Whether a function's code uses no name of JAX and Flax but those that code with these names uses.

    Args:
        function: What is asked about.
        names: Dotted names, such as `jax.numpy.linalg.inv`, and keywords. No module matters: only the
            last part does.

    """
    return names_in(function) <= _with_alike(frozenset(names))


@functools.cache
def _with_alike(names: frozenset[str]) -> frozenset[str]:
    """The last parts of dotted names, and what code that uses one of them may as well use."""
    mine = frozenset(name.rpartition(".")[2] for name in names)
    return mine.union(*(alike for one, alike in _ALIKE if one & mine))


@functools.lru_cache(maxsize=64)
def names_in(function: Callable[..., Any]) -> frozenset[str]:
    """The names of JAX and Flax that a function's code uses, helpers of ours included.

    Args:
        function: A function, a lambda or a partial of one.

    Returns:
        The last part of each, such as `{"inv"}` for `lambda: jax.vmap(jnp.linalg.inv)(x)`, without what
        any code is made of. A method of an array is no name here. A rare keyword, such as
        `spmd_axis_name`, is one.

    """
    return frozenset(name.rpartition(".")[2] for name in dotted_in(function))


def dotted_in(function: Callable[..., Any]) -> frozenset[str]:
    """The same names with their modules, as far as the code says which these are."""
    return frozenset(
        name
        for name in _of_root(function)
        if not name.startswith(_TREES)
        for last in (name.rpartition(".")[2],)
        if last and last not in _EVERYWHERE and not _DTYPE.fullmatch(last)
    )


def of_trees_in(function: Callable[..., Any]) -> frozenset[str]:
    """The functions of trees that a function's code uses, which `names_in` leaves out."""
    return frozenset(name for name in _of_root(function) if name.startswith(_TREES))


def function_given(call: Callable[..., Any]) -> tuple[str, frozenset[str]] | None:
    """The function that a call is about, where it is told by its dotted name, and the keywords it is given.

    Args:
        call: Such as `partial(traced, "jax.numpy.sum", "float32", {"axis": 0})`.

    """
    given = call.args if isinstance(call, functools.partial) else ()
    names = [
        each for each in given if isinstance(each, str) and each.startswith(_THEIRS) and "." in each
    ]
    if not names:
        return None
    keywords = {str(word) for each in given if isinstance(each, dict) for word in each}
    return names[0], frozenset(keywords)


def _of_root(function: Callable[..., Any]) -> Iterator[str]:
    # A subject's function may be evaluated from text, of no module.
    if isinstance(function, types.FunctionType):
        return _of_function(function, {})
    return _of_value(function, {})


def _of_value(value: Any, seen: _Seen) -> Iterator[str]:
    """The names of what a function refers to: a function, a class, a container of such, or a name."""
    if id(value) in seen:
        return
    seen[id(value)] = value
    match value:
        case str():
            is_dotted = value.startswith(("jax.", "flax.")) and value not in sys.modules
            if is_dotted or value in _OPTIONS:
                yield value
        case functools.partial():
            given = (*value.args, *value.keywords.values())
            yield from _given_names(given)
            yield from _of_value([value.func, *given, *value.keywords], seen)
        case list() | tuple():
            for each in value:
                yield from _of_value(each, seen)
        case dict():
            yield from _of_value([*value, *value.values()], seen)
        case types.MethodType():
            yield from _of_value(value.__func__, seen)
        case types.FunctionType() if _is_ours(value):
            yield from _of_function(value, seen)
        case type() if _is_ours(value):
            yield from _of_value([*vars(value).values(), *value.__bases__], seen)
        case _ if _is_ruled(value):
            yield type(value).__name__
            yield from _of_value(value.fun, seen)
        case _ if callable(value) and str(getattr(value, "__module__", "")).startswith(_THEIRS):
            yield getattr(value, "__name__", "")


def _is_ruled(value: Any) -> bool:
    """Whether it is a function with a rule of its own, such as what `jax.custom_vjp` gives."""
    kind = type(value)
    return kind.__name__.startswith("custom_") and kind.__module__.startswith(_THEIRS)


def _is_ours(value: Any) -> bool:
    # What looks a name up, and records that there is none, is no part of the call.
    module = value.__module__ or ""
    return module.startswith(_OURS) and module != "conformance.observations.record"


def _given_names(values: Iterable[Any]) -> Iterator[str]:
    """The names among what a function is given: helpers of ours are told what to look up."""
    public = _public()
    yield from (value for value in values if isinstance(value, str) and value in public)


@functools.cache
def _public() -> frozenset[str]:
    libraries = (*_LIBRARIES, importlib.import_module("jax.scipy.special"))
    return frozenset(name for library in libraries for name in dir(library))


def _of_function(function: types.FunctionType, seen: _Seen) -> Iterator[str]:
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    yield from _of_value(defaults, seen)
    bound: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            bound[name] = cell.cell_contents
        except ValueError:  # it is bound after the function is made
            continue
    yield from _of_code(function.__code__, bound, function.__globals__, seen)


def _of_code(
    code: types.CodeType, bound: Mapping[str, Any], known: Mapping[str, Any], seen: _Seen
) -> Iterator[str]:
    """The names that a code object uses: `bound` are the values of its free names, `known` its globals."""
    for constant in code.co_consts:
        # The keywords of a call are a tuple among the constants.
        if isinstance(constant, tuple):
            yield from _OPTIONS.intersection(map(str, constant))
    value: Any = None
    imported = ""
    looks_up = False
    for opname, given in _instructions(code):
        match opname:
            case "LOAD_GLOBAL" | "LOAD_NAME" | "LOAD_DEREF" | "LOAD_CLASSDEREF":
                yield from _given_names([bound.get(given)])
                value = bound.get(given, known.get(given, getattr(builtins, given, None)))
                looks_up = given in _LOOKED_UP
                if not isinstance(value, types.ModuleType):
                    yield from _of_value(value, seen)
            case "LOAD_ATTR" | "LOAD_METHOD" if isinstance(value, types.ModuleType):
                name, value = f"{value.__name__}.{given}", getattr(value, given, None)
                if not isinstance(value, types.ModuleType):
                    yield from (name,) if name.startswith(_THEIRS) else _of_value(value, seen)
            case "IMPORT_NAME":
                imported = given
            case "IMPORT_FROM" if imported.startswith(_THEIRS):
                yield f"{imported}.{given}"
            case "LOAD_CONST" if isinstance(given, types.CodeType):
                yield from _of_code(given, bound, known, seen)
            case "LOAD_CONST" if isinstance(given, str):
                yield from (given,) if looks_up else _of_value(given, seen)
                # A helper is told a class by its name alone.
                yield from _given_names([given] if given[:1].isupper() else [])
                looks_up = False
            case _:
                value, looks_up = None, False


@functools.cache
def _instructions(code: types.CodeType) -> tuple[tuple[str, Any], ...]:
    """The instructions of a code object, without those that only Python's interpreter needs."""
    skipped = {"CACHE", "PUSH_NULL", "PRECALL"}
    return tuple(
        (i.opname, i.argval) for i in dis.get_instructions(code) if i.opname not in skipped
    )
