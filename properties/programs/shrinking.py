"""Programs that do less than another one."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from properties.programs import infer
from properties.programs.constructs import CONSTRUCTS
from properties.programs.grammar import (
    Block,
    IllTyped,
    Program,
    Statement,
    Value,
    names_in,
    pruned,
    statements_in,
)
from properties.programs.operations import constant

Types = Mapping[int, Value]


def smaller(program: Program) -> Iterator[Program]:
    """Programs that do less, those that do much less first."""
    types = infer.check(program)
    weight = _weight(program.body)
    for body in _variants(program.body, types, ()):
        candidate = Program(program.inputs, pruned(body))
        try:
            if _weight(candidate.body) < weight:
                infer.check(candidate)
                yield candidate
        except IllTyped:
            continue


def unused_inputs(program: Program) -> list[int]:
    """The positions of the inputs that the program does not use."""
    used = names_in(program.body)
    return [i for i, name in enumerate(program.body.takes) if name not in used]


def without_input(program: Program, position: int) -> Program:
    """The program without one of its inputs, which it does not use."""
    takes = program.body.takes
    body = replace(program.body, takes=takes[:position] + takes[position + 1 :])
    inputs = program.inputs[:position] + program.inputs[position + 1 :]
    return Program(inputs, body)


def _weight(block: Block) -> int:
    """How much a program does."""
    weights = {True: 1, False: 3}
    inner = statements_in(block)
    return 3 * len(block.gives) + sum(
        weights[each.does.startswith("ones-")] + 3 * len(each.blocks) for each in inner
    )


def _variants(block: Block, types: Types, around: tuple[int, ...]) -> Iterator[Block]:
    """The block with one result alone, or with one statement less, inlined or replaced."""
    if not around:
        for statement in block.statements:
            for name in statement.gives:
                yield replace(block, gives=(name,))
    for i in reversed(range(len(block.statements))):
        before, after = block.statements[:i], block.statements[i + 1 :]
        statement = block.statements[i]
        visible = (*around, *block.takes, *(name for each in before for name in each.gives))
        for middle, names in _instead(statement, types, visible):
            rest = _renamed(Block((), after, block.gives), names)
            yield Block(block.takes, (*before, *middle, *rest.statements), rest.gives)
        for j, inner in enumerate(statement.blocks):
            for other in _variants(inner, types, visible):
                blocks = (*statement.blocks[:j], other, *statement.blocks[j + 1 :])
                changed = replace(statement, blocks=blocks)
                yield replace(block, statements=(*before, changed, *after))


def _instead(
    statement: Statement, types: Types, visible: tuple[int, ...]
) -> Iterator[tuple[tuple[Statement, ...], dict[int, int]]]:
    """What may stand in a statement's place, and other names for the values that it defines."""
    for place in (0, -1):
        names, constants = {}, []
        for name in statement.gives:
            alike = [other for other in visible if types[other].type == types[name].type]
            if alike:
                names[name] = alike[place]
            else:
                constants.append(Statement((name,), constant(*types[name].type)))
        yield tuple(constants), names
    if statement.blocks and CONSTRUCTS[statement.does].shape in ("call", "branch"):
        inner = statement.blocks[-1]
        operands = statement.takes[-len(inner.takes) :]
        inlined = _renamed(inner, dict(zip(inner.takes, operands, strict=True)))
        yield inlined.statements, dict(zip(statement.gives, inlined.gives, strict=True))


def _renamed(block: Block, names: Mapping[int, int]) -> Block:
    def rename(those: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(names.get(each, each) for each in those)

    statements = tuple(
        replace(
            each,
            takes=rename(each.takes),
            blocks=tuple(_renamed(inner, names) for inner in each.blocks),
        )
        for each in block.statements
    )
    return Block(block.takes, statements, rename(block.gives))
