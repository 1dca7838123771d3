"""The constructs of programs: what JAX does with the blocks within, as Python, and what it gives."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import attrs

from properties.programs.grammar import IllTyped, Statement, Value
from properties.programs.operations import NUMBERS, either, shaped

Values = Sequence[Value]
Body = Callable[..., list[Value]]
"""`body(number, parameters, axes)`: what a block gives; `axes` are the axes that it maps, by number."""
Infer = Callable[[Statement, Values, Body], list[Value]]
TRIPS = 3
"""No loop takes more."""


@attrs.frozen
class Construct:
    """A construct.

    In its source, `{r}` are the values that it defines, `{a}` its operands, `{rest}` those after the
    first, `{f}`, `{g}` and `{h}` the functions that its blocks are.
    """

    source: str
    infer: Infer
    shape: Literal["call", "branch", "loop", "map", "derivative", "reference"]
    """How `strategy` draws its operands and blocks."""
    blocks: int = 1
    closed: bool = False
    """Its blocks use nothing that is defined around them."""
    forward: bool = True
    """It has a derivative in forward mode."""
    reverse: bool = True
    """It has a derivative in reverse mode."""


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise IllTyped(what)


def _call(factor: int = 1) -> Infer:
    def infer(statement: Statement, operands: Values, body: Body) -> list[Value]:
        results = body(0, operands)
        return [v._replace(size=factor * v.size) if v.is_float else v for v in results]

    return infer


def _branch(statement: Statement, operands: Values, body: Body) -> list[Value]:
    index, *rest = operands
    of = ("bool", ()) if statement.does == "cond" else ("int32", ())
    _require(index.type == of, "the first operand chooses a branch")
    first, *others = (body(number, rest) for number in range(len(statement.blocks)))
    for other in others:
        first = _merged(first, other)
    return first


def _merged(some: Values, others: Values) -> list[Value]:
    _require([v.type for v in some] == [v.type for v in others], "two blocks give other types")
    return [either(a, b) or a for a, b in zip(some, others, strict=True)]


def _loop(statement: Statement, operands: Values, body: Body) -> list[Value]:
    """A loop that counts: `fori` gives the block its number, `while` does not."""
    counts, dynamic = statement.does.startswith("fori"), statement.does != "fori"
    carry = list(operands)
    if dynamic and statement.does != "while-any":
        _require(carry.pop(0).type == ("int32", ()), "the first operand is the number of turns")
    _require(bool(carry), "a loop has a carry")
    if statement.does == "while-any":
        _require(
            [v.type for v in body(0, carry)] == [("bool", ())], "the first block is a condition"
        )
    number = [Value("int32", (), TRIPS)] if counts else []
    for _ in range(TRIPS):
        carry = _merged(carry, body(len(statement.blocks) - 1, [*number, *carry]))
    return carry


def _scan(statement: Statement, operands: Values, body: Body) -> list[Value]:
    rows, *carry = operands
    _require(bool(rows.shape), "scan goes over the first axis of the first operand")
    row = shaped(rows, rows.shape[1:])
    for _ in range(rows.shape[0]):
        *after, last = body(0, [row, *carry])
        carry = _merged(carry, after)
    return [*carry, _stacked(last, rows.shape[0])]


def _stacked(value: Value, size: int) -> Value:
    stacked = shaped(value, (size, *value.shape))
    if stacked is None:
        raise IllTyped("a result of every turn has one axis at most")
    return stacked


def _vmap(statement: Statement, operands: Values, body: Body) -> list[Value]:
    axes = statement.in_axes
    _require(len(axes) == len(operands), "in_axes has one entry for each operand")
    pairs = list(zip(operands, axes, strict=True))
    sizes = {v.shape[:1] for v, axis in pairs if axis is not None}
    _require(len(sizes) == 1 and sizes != {()}, "the mapped operands have one size")
    ((size,),) = sizes
    inner = [v if axis is None else v._replace(shape=v.shape[1:]) for v, axis in pairs]
    return [_stacked(v, size) for v in body(0, inner, {statement.gives[0]: size})]


def _by(value: Value) -> Value:
    """What is differentiated by."""
    _require(value.is_float, "the first operand is float32")
    return value._replace(degree=max(1, value.degree))


def _derivative(of: Value, times: int = 1) -> Value:
    return of._replace(size=max(1, of.degree) * of.size * times)


def _grad(statement: Statement, operands: Values, body: Body) -> list[Value]:
    first, *rest = operands
    floats = [v for v in body(0, [_by(first), *rest]) if v.is_float]
    _require(bool(floats), "what has a gradient is float32")
    size, degree = sum(9 * v.size for v in floats), max(v.degree for v in floats)
    return [_derivative(Value(*first.type, size, degree))]


def _jvp(statement: Statement, operands: Values, body: Body) -> list[Value]:
    _require(len(operands) == 2, "it takes a primal and a tangent")
    first, tangent = operands
    _require(first.type == tangent.type, "a tangent has the type of its primal")
    results = body(0, [_by(first)])
    floats = [v for v in results if v.is_float]
    return [*results, *(_times(_derivative(v), tangent) for v in floats)]


def _times(a: Value, b: Value) -> Value:
    return a._replace(size=a.size * b.size, degree=a.degree + b.degree)


def _vjp(statement: Statement, operands: Values, body: Body) -> list[Value]:
    _require(len(operands) == 2, "it takes a primal and a cotangent")
    first, cotangent = operands
    result = body(0, [_by(first)])[0]
    _require(
        result.type == cotangent.type and result.is_float, "a cotangent has the type of a result"
    )
    back = _times(_derivative(result, 9), cotangent)
    return [Value(*first.type, back.size, back.degree)]


def _jacobian(statement: Statement, operands: Values, body: Body) -> list[Value]:
    _require(len(operands) == 1, "it takes one operand")
    result = body(0, [_by(operands[0])])[0]
    again = 2 if statement.does == "hessian" else 1
    shape = result.shape + again * operands[0].shape
    for _ in range(again):
        result = _derivative(result)
    whole = shaped(result, shape)
    if whole is None or not result.is_float:
        raise IllTyped("a Jacobian is float32 and has two axes at most")
    return [whole]


def _reference(statement: Statement, operands: Values, body: Body) -> list[Value]:
    _require(len(operands) == 2, "it takes an array and a carry")
    rows, carry = operands
    _require(rows.dtype in NUMBERS and bool(rows.shape), "the reference is to numbers in rows")
    _require(carry.dtype == rows.dtype, "both have one dtype")
    row = rows._replace(shape=rows.shape[1:])
    for _ in range(rows.shape[0]):
        changed, after = body(0, [row, carry])
        ((carry,), (row,)) = _merged([carry], [after]), _merged([row], [changed])
    return [row._replace(shape=rows.shape), carry]


_CUSTOM_VJP = """\
{f}_rule = jax.custom_vjp({f})
{f}_rule.defvjp(lambda *p: ({f}(*p), p), lambda p, g: doubled(jax.vjp({f}, *p)[1](g)){options})
({r},) = {f}_rule({a})"""
_SYMBOLIC_VJP = """\
{f}_rule = jax.custom_vjp({f})
{f}_rule.defvjp(
    lambda *p: ({f}(*[x.value for x in p]), [x.value for x in p]),
    lambda p, g: doubled(jax.vjp({f}, *p)[1](filled(g))),
    symbolic_zeros=True,
)
({r},) = {f}_rule({a})"""
_CUSTOM_JVP = """\
{f}_rule = jax.custom_jvp({f})


@{f}_rule.defjvp
def _(primals, tangents):
    results, derivatives = jax.jvp({f}, primals, tangents)
    return results, doubled(derivatives)


({r},) = {f}_rule({a})"""
_SYMBOLIC_JVP = """\
{f}_rule = jax.custom_jvp({f})


def {f}_jvp(primals, tangents):
    results, derivatives = jax.jvp({f}, primals, filled(tangents))
    return results, doubled(derivatives)


{f}_rule.defjvp({f}_jvp, symbolic_zeros=True)
({r},) = {f}_rule({a})"""
_CUSTOM_VMAP = """\
{f}_rule = jax.custom_batching.custom_vmap({f})


@{f}_rule.def_vmap
def _(size, mapped, *p):
    axes = [0 if each else None for each in mapped]
    results = jax.vmap({f}, axes, axis_size=size)(*p)
    given = {kept}
    kept = [r if i is None else p[i] for r, i in zip(results, given)]
    return tuple(kept), tuple(i is None or mapped[i] for i in given)


({r},) = {f}_rule({a})"""
_REFERENCE = """\
{f}_ref = jax.new_ref({0} + 0 * jnp.sum({1}))


def {f}_step(i, carry):
    row, carry = {f}({f}_ref[i], carry)
    {f}_ref[i] = row
    return carry


{f}_last = lax.fori_loop(0, {0}.shape[0], {f}_step, {1})
({r},) = ({f}_ref[...], {f}_last)"""

_SCAN = "({r},) = joined(lax.scan(lambda c, x: parted({f}(x, *c)), ({rest}), {0}OPTIONS))"
_COUNTED = "({r},) = lax.fori_loop(0, TURNS, lambda i, c: {f}(jnp.int32(i), *c), (CARRY))"
_WHILE = """\
({r},) = lax.while_loop(
    lambda c: CONDITION, lambda c: (c[0] + 1, *BODY(*c[1:])), (jnp.int32(0), CARRY)
)[1:]"""


def _fori(turns: str, carry: str) -> str:
    return _COUNTED.replace("TURNS", turns).replace("CARRY", carry)


def _while(condition: str, body: str, carry: str) -> str:
    text = _WHILE.replace("CONDITION", condition)
    return text.replace("BODY", body).replace("CARRY", carry)


_JVP = """\
{f}_results, {f}_tangents = jax.jvp({f}, ({0},), ({1},))
({r},) = (*{f}_results, *floats({f}_tangents))"""
_OF_FIRST = "({{r}},) = (jax.{name}(lambda x: {{f}}(x)[0])({{0}}),)"


def _jacobian_source(name: str) -> str:
    return _OF_FIRST.format(name=name)


CONSTRUCTS: Mapping[str, Construct] = {
    "jit": Construct("({r},) = jax.jit({f})({a})", _call(), "call"),
    "checkpoint": Construct("({r},) = jax.checkpoint({f})({a})", _call(), "call"),
    "cond": Construct("({r},) = lax.cond({0}, {f}, {g}, {rest})", _branch, "branch", 2),
    "switch": Construct("({r},) = lax.switch({0}, [{f}, {g}, {h}], {rest})", _branch, "branch", 3),
    "scan": Construct(_SCAN.replace("OPTIONS", ""), _scan, "loop"),
    "scan-reversed": Construct(_SCAN.replace("OPTIONS", ", reverse=True"), _scan, "loop"),
    "scan-unrolled": Construct(_SCAN.replace("OPTIONS", ", unroll=2"), _scan, "loop"),
    "fori": Construct(_fori("3", "{a},"), _loop, "loop"),
    "fori-dynamic": Construct(_fori("{0} % 4", "{rest}"), _loop, "loop", reverse=False),
    "while": Construct(_while("c[0] < {0} % 4", "{f}", "{rest}"), _loop, "loop", reverse=False),
    "while-any": Construct(
        _while("(c[0] < 3) & {f}(*c[1:])[0]", "{g}", "{a},"), _loop, "loop", 2, reverse=False
    ),
    "vmap": Construct("({r},) = jax.vmap({f}, {in_axes}, axis_name={axis})({a})", _vmap, "map"),
    "custom-jvp": Construct(_CUSTOM_JVP, _call(2), "call", closed=True),
    "custom-jvp-symbolic": Construct(_SYMBOLIC_JVP, _call(2), "call", closed=True),
    "custom-vjp": Construct(
        _CUSTOM_VJP.replace("{options}", ""), _call(2), "call", closed=True, forward=False
    ),
    "custom-vjp-symbolic": Construct(_SYMBOLIC_VJP, _call(2), "call", closed=True, forward=False),
    "custom-vjp-remat": Construct(
        _CUSTOM_VJP.replace("{options}", ", optimize_remat=True"),
        _call(2),
        "call",
        closed=True,
        forward=False,
    ),
    # JAX has faults in derivatives of the two that follow: `conformance/known_defects` has them.
    "custom-vmap": Construct(
        _CUSTOM_VMAP, _call(), "call", closed=True, forward=False, reverse=False
    ),
    "sequential-vmap": Construct(
        "({r},) = jax.custom_batching.sequential_vmap({f})({a})",
        _call(),
        "call",
        closed=True,
        forward=False,
        reverse=False,
    ),
    "grad": Construct("({r},) = (jax.grad(lambda *p: total({f}(*p)))({a}),)", _grad, "derivative"),
    "jvp": Construct(_JVP, _jvp, "derivative"),
    "vjp": Construct("({r},) = jax.vjp(lambda x: {f}(x)[0], {0})[1]({1})", _vjp, "derivative"),
    "jacfwd": Construct(_jacobian_source("jacfwd"), _jacobian, "derivative"),
    "jacrev": Construct(_jacobian_source("jacrev"), _jacobian, "derivative"),
    "hessian": Construct(_jacobian_source("hessian"), _jacobian, "derivative"),
    "reference": Construct(
        _REFERENCE, _reference, "reference", closed=True, forward=False, reverse=False
    ),
}
