"""The operations of programs: each as Python, and what it gives of operands of which types.

They move data or compute exactly, and so do their derivatives: no two equal values compete for the
derivative of a maximum, and nothing is divided.
"""

from collections.abc import Callable
from itertools import product

import attrs

from properties.programs.grammar import Value

Shape = tuple[int, ...]
Rule = Callable[..., Value | None]
"""From operands to the result; None where there is no such operation of these types."""
EXTENTS = (2, 3)
SHAPES: tuple[Shape, ...] = (
    (),
    *((n,) for n in EXTENTS),
    *product(EXTENTS, EXTENTS),
)
DTYPES = ("float32", "int32", "bool")
NUMBERS = ("float32", "int32")


@attrs.frozen
class Operation:
    """An operation."""

    source: str
    """An expression: `{0}` is the first operand, `{n}` the size of its first axis, `{axis}` the name of
    the axis of a collective, `{size}` how large that is."""
    arity: int
    rule: Rule
    """A collective's takes the size of its axis before the operands."""
    collective: bool = False


def _same(a: Value) -> Value:
    return a


def _number(a: Value) -> Value | None:
    return a if a.dtype in NUMBERS else None


def _constant_slope(dtype: str | None = None, size: int = 0) -> Rule:
    """Of the operand's shape, with no derivative."""

    def rule(a: Value) -> Value | None:
        return Value(dtype or a.dtype, a.shape, size or a.size)

    return rule


def _both(a: Value, b: Value) -> Value | None:
    """What two operands give, one of them perhaps a scalar: its type."""
    if a.dtype != b.dtype or a.dtype not in NUMBERS:
        return None
    if a.shape and b.shape and a.shape != b.shape:
        return None
    return Value(a.dtype, a.shape or b.shape)


def _sum(a: Value, b: Value) -> Value | None:
    both = _both(a, b)
    return both and both._replace(size=a.size + b.size, degree=max(a.degree, b.degree))


def _product(a: Value, b: Value) -> Value | None:
    both = _both(a, b)
    return both and both._replace(size=a.size * b.size, degree=a.degree + b.degree)


def _comparison(a: Value, b: Value) -> Value | None:
    both = _both(a, b)
    return both and Value("bool", both.shape)


def either(a: Value, b: Value) -> Value | None:
    """One of two values of one type."""
    if a.type != b.type:
        return None
    return a._replace(size=max(a.size, b.size), degree=max(a.degree, b.degree))


def _where(p: Value, a: Value, b: Value) -> Value | None:
    return either(a, b) if p.dtype == "bool" and p.shape in ((), a.shape) else None


def _logical(a: Value, b: Value) -> Value | None:
    return a if a.dtype == "bool" and a.type == b.type else None


def shaped(a: Value, shape: Shape, times: int = 1) -> Value | None:
    """The operand in another shape, and so many times as large."""
    return Value(a.dtype, shape, times * a.size, a.degree) if shape in SHAPES else None


def _if_array(change: Callable[[Value], Value | None]) -> Rule:
    return lambda a: change(a) if a.shape else None


def _if_numbers(change: Callable[[Value], Value | None]) -> Rule:
    return _if_array(lambda a: change(a) if a.dtype in NUMBERS else None)


def _count(a: Value) -> int:
    size = 1
    for n in a.shape:
        size *= n
    return size


def _indexed(a: Value, i: Value) -> Value | None:
    if not a.shape or i.dtype != "int32" or len(i.shape) > 1:
        return None
    return shaped(a, i.shape + a.shape[1:])


def _updated(a: Value, i: Value, b: Value) -> Value | None:
    element = _indexed(a, i)
    return either(a, b._replace(shape=a.shape)) if element and _fits(element, b, i) else None


def _fits(element: Value, b: Value, i: Value) -> bool:
    return element.type == b.type and not i.shape


def _added(a: Value, i: Value, b: Value) -> Value | None:
    element = _indexed(a, i)
    if element is None or element.type != b.type or a.dtype not in NUMBERS:
        return None
    return a._replace(size=a.size + 3 * b.size, degree=max(a.degree, b.degree))


def _window(a: Value, i: Value) -> Value | None:
    if i.type != ("int32", ()) or a.shape[:1] != (3,):
        return None
    return shaped(a, (2, *a.shape[1:]))


def _window_updated(a: Value, b: Value, i: Value) -> Value | None:
    window = _window(a, i)
    return either(a, b._replace(shape=a.shape)) if window and window.type == b.type else None


def _stacked(a: Value, b: Value) -> Value | None:
    one = either(a, b)
    return one and shaped(one, (2, *one.shape))


def _joined(a: Value, b: Value) -> Value | None:
    if not a.shape or b.shape[:1] != (2,) or a.shape[1:] != b.shape[1:] or a.dtype != b.dtype:
        return None
    return Value(a.dtype, (3, *b.shape[1:]), max(a.size, b.size), max(a.degree, b.degree))


def _dot(a: Value, b: Value) -> Value | None:
    if a.dtype != b.dtype or a.dtype not in NUMBERS or not a.shape or not b.shape:
        return None
    if a.shape[-1] != b.shape[0]:
        return None
    shape = a.shape[:-1] + b.shape[1:]
    return Value(a.dtype, shape, a.shape[-1] * a.size * b.size, a.degree + b.degree)


def _outer(a: Value, b: Value) -> Value | None:
    if a.dtype != b.dtype or a.dtype not in NUMBERS or len(a.shape) != 1 or len(b.shape) != 1:
        return None
    return Value(a.dtype, a.shape + b.shape, a.size * b.size, a.degree + b.degree)


def _convolved(a: Value, b: Value) -> Value | None:
    if a.dtype != b.dtype or not a.is_float or (a.shape, b.shape) != ((3,), (2,)):
        return None
    return Value(a.dtype, a.shape, 2 * a.size * b.size, a.degree + b.degree)


def _constant(dtype: str, shape: Shape) -> tuple[str, Operation]:
    text = str(list(shape)).replace(" ", "") if shape else ""
    source = f"jnp.full({shape}, 1, jnp.{dtype})" if dtype != "bool" else f"jnp.full({shape}, True)"
    return f"ones-{dtype}{text}", Operation(source, 0, lambda: Value(dtype, shape))


def constant(dtype: str, shape: Shape) -> str:
    """The name of the operation that gives a constant of that type."""
    return _constant(dtype, shape)[0]


_SIGN = _if_numbers(_constant_slope(size=1))
_STOPPED = "lax.stop_gradient({0})"

OPERATIONS: dict[str, Operation] = {
    "add": Operation("{0} + {1}", 2, _sum),
    "subtract": Operation("{0} - {1}", 2, _sum),
    "multiply": Operation("{0} * {1}", 2, _product),
    "negate": Operation("-{0}", 1, _number),
    "less": Operation("{0} < {1}", 2, _comparison),
    "equal": Operation("{0} == {1}", 2, _comparison),
    "where": Operation("jnp.where({0}, {1}, {2})", 3, _where),
    "and": Operation("{0} & {1}", 2, _logical),
    "not": Operation("~{0}", 1, lambda a: a if a.dtype == "bool" else None),
    "absolute": Operation("jnp.abs({0})", 1, _number),
    "sign": Operation("jnp.sign({0})", 1, _SIGN),
    "clamp": Operation("lax.clamp(jnp.full_like({0}, -3), {0}, jnp.full_like({0}, 3))", 1, _number),
    "to-float": Operation("{0}.astype(jnp.float32)", 1, _constant_slope("float32")),
    "to-int": Operation("{0}.astype(jnp.int32)", 1, _constant_slope("int32")),
    "remainder": Operation(
        "{0} % 3", 1, lambda a: Value("int32", a.shape, 2) if a.dtype == "int32" else None
    ),
    "stop-gradient": Operation(_STOPPED, 1, _constant_slope()),
    "flip": Operation("jnp.flip({0}, 0)", 1, _if_array(_same)),
    "roll": Operation("jnp.roll({0}, 1, 0)", 1, _if_array(_same)),
    "transpose": Operation("{0}.T", 1, _if_array(lambda a: shaped(a, a.shape[::-1]))),
    "sort": Operation("jnp.sort({0})", 1, _if_numbers(_same)),
    "argsort": Operation(
        "jnp.argsort({0}).astype(jnp.int32)", 1, _if_numbers(lambda a: Value("int32", a.shape, 2))
    ),
    "cumulative-sum": Operation(
        "jnp.cumsum({0}, 0)", 1, _if_numbers(lambda a: shaped(a, a.shape, a.shape[0]))
    ),
    "cumulative-max": Operation(f"lax.cummax({_STOPPED})", 1, _if_numbers(_constant_slope())),
    "sum": Operation("jnp.sum({0})", 1, _if_numbers(lambda a: shaped(a, (), _count(a)))),
    "sum-of-rows": Operation(
        "jnp.sum({0}, 0)", 1, _if_numbers(lambda a: shaped(a, a.shape[1:], a.shape[0]))
    ),
    "max": Operation(f"jnp.max({_STOPPED})", 1, _if_numbers(lambda a: Value(a.dtype, (), a.size))),
    "argmax": Operation(
        "jnp.argmax({0}).astype(jnp.int32)", 1, _if_numbers(lambda a: Value("int32", (), _count(a)))
    ),
    "any": Operation("jnp.any({0})", 1, lambda a: Value("bool", ()) if a.dtype == "bool" else None),
    "index": Operation("{0}[{1} % {n}]", 2, _indexed),
    "set": Operation("{0}.at[{1} % {n}].set({2})", 3, _updated),
    "add-at": Operation("{0}.at[{1} % {n}].add({2})", 3, _added),
    "slice": Operation("lax.dynamic_slice_in_dim({0}, {1} % 2, 2)", 2, _window),
    "update": Operation(
        "lax.dynamic_update_slice_in_dim({0}, {1}, {2} % 2, 0)", 3, _window_updated
    ),
    "stack": Operation("jnp.stack([{0}, {1}])", 2, _stacked),
    "concatenate": Operation("jnp.concatenate([{0}[:1], {1}])", 2, _joined),
    "repeat": Operation(
        "jnp.broadcast_to({0}, (3, *{0}.shape))", 1, lambda a: shaped(a, (3, *a.shape))
    ),
    "flatten": Operation(
        "{0}.reshape({0}.shape[::-1])", 1, _if_array(lambda a: shaped(a, a.shape[::-1]))
    ),
    "dot": Operation("{0} @ {1}", 2, _dot),
    "outer": Operation("jnp.outer({0}, {1})", 2, _outer),
    "convolve": Operation("jnp.convolve({0}, {1}, 'same')", 2, _convolved),
    "count": Operation("jnp.arange(3, dtype=jnp.int32)", 0, lambda: Value("int32", (3,), 2)),
    **dict(_constant(dtype, shape) for dtype in DTYPES for shape in SHAPES),
}

_RING = "[(i, (i + 1) % {size}) for i in range({size})]"
COLLECTIVES: dict[str, Operation] = {
    "psum": Operation(
        "lax.psum({0}, {axis})",
        1,
        lambda n, a: shaped(a, a.shape, n) if a.dtype in NUMBERS else None,
        True,
    ),
    "pmax": Operation(
        f"lax.pmax({_STOPPED}, {{axis}})",
        1,
        lambda n, a: Value(a.dtype, a.shape, a.size) if a.dtype in NUMBERS else None,
        True,
    ),
    "axis-index": Operation("lax.axis_index({axis})", 0, lambda n: Value("int32", (), n), True),
    "all-gather": Operation(
        "lax.all_gather({0}, {axis})", 1, lambda n, a: shaped(a, (n, *a.shape), n), True
    ),
    "ppermute": Operation(f"lax.ppermute({{0}}, {{axis}}, {_RING})", 1, lambda n, a: a, True),
}
"""Collectives, but for `psum_scatter` and `all_to_all`, whose known defects depend on where a map has its
axis, which a program does not say. The laws of collectives have both."""
