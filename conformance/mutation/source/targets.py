"""The functions of JAX and Flax that map, and how one of them is replaced.

Modules and functions are private names of JAX and Flax: what a release does not have is left out.
"""

import __future__

import ast
import contextlib
import fnmatch
import functools
import gc
import importlib
import types
from collections.abc import Iterator
from pathlib import Path

import attrs

from conformance.mutation.results import SlipResult
from conformance.mutation.source.operators import Slip

MODULES = {
    "jax._src.interpreters.batching": ("*",),
    "jax._src.api": ("vmap", "_mapped_axis_*", "_get_axis_size*", "*pmap*"),
    "jax._src.api_util": ("flatten_axes*",),
    "jax._src.lax.lax": ("*batch*",),
    "jax._src.lax.slicing": ("*batch*",),
    "jax._src.lax.parallel": ("*batch*",),
    "jax._src.lax.linalg": ("*batch*",),
    "jax._src.lax.convolution": ("*batch*",),
    "jax._src.lax.windowed_reductions": ("*batch*",),
    "jax._src.lax.fft": ("*batch*",),
    "jax._src.lax.other": ("*batch*",),
    "jax._src.lax.special": ("*batch*",),
    "jax._src.lax.ann": ("*batch*",),
    "jax._src.lax.control_flow.conditionals": ("*batch*",),
    "jax._src.lax.control_flow.loops": ("*batch*",),
    "jax._src.lax.control_flow.solves": ("*batch*",),
    "jax._src.ad_checkpoint": ("*batch*",),
    "jax._src.callback": ("*batch*",),
    "jax._src.custom_batching": ("*",),
    "jax._src.custom_derivatives": ("*_vmap",),
    "jax._src.pjit": ("*batch*",),
    "jax._src.pmap": ("*",),
    "jax._src.prng": ("*batch*",),
    "jax._src.random": ("*batch*",),
    "jax._src.shard_map": ("*batch*",),
    "jax._src.state.primitives": ("*batch*", "*vmap*"),
    "flax.core.lift": ("pack", "vmap", "*_axis*", "_split*", "group_*"),
    "flax.linen.transforms": ("vmap", "lift_*transform*", "module_class_lift_transform"),
    "flax.nnx.transforms.iteration": ("*vmap*", "*Vmap*", "*pmap*", "*Pmap*", "_update_variable*"),
    "flax.nnx.extract": ("*",),
}
"""By module: globs over the names of functions, `Class.method` for a method."""


@attrs.frozen
class Target:
    """A function that may be mutated."""

    module: str
    name: str
    """The function's name; `Class.method` for a method."""
    file: str
    definition: ast.FunctionDef = attrs.field(repr=False, eq=False)

    @property
    def id(self) -> str:
        """Such as `jax._src.interpreters.batching:moveaxis`."""
        return f"{self.module}:{self.name}"

    @property
    def lines(self) -> range:
        """The lines of its file."""
        decorated = [each.lineno for each in self.definition.decorator_list]
        first, last = self.definition.lineno, self.definition.end_lineno or self.definition.lineno
        return range(min([first, *decorated]), last + 1)


@functools.cache
def targets() -> dict[str, Target]:
    """The functions that the installed releases have, by id."""
    return {
        each.id: each for module, globs in MODULES.items() for each in _of_module(module, globs)
    }


def chosen(globs: tuple[str, ...]) -> dict[str, Target]:
    """The targets whose id matches one of the globs."""
    return {
        name: target
        for name, target in targets().items()
        if any(fnmatch.fnmatchcase(name, glob) for glob in globs)
    }


def _of_module(name: str, globs: tuple[str, ...]) -> Iterator[Target]:
    try:
        module = importlib.import_module(name)
    except ImportError:
        return
    file = str(module.__file__)
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for each in members:
            if isinstance(each, ast.FunctionDef):
                full = prefix + each.name
                if any(fnmatch.fnmatchcase(full, glob) for glob in globs):
                    yield Target(name, full, file, each)


@contextlib.contextmanager
def replaced(target: Target, definition: ast.FunctionDef) -> Iterator[bool]:
    """Give the function another body within the block, whoever refers to it.

    Args:
        target: The function.
        definition: Its changed definition.

    Yields:
        Whether there is such a function: one whose name was given to another since has none.

    """
    functions = [
        each
        for each in gc.get_objects()
        if isinstance(each, types.FunctionType)
        and each.__code__.co_filename == target.file
        and each.__code__.co_firstlineno in target.lines
        and each.__qualname__ == target.name
    ]
    code = _compiled(target, definition)
    whole = [function.__code__ for function in functions]
    try:
        for function in functions:
            function.__code__ = code
        yield bool(functions)
    finally:
        for function, before in zip(functions, whole, strict=True):
            function.__code__ = before


def result(
    target: str,
    slip: Slip,
    number: int,
    noticed_by: str | None,
    profile: str,
    *,
    reached: bool = True,
) -> SlipResult:
    """The result of a slip as it is sent and shown."""
    what = slip.operator, slip.line, slip.before, slip.after
    return SlipResult(target, *what, noticed_by, reached, number, profile)


def _compiled(target: Target, definition: ast.FunctionDef) -> types.CodeType:
    """The code of a definition, in its class where it has one, without running its decorators."""
    tree = ast.Module([definition], [])
    owner, _, _ = target.name.rpartition(".")
    if owner:
        tree = ast.parse(f"class {owner}:\n    pass")
        (inside,) = tree.body
        assert isinstance(inside, ast.ClassDef)
        inside.body = [definition]
    flags = __future__.annotations.compiler_flag
    ast.fix_missing_locations(tree)
    code: types.CodeType = compile(tree, target.file, "exec", flags, dont_inherit=True)
    for name in target.name.split("."):
        code = _inside(code, name)
    return code


def _inside(code: types.CodeType, name: str) -> types.CodeType:
    """The code of what has this name in the code of its module or class."""
    parts = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return next(each for each in parts if each.co_name == name)
