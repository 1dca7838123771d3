"""The types of a program's values, and how large they may be."""

from collections.abc import Mapping, Sequence

from properties.programs.constructs import CONSTRUCTS
from properties.programs.grammar import (
    INPUT,
    Block,
    IllTyped,
    Program,
    Scope,
    Statement,
    Value,
    statements_in,
)
from properties.programs.operations import COLLECTIVES, OPERATIONS

DEEPEST = 6
MOST = 200
"""Statements of a program."""

Axes = Mapping[int, int]
"""The axes that are mapped around a statement: the size of each by its number."""


Known = dict[int, Value]
"""What is known of every value of a program, the blocks within included."""


def check(program: Program) -> Known:
    """What is known of the values of a program.

    Raises:
        IllTyped: it is no program, or may compute what float32 rounds; in one sentence.
    """
    if len(statements_in(program.body)) > MOST:
        raise IllTyped(f"a program has {MOST} statements at most")
    _check_names(program.body, set())
    known: Known = {}
    results(program.body, inputs_of(program), {}, {}, known)
    for name, value in known.items():
        if not value.is_exact:
            raise IllTyped(f"the value {name} may be too large to be exact")
    return known


def inputs_of(program: Program) -> list[Value]:
    """What is known of the inputs."""
    return [Value(each.dtype, each.shape, INPUT, 1) for each in program.inputs]


def _check_names(block: Block, defined: set[int], depth: int = 0) -> None:
    if depth > DEEPEST:
        raise IllTyped(f"blocks are nested more than {DEEPEST} deep")
    _define(block.takes, defined)
    for statement in block.statements:
        for inner in statement.blocks:
            _check_names(inner, defined, depth + 1)
        _define(statement.gives, defined)


def _define(names: Sequence[int], defined: set[int]) -> None:
    for name in names:
        if name in defined:
            raise IllTyped(f"the value {name} is defined twice")
        defined.add(name)


def results(
    block: Block, parameters: Sequence[Value], scope: Scope, axes: Axes, known: Known
) -> list[Value]:
    """What a block gives of these parameters; what becomes known of values goes into `known`."""
    if len(parameters) != len(block.takes):
        raise IllTyped(f"a block takes {len(block.takes)} values, and is given {len(parameters)}")
    own = dict(zip(block.takes, parameters, strict=True))
    known.update(own)
    visible = {**scope, **own}
    for statement in block.statements:
        given = given_by(statement, visible, axes, known)
        if len(given) != len(statement.gives):
            raise IllTyped(
                f"{statement.does} gives {len(given)} values, not {len(statement.gives)}"
            )
        known.update(zip(statement.gives, given, strict=True))
        visible.update(zip(statement.gives, given, strict=True))
    return [_look_up(name, visible) for name in block.gives]


def _look_up(name: int, scope: Scope) -> Value:
    if name not in scope:
        raise IllTyped(f"the value {name} is not defined where it is used")
    return scope[name]


def given_by(statement: Statement, scope: Scope, axes: Axes, known: Known) -> list[Value]:
    """What a statement gives; what becomes known of the values within goes into `known`.

    Raises:
        IllTyped: it does not take such operands.
    """
    operands = [_look_up(name, scope) for name in statement.takes]
    construct = CONSTRUCTS.get(statement.does)
    if construct is None:
        return [_computed(statement, operands, axes)]
    if len(statement.blocks) != construct.blocks:
        raise IllTyped(f"{statement.does} has {construct.blocks} blocks")
    visible: Scope = {} if construct.closed else scope

    def body(number: int, parameters: Sequence[Value], bound: Axes | None = None) -> list[Value]:
        around = {} if construct.closed else {**axes, **(bound or {})}
        return results(statement.blocks[number], parameters, visible, around, known)

    try:
        return construct.infer(statement, operands, body)
    except (ValueError, IndexError) as error:
        # Too few operands or results to unpack.
        raise (
            error if isinstance(error, IllTyped) else IllTyped(f"{statement.does}: {error}")
        ) from None


def _computed(statement: Statement, operands: Sequence[Value], axes: Axes) -> Value:
    """What an operation or a collective gives."""
    name = statement.does
    operation = OPERATIONS.get(name) or COLLECTIVES.get(name)
    if operation is None:
        raise IllTyped(f"unknown operation {name!r}")
    if statement.blocks or len(operands) != operation.arity:
        raise IllTyped(f"{name} takes {operation.arity} operands and no block")
    if operation.collective and statement.axis not in axes:
        raise IllTyped(f"{name} is about the axis of a map around it")
    size = [axes[statement.axis]] if operation.collective and statement.axis is not None else []
    value = operation.rule(*size, *operands)
    if value is None:
        raise IllTyped(
            f"{name} does not take {', '.join(v.dtype + str(list(v.shape)) for v in operands)}"
        )
    return value
