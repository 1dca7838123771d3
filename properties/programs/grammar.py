"""A program as plain data: strictly decoded from JSON, and of numbered values that have one type each."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

Number = Annotated[int, Meta(ge=0, lt=2**16)]
"""The name of a value: no two of a program have the same."""
Extent = Literal[2, 3]
DType = Literal["float32", "int32", "bool"]


class Type(Struct, frozen=True, forbid_unknown_fields=True):
    """The type of a value: every dimension is of two or three."""

    dtype: DType
    shape: Annotated[tuple[Extent, ...], Meta(max_length=2)] = ()


class Statement(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One operation, or one construct around blocks; it defines one value or more."""

    gives: Annotated[tuple[Number, ...], Meta(min_length=1)]
    does: str
    """A name of `operations.OPERATIONS` or `constructs.CONSTRUCTS`."""
    takes: tuple[Number, ...] = ()
    blocks: "tuple[Block, ...]" = ()
    in_axes: tuple[Literal[0] | None, ...] = ()
    """Of an inner map alone: whether each operand is mapped."""
    axis: Number | None = None
    """Of a collective alone: the first value that the inner map defines whose axis it is about."""


class Block(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a function: it may also use the values that are defined around it."""

    takes: tuple[Number, ...]
    statements: tuple[Statement, ...]
    gives: Annotated[tuple[Number, ...], Meta(min_length=1)]


class Program(Struct, frozen=True, forbid_unknown_fields=True):
    """A function of one example."""

    inputs: Annotated[tuple[Type, ...], Meta(min_length=1, max_length=8)]
    body: Block


LARGEST = 2**17
"""No value of a program is larger, so that neither it nor its derivative is rounded in float32."""
INPUT = 2
"""No input is larger."""


class Value(NamedTuple):
    """What is known of a value before the program runs: its type, and how large it may be.

    Take every value for a polynomial of the inputs, and every coefficient for positive: `size` is what
    it then is of the largest inputs, and a derivative of it is at most `degree * size`.
    """

    dtype: str
    shape: tuple[int, ...]
    size: int = 1
    degree: int = 0

    @property
    def type(self) -> tuple[str, tuple[int, ...]]:
        """Its dtype and shape."""
        return self.dtype, self.shape

    @property
    def is_float(self) -> bool:
        """Whether it has a derivative."""
        return self.dtype == "float32"

    @property
    def is_exact(self) -> bool:
        """Whether float32 has it, its derivative and the sums that make that, without rounding."""
        return self.size * (self.degree + 1) <= LARGEST


class IllTyped(ValueError):
    """A program that is none: in one sentence."""


Scope = Mapping[int, Value]
"""The values that a statement may use."""


def pruned(block: Block) -> Block:
    """The block without the statements of which nothing is used."""
    used, kept = set(block.gives), []
    for statement in reversed(block.statements):
        if used.isdisjoint(statement.gives):
            continue
        inner = [pruned(each) for each in statement.blocks]
        kept.append(_with_blocks(statement, inner))
        used.update(statement.takes, *map(names_in, inner))
    return Block(block.takes, tuple(reversed(kept)), block.gives)


def _with_blocks(statement: Statement, blocks: Sequence[Block]) -> Statement:
    return Statement(
        statement.gives,
        statement.does,
        statement.takes,
        tuple(blocks),
        statement.in_axes,
        statement.axis,
    )


def names_in(block: Block) -> set[int]:
    """The numbers of all values that the block uses."""
    inner = (names_in(each) for statement in block.statements for each in statement.blocks)
    return {*block.gives}.union(*(statement.takes for statement in block.statements), *inner)


def statements_in(block: Block) -> list[Statement]:
    """The statements of the block, and those of the blocks within."""
    inner = [
        each
        for statement in block.statements
        for own in statement.blocks
        for each in statements_in(own)
    ]
    return [*block.statements, *inner]
