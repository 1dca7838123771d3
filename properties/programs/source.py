"""A program as Python, which is also what runs: what a script shows is what was checked."""

import functools
import re
import textwrap
from collections.abc import Callable
from typing import Any

from properties.programs.constructs import CONSTRUCTS
from properties.programs.grammar import Block, Program, Statement, Value
from properties.programs.infer import inputs_of
from properties.programs.operations import COLLECTIVES, OPERATIONS
from properties.subject import Array

FILE = "<program>"
"""The file that Python says a program is from."""
IMPORTS = """\
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
"""
HELPERS = {
    "floats": """\
def floats(tree):
    return [x for x in tree if x.dtype == jnp.float32]
""",
    "total": """\
def total(results):
    return sum(jnp.sum(x) for x in results if x.dtype == jnp.float32)
""",
    "doubled": """\
def doubled(derivatives):
    return tuple(2 * x if x.dtype == jnp.float32 else x for x in derivatives)
""",
    "filled": """\
def filled(derivatives):
    zero = jax.custom_derivatives.SymbolicZero
    return tuple(np.zeros(x.shape, x.dtype) if isinstance(x, zero) else x for x in derivatives)
""",
    "parted": """\
def parted(results):
    return results[:-1], results[-1]
""",
    "joined": """\
def joined(results):
    return (*results[0], results[1])
""",
}
"""What programs use beside JAX, by name."""


def source(program: Program) -> str:
    """Python that defines `function`."""
    text = "\n".join(_function("function", program.body))
    helpers = [code for name, code in HELPERS.items() if re.search(rf"\b{name}\(", text)]
    return "\n\n".join([IMPORTS, *helpers, text]) + "\n"


def _function(name: str, block: Block) -> list[str]:
    lines = [f"def {name}({_names(block.takes)}):"]
    for statement in block.statements:
        lines += textwrap.indent(_statement(statement), "    ").splitlines()
    return [*lines, f"    return ({_names(block.gives)},)"]


def _names(numbers: tuple[int, ...]) -> str:
    return ", ".join(f"v{number}" for number in numbers)


def _statement(statement: Statement) -> str:
    """The functions that the statement's blocks are, and what it does with them."""
    first, operands = statement.gives[0], [f"v{number}" for number in statement.takes]
    construct = CONSTRUCTS.get(statement.does)
    if construct is None:
        return f"v{first} = {_expression(statement, operands)}"
    functions = [f"{letter}{first}" for letter in "fgh"[: len(statement.blocks)]]
    defined = [
        line + "\n"
        for name, block in zip(functions, statement.blocks, strict=True)
        for line in ["\n".join(_function(name, block))]
    ]
    given = dict(zip("fgh", functions, strict=False))
    text = construct.source.format(
        *operands,
        r=_names(statement.gives),
        a=", ".join(operands),
        rest="".join(f"{each}, " for each in operands[1:]),
        in_axes=statement.in_axes,
        axis=f"'i{first}'",
        kept=_kept(statement.blocks[0]),
        **given,
    )
    return "\n".join([*defined, text])


def _kept(block: Block) -> list[int | None]:
    """For each result of a block, the number of the parameter that it is, None where it is none."""
    return [block.takes.index(each) if each in block.takes else None for each in block.gives]


def _expression(statement: Statement, operands: list[str]) -> str:
    name = statement.does
    operation = OPERATIONS.get(name) or COLLECTIVES[name]
    first = operands[0] if operands else ""
    axis = f"i{statement.axis}"
    return operation.source.format(
        *operands, n=f"{first}.shape[0]", axis=repr(axis), size=f"lax.psum(1, {axis!r})"
    )


@functools.lru_cache(maxsize=64)
def function(program: Program) -> Callable[..., Any]:
    """The program, to be called with one example."""
    namespace: dict[str, Any] = {}
    exec(compile(source(program), FILE, "exec"), namespace)  # noqa: S102 (of our own vocabulary)
    made: Callable[..., Any] = namespace["function"]
    return made


def arguments(program: Program) -> tuple[Array, ...]:
    """What the program takes."""
    return tuple(_argument(value) for value in inputs_of(program))


def _argument(value: Value) -> Array:
    return Array(value.shape, kind="few", dtype=value.dtype)
