"""Drawing programs at random."""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from properties.programs.constructs import CONSTRUCTS
from properties.programs.grammar import (
    INPUT,
    Block,
    IllTyped,
    Program,
    Statement,
    Type,
    Value,
    pruned,
)
from properties.programs.infer import Axes, given_by
from properties.programs.operations import COLLECTIVES, OPERATIONS, constant

Results = Callable[["_Drawing"], list[int]]
"""What draws the results of a block."""
Pick = Callable[[Sequence[Any]], Any]
"""One of several."""
DEPTH = 3
"""Blocks are nested so deep at most."""
RECENT = 10
"""So many of the values defined last are operands."""
CALLED = 4
"""So many of ten statements are constructs."""
DEAD = 1 / 3
"""So many of the programs have statements of which nothing is used."""
PLAIN = [name for name in OPERATIONS if not name.startswith("ones")]
"""The operations but the constants, which are drawn where nothing else has their type."""
TURN = 2**6
"""How large a value of a loop's body may be before the loop."""


@attrs.frozen
class Context:
    """What surrounds a block."""

    depth: int = 0
    forward: bool = False
    """It is differentiated in forward mode."""
    reverse: bool = False
    largest: int | None = None
    axes: Axes = attrs.field(factory=dict)
    """The mapped axes around it."""

    def allows(self, name: str) -> bool:
        """Whether a construct may stand here."""
        construct = CONSTRUCTS[name]
        differentiable = (construct.forward or not self.forward) and (
            construct.reverse or not self.reverse
        )
        # A reference is only in programs that are drawn to have one: releases differ in them.
        return differentiable and name != "reference"

    def inside(self, name: str, axes: Axes) -> "Context":
        """What surrounds a block of that construct here."""
        construct = CONSTRUCTS[name]
        forward = name in ("jvp", "jacfwd", "hessian") or name.startswith("custom-jvp")
        reverse = name in ("grad", "vjp", "jacrev", "hessian") or name.startswith("custom-vjp")
        return Context(
            self.depth + 1,
            self.forward or forward,
            self.reverse or reverse,
            TURN if construct.shape in ("loop", "reference") else self.largest,
            {} if construct.closed else {**self.axes, **axes},
        )


class _Drawing:
    """One block that is being drawn: its statements, and the values that they may use."""

    def __init__(
        self, pick: Pick, names: Iterator[int], scope: dict[int, Value], context: Context
    ) -> None:
        self.pick, self.names, self.scope, self.context = pick, names, scope, context
        self.statements: list[Statement] = []
        self.forced = False

    def emit(self, does: str, takes: Sequence[int] = (), **more: Any) -> tuple[int, ...]:
        """Add a statement, and give what it defines: nothing where it cannot be added."""
        first = more.pop("first", None)
        name = next(self.names) if first is None else first
        statement = Statement((name,), does, tuple(takes), **more)
        within: dict[int, Value] = {}
        try:
            given = given_by(statement, self.scope, self.context.axes, within)
        except IllTyped:
            return ()
        largest = self.context.largest
        if not all(v.is_exact for v in (*given, *within.values())):
            return ()
        if largest is not None and any(v.size > largest for v in given):
            return ()
        gives = (name, *(next(self.names) for _ in given[1:]))
        fields = {"blocks": (), "in_axes": (), "axis": None, **more}
        self.statements.append(Statement(gives, does, tuple(takes), **fields))
        self.scope.update(zip(gives, given, strict=True))
        return gives

    def of(self, fits: Callable[[Value], bool]) -> list[int]:
        """The values that fit, in the order in which they are defined."""
        return [name for name, value in self.scope.items() if fits(value)]

    def choose(self, names: Sequence[int]) -> int:
        """One of the values, the last ones more often."""
        chosen: int = self.pick([*names[-RECENT:], *3 * list(names[-3:])])
        return chosen

    def operation(self, table: Sequence[str]) -> None:
        """Add one of the operations, or the next one after it that has operands."""
        first = self.pick(range(len(table)))
        for name in (*table[first:], *table[:first]):
            operation = OPERATIONS.get(name) or COLLECTIVES[name]
            axis = self.pick(list(self.context.axes)) if operation.collective else None
            size = [self.context.axes[axis]] if axis is not None else []
            recent = list(self.scope)[-RECENT:]
            fitting = [
                takes
                for takes in itertools.product(recent, repeat=operation.arity)
                if operation.rule(*size, *(self.scope[each] for each in takes)) is not None
            ]
            # What is defined last comes last.
            likely = fitting[len(fitting) // 2 :]
            if likely and self.emit(name, self.pick(likely), axis=axis):
                return

    def scalar(self, dtype: str) -> int:
        """A scalar of that dtype: one that there is, or one made for it."""
        there = self.of(lambda v: v.type == (dtype, ()))
        if there:
            return self.choose(there)
        name = self.choose(self.of(lambda v: True))
        value = self.scope[name]
        if value.dtype == "bool":
            name = self._must("to-int", name)
        if value.shape:
            name = self._must("sum", name)
        if dtype == "bool":
            one = self._must(constant(self.scope[name].dtype, ()))
            return self._must("less", name, one)
        return name if self.scope[name].dtype == dtype else self._must(f"to-{dtype[:-2]}", name)

    def _must(self, does: str, *takes: int) -> int:
        gives = self.emit(does, takes)
        # Where it would be too large, a constant of the type that it has.
        value = self.scope[takes[0]] if takes else Value("int32", ())
        of = {"to-int": "int32", "to-float": "float32", "less": "bool"}.get(does, value.dtype)
        return gives[0] if gives else self.emit(constant(of, ()))[0]

    def typed(self, wanted: Value) -> int:
        """A value of the type of another one, perhaps a constant."""
        there = self.of(lambda v: v.type == wanted.type)
        if there and self.pick([True, True, True, False]):
            return self.choose(there)
        return self.emit(constant(*wanted.type))[0]

    def block(
        self,
        does: str,
        parameters: Sequence[Value],
        results: Results,
        axes: Axes | None = None,
    ) -> Block:
        """A block of a construct here."""
        takes = tuple(next(self.names) for _ in parameters)
        outer = {} if CONSTRUCTS[does].closed else self.scope
        inner = _Drawing(
            self.pick,
            self.names,
            {**outer, **dict(zip(takes, parameters, strict=True))},
            self.context.inside(does, axes or {}),
        )
        # What a program must have, it has with another construct within, where one is allowed.
        forced = bool(self.forced) and inner.context.depth < DEPTH
        allowed = [name for name in CONSTRUCTS if inner.context.allows(name)] if forced else ()
        return inner.fill((1, 2, 3), takes, results, allowed)

    def fill(
        self,
        counts: Sequence[int],
        takes: tuple[int, ...],
        results: Results,
        always: Sequence[str] = (),
    ) -> Block:
        """Draw the statements and the results of this block."""
        count = self.pick(counts)
        for number in range(count):
            self.forced = bool(always) and number == min(1, count - 1)
            self._statement(always if self.forced else ())
        return Block(takes, tuple(self.statements), tuple(results(self)))

    def _statement(self, always: Sequence[str]) -> None:
        nests = bool(always) or (self.context.depth < DEPTH and self.pick(range(10)) < CALLED)
        if nests:
            allowed = always or [name for name in CONSTRUCTS if self.context.allows(name)]
            name = self.pick(allowed)
            before = len(self.statements)
            DRAWN[CONSTRUCTS[name].shape](self, name)
            if len(self.statements) > before and self.statements[-1].does == name:
                return
        collective = bool(self.context.axes) and self.pick([False, False, True])
        self.operation(list(COLLECTIVES) if collective else PLAIN)


def _is_any(value: Value) -> bool:
    return True


def _is_float(value: Value) -> bool:
    return value.is_float


def _some(drawing: _Drawing, fits: Callable[[Value], bool] = _is_any) -> list[int]:
    """One value that fits, or two."""
    names = drawing.of(fits)
    if not names:
        return [drawing.scalar("float32")]
    return [drawing.choose(names) for _ in range(drawing.pick([1, 2]))]


def _newest(drawing: _Drawing, fits: Callable[[Value], bool] = _is_any) -> list[int]:
    """The value that fits and is defined last, and perhaps another one."""
    return [*drawing.of(fits)[-1:], *_some(drawing, fits)[: drawing.pick([0, 1])]] or _some(
        drawing, fits
    )


def _values(drawing: _Drawing, names: Sequence[int]) -> list[Value]:
    return [drawing.scope[name] for name in names]


def _call(drawing: _Drawing, does: str) -> None:
    operands = _some(drawing) + _some(drawing)
    # Releases differ in what a derivative of an integer is.
    fits = _is_float if does.startswith("custom-jvp") else _is_any
    block = drawing.block(does, _values(drawing, operands), lambda inner: _newest(inner, fits))
    drawing.emit(does, operands, blocks=(block,))


def _branch(drawing: _Drawing, does: str) -> None:
    index = drawing.scalar("bool" if does == "cond" else "int32")
    operands = _some(drawing)
    first = drawing.block(does, _values(drawing, operands), _newest)
    probe = Statement((0,), "jit", tuple(operands), (first,))
    types = given_by(probe, drawing.scope, drawing.context.axes, {})
    others = [
        drawing.block(does, _values(drawing, operands), _like(types))
        for _ in range(CONSTRUCTS[does].blocks - 1)
    ]
    drawing.emit(does, [index, *operands], blocks=(first, *others))


def _like(types: Sequence[Value]) -> Callable[[_Drawing], list[int]]:
    return lambda drawing: [drawing.typed(each) for each in types]


def _loop(drawing: _Drawing, does: str) -> None:
    carry = _some(drawing)
    values = _values(drawing, carry)
    blocks, operands, before = [], carry, []
    after = _like(values)
    if does == "while-any":
        blocks = [drawing.block(does, values, lambda inner: [inner.scalar("bool")])]
    elif does in ("while", "fori-dynamic"):
        operands = [drawing.scalar("int32"), *carry]
    if does.startswith("fori"):
        before = [Value("int32", (), 3)]
    if does.startswith("scan"):
        arrays = drawing.of(lambda v: bool(v.shape))
        if not arrays:
            return
        rows = drawing.choose(arrays)
        value = drawing.scope[rows]
        before, operands = [value._replace(shape=value.shape[1:])], [rows, *carry]
        after = lambda inner: [*_like(values)(inner), *_of_rank(inner, 1)]  # noqa: E731
    blocks.append(drawing.block(does, [*before, *values], after))
    drawing.emit(does, operands, blocks=tuple(blocks))


def _of_rank(
    drawing: _Drawing, most: int, dtypes: Sequence[str] = ("float32", "int32")
) -> list[int]:
    """A value of that rank at most."""
    there = drawing.of(lambda v: len(v.shape) <= most and v.dtype in dtypes)
    return [drawing.choose(there) if there else drawing.scalar("float32")]


def _map(drawing: _Drawing, does: str) -> None:
    arrays = drawing.of(lambda v: bool(v.shape))
    if not arrays:
        return
    first = drawing.choose(arrays)
    size = drawing.scope[first].shape[0]
    others = _some(drawing)
    axes = [0] + [
        0 if v.shape[:1] == (size,) and drawing.pick([True, False]) else None
        for v in _values(drawing, others)
    ]
    operands = [first, *others]
    inner = [
        v if axis is None else v._replace(shape=v.shape[1:])
        for v, axis in zip(_values(drawing, operands), axes, strict=True)
    ]
    name = next(drawing.names)
    block = drawing.block(does, inner, lambda d: _of_rank(d, 1), {name: size})
    drawing.emit(does, operands, blocks=(block,), in_axes=tuple(axes), first=name)


def _derivative(drawing: _Drawing, does: str) -> None:
    most = 1 if does.startswith("jac") or does == "hessian" else 2
    by = _of_rank(drawing, most, ["float32"])[0]
    value = drawing.scope[by]
    operands, parameters = [by], [value]
    results: Results = _newest
    if does == "grad":
        more = _some(drawing)
        operands, parameters = [by, *more], [value, *_values(drawing, more)]
        results = lambda inner: [*_of_rank(inner, 2, ["float32"]), *_some(inner)]  # noqa: E731
    elif does == "jvp":
        operands = [by, drawing.typed(value)]
    elif does == "vjp":
        cotangent = _of_rank(drawing, 2, ["float32"])[0]
        operands, results = [by, cotangent], _like([drawing.scope[cotangent]])
    else:
        again = 2 if does == "hessian" else 1
        results = lambda inner: _of_rank(  # noqa: E731
            inner, max(0, 2 - again * len(value.shape)), ["float32"]
        )
    parameters[0] = value._replace(degree=max(1, value.degree))
    block = drawing.block(does, parameters, results)
    drawing.emit(does, operands, blocks=(block,))


def _reference(drawing: _Drawing, does: str) -> None:
    arrays = drawing.of(lambda v: bool(v.shape) and v.dtype != "bool")
    if not arrays:
        return
    rows = drawing.choose(arrays)
    value = drawing.scope[rows]
    carry = drawing.choose(drawing.of(lambda v: v.dtype == value.dtype))
    parameters = [value._replace(shape=value.shape[1:]), drawing.scope[carry]]
    block = drawing.block(does, parameters, _like(parameters))
    drawing.emit(does, [rows, carry], blocks=(block,))


DRAWN: dict[str, Callable[[_Drawing, str], None]] = {
    "call": _call,
    "branch": _branch,
    "loop": _loop,
    "map": _map,
    "derivative": _derivative,
    "reference": _reference,
}

INPUTS = (
    Type("float32", (3,)),
    Type("int32", ()),
    Type("float32", (2, 3)),
    Type("float32", ()),
    Type("int32", (3,)),
    Type("bool", ()),
    Type("int32", (2, 2)),
)


def draw(seed: int, always: Sequence[str], reverse: bool = False) -> Program:
    """A program that has one of the constructs `always`, and perhaps some of the others.

    One in three also has statements of which nothing is used.

    Args:
        seed: decides everything.
        always: names of constructs.
        reverse: whether it must have a derivative in reverse mode.
    """
    chance = random.Random(seed)
    inputs = tuple(chance.choice(INPUTS) for _ in range(chance.choice([1, 2, 3])))
    values = [Value(each.dtype, each.shape, INPUT, 1) for each in inputs]
    names = iter(range(2**15))
    takes = tuple(next(names) for _ in inputs)
    scope = dict(zip(takes, values, strict=True))
    whole = _Drawing(chance.choice, names, scope, Context(reverse=reverse))
    body = whole.fill((4, 5, 6, 7), takes, _last, always)
    return Program(inputs, body if chance.random() < DEAD else pruned(body))


def _last(drawing: _Drawing) -> list[int]:
    """What the program gives: of the values that its statements define last, two or three."""
    defined = [name for statement in drawing.statements for name in statement.gives]
    return [drawing.pick(defined[-5:]) for _ in range(drawing.pick([2, 3]))]
