"""Rules of the user's own, control flow and references, where two of them meet or one is used oddly."""

from typing import Any

import attrs
import numpy as np

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import MN, below, of, rule
from properties.subjects.batching_rules.references import REFERENCES
from reference.error_bounds.roundoff import unit_roundoff

_MIXED_VMAP = """
@jax.custom_batching.custom_vmap
def parts(x, y):
    return x + y, 2 * x, 3 * y

@parts.def_vmap
def _(size, mapped, x, y):
    both = jax.vmap(lambda x, y: x + y, [0 if m else None for m in mapped], axis_size=size)(x, y)
    return (both, 2 * x, 3 * y), (True, *mapped)

shared = jnp.arange(3, dtype=a.dtype)
return parts(a, shared), parts(shared, a), lax.cond(b > 2, parts, lambda x, y: (y, x, x + y), a, shared)
"""
_INTEGERS = """
@jax.custom_vjp
def split(x, n):
    return x * n, n + 1

split.defvjp(lambda x, n: (split(x, n), (x, n)), lambda kept, g: (3 * g[0] * kept[1], None))
(y, n), back = jax.vjp(lambda x: split(x, c), a)
return y, n, back((b, np.zeros(np.shape(n), jax.dtypes.float0)))
"""
_MIXED_TANGENTS = """
@jax.custom_vjp
def product(x, y):
    return x * y

product.defvjp(lambda x, y: (x * y, (x, y)), lambda kept, g: (2 * g * kept[1], 3 * g * kept[0]))
ones = jnp.ones_like(a)
zero = jnp.zeros(a.shape, a.dtype)
back = jax.vjp(product, ones, 2 * ones)[1]
plain = product(a, ones) + product(ones, a)
return plain, back(a), back(zero), jax.vjp(lambda x: product(x, ones)[0], a)[1](ones[0]), back(ones)
"""
_MIXED_JVP = """
@jax.custom_jvp
def product(x, y):
    return x * y

product.defjvp(lambda p, t: (p[0] * p[1], 3 * t[0] * p[1] + 5 * p[0] * t[1]))
ones = jnp.ones_like(a)
return (
    product(a, ones) + product(ones, a),
    jax.jvp(product, (ones, 2 * ones), (a, ones)),
    jax.jvp(product, (a, ones), (ones, 3 * ones)),
    jax.jvp(lambda x: product(ones, x), (ones,), (a,)),
)
"""
_REMAT_COLLECTIVE = """
@jax.custom_vjp
def shifted(x):
    return x * lax.psum(x, 'i')

def forward(x):
    total = lax.psum(x, 'i')
    return x * total, total

shifted.defvjp(forward, lambda total, g: (3 * g * total,), optimize_remat=True)
return jax.vmap(jax.value_and_grad(lambda x: jnp.sum(shifted(x))), axis_name='i')(a)
"""
_REMAT_CONSTANTS = """
def made(rule):
    @jax.custom_vjp
    def weighted(x, y):
        return jnp.arange(3.0) * x * y

    @jax.custom_batching.custom_vmap
    def forward(x, y):
        return weighted(x, y), (x, y)

    @forward.def_vmap
    def _(size, mapped, x, y):
        # These are constants that the function has under a map alone.
        return (rule(x, y), (x, y)), (any(mapped), tuple(mapped))

    back = lambda kept, g: (2 * g * kept[1], 3 * g * kept[0])
    weighted.defvjp(forward, back, optimize_remat=True)
    return weighted

weights = np.arange(3, dtype=np.float32)
each = made(lambda x, y: weights * x * y), made(lambda x, y: jnp.array([0.0, 1.0, 2.0]) * (x * y))
slope = lambda function: jax.grad(lambda x, y: jnp.sum(function(x, y)), (0, 1))(a, b)
kept = jax.vjp(each[0], a, b)
return [function(a, b) for function in each], [slope(function) for function in each], kept[0], kept[1](b)
"""
_APPLIED = """
change = lambda x: 3 * x + 1
pairs, shared, square = jnp.stack([b, 3 - b]), jnp.arange(4, dtype=a.dtype), jnp.stack([a, 2 * a])
both = square.at[b % 2, pairs].apply(jnp.negative)
return a.at[b].apply(change), a.at[pairs].apply(lambda x: x * x), shared.at[b].apply(change), both
"""
_CHECKED = """
from jax.experimental import checkify

def step(carry, x):
    checkify.check(jnp.sum(x) < 5, 'too large: {x}', x=jnp.sum(x))
    return carry + x, carry

def function(x):
    return lax.cond(x[0, 0] > 0, lambda x: lax.scan(step, x[0], x), lambda x: (x[1], x), x)

error, out = checkify.checkify(function)(a)
(failed,) = [jax.tree_util.tree_leaves(error)[0]]
return out, failed
"""
_KEYS = """
with jax.debug_key_reuse(True):
    key = random.wrap_key_data(a, impl='threefry2x32')
    one, two = random.split(key)
    return random.bits(one, (3,)), random.key_data(random.fold_in(two, 3))
"""
_INFINITE = """
# Some are zero then.
a, c = jnp.maximum(a, 0), jnp.maximum(c, 0)

def branch(x):
    return lax.cond(x == 0, lambda x: 3 * x, lambda x: 8 / x, x)

def turns(x):
    return lax.fori_loop(0, 3, lambda i, y: lax.cond(y == 0, lambda y: y + i, lambda y: y * (8 / y), y), x)

return jax.grad(branch)(a), jax.jvp(branch, (a,), (b,)), jax.grad(lambda x: lax.scan(
    lambda c, x: (c + branch(x), None), 0.0, x)[0])(c), jax.jvp(turns, (a,), (b,))
"""
_CONSTANT = """
one = jnp.ones(a.shape, a.dtype)
branches = [lambda x: (one, x, one), lambda x: (x, one, 2 * one), lambda x: (one, x + 1, 3 * one)]
picked = [lax.switch(jnp.int32(i), branches, a) for i in range(3)]
return picked, lax.cond(jnp.bool_(False), lambda x: 2 * x, lambda x: one, a)
"""
_SAID = """
@jax.custom_batching.custom_vmap
def product(x, y):
    return x * y

@product.def_vmap
def _(size, mapped, x, y):
    axes = [0 if m else None for m in mapped]
    # JAX maps the rule of a derivative where none is mapped, too.
    return jax.vmap(lambda x, y: x * y, axes, axis_size=size)(x, y) if any(mapped) else x * y, any(mapped)

two = 2 * jnp.ones_like(a)
return [
    jax.jvp(product, (two, 3 * two), (a, two)),
    jax.jvp(product, (two, a), (3 * a, two)),
    jax.jvp(product, (a, two), (two, 3 * two)),
]
"""
_WEAK = """
half, brief = jnp.float16(0.5), jnp.bfloat16(2)
chosen = lax.cond(a > 3, lambda x: 1.5 * x, lambda x: x * 2.5, a)
return (a * 2.5) * half, -(0.5 + a) * brief, jnp.where(a > 3, a * 1.5, 2.0) * half, chosen * half
"""
_IN_BATCHES = """
sizes = {2: 1, 4: 10, 7: 100}
return sum(n * lax.map(lambda row: row * row[::-1], a, batch_size=size) for size, n in sizes.items())
"""
_OWN_PRIMITIVE = """
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

def made(name, function):
    each = Primitive(name)
    each.multiple_results = name == 'sum_and_product'
    each.def_impl(function)
    each.def_abstract_eval(lambda x, y: (x, y) if each.multiple_results else x)
    mlir.register_lowering(each, mlir.lower_fun(function, each.multiple_results))

    def batched(arrays, axes):
        size = next(x.shape[axis] for x, axis in zip(arrays, axes) if axis is not None)
        x, y = (
            jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
            for x, axis in zip(arrays, axes)
        )
        return each.bind(x, y), (0, 0) if each.multiple_results else 0

    batching.primitive_batchers[each] = batched
    return each

weighted = made('weighted_sum', lambda x, y: 2 * x + 3 * y)
both = made('sum_and_product', lambda x, y: (x + y, x * y))
three = jnp.full(a.shape, 3, a.dtype)
# What is not traced, the implementation's tuple, is a list where it is.
shared = weighted.bind(three, 2 * three), [*both.bind(three, three)]
return weighted.bind(a, b), [*both.bind(a, b)], weighted.bind(three, b), shared
"""
_TRIDIAGONAL = np.array([[8.0, 1, 0, 0], [1, 4, 2, 0], [0, 2, 8, 1], [0, 0, 1, 4]])


def _solved(a: Any) -> tuple[Any, Any]:
    """The solutions of equations with the matrix above and twice it, and how far rounding may move them."""
    inverse = np.linalg.inv(np.stack([_TRIDIAGONAL, 2 * _TRIDIAGONAL]))
    return inverse @ a, 16 * unit_roundoff("float32") * (np.abs(inverse) @ np.abs(a))


def _by_rows(a: Any) -> tuple[Any, Any]:
    """What a map in batches gives, whatever its batches are."""
    value = 111 * a * a[..., ::-1]
    return value, np.zeros(value.shape)


def _exact(name: str, source: str, *arguments: Array) -> FunctionSubject:
    return rule(name, source, *arguments, exact=True)


def _whole(*dims: str | int) -> Array:
    return of("whole", *dims)


_ENTRIES = (
    _exact("custom_vmap_call.mixed", _MIXED_VMAP, of("whole", 3, dtype="int32"), below(6)),
    _exact("custom_vjp_call.integers", _INTEGERS, _whole("n"), _whole("n"), below(5)),
    _exact("custom_vjp_call.mixed-tangents", _MIXED_TANGENTS, _whole("n")),
    _exact("custom_jvp_call.mixed-tangents", _MIXED_JVP, _whole("n")),
    _exact("remat_opt.collective", _REMAT_COLLECTIVE, of("few", 3, "n")),
    _exact("remat_opt.constants", _REMAT_CONSTANTS, _whole(3), _whole(3)),
    _exact("scatter.applied", _APPLIED, _whole(4), below(4)),
    _exact("cond.checked", _CHECKED, of("few", 3, 2)),
    rule("scan.in-batches", _IN_BATCHES, of("whole", 6, "n"), answer=_by_rows),
    _exact("add.own-primitive", _OWN_PRIMITIVE, _whole("n"), _whole("n")),
    _exact(
        "clamp.one-scalar",
        "lax.clamp(a, b, c), lax.clamp(c, b, a)",
        _whole("n"),
        _whole("n"),
        _whole(),
    ),
    _exact("stack.one", "jnp.stack([a]), jnp.stack([a], -1), lax.concatenate([a], 0)", _whole("n")),
    _exact(
        "scatter.in-a-map",
        "each = jax.vmap(lambda x, i, y: x.at[i].set(y))\n"
        "return each(a, b, c), each(a, jnp.array([[0, 2], [1, 3], [3, 0]]), c)",
        *(_whole(3, 4), below(4, 3, 2), _whole(3, 2)),
    ),
    _exact(
        "dynamic_update_slice.past-the-end",
        "lax.dynamic_update_slice(a, b, (c, 0)), lax.dynamic_slice(a, (c, 0), (3, 2))",
        *(_whole(4, 2), _whole(3, 2), below(7)),
    ),
    _exact("select_n.one-case", "lax.select_n(a, b)", of("normal", dtype="bool"), _whole(*MN)),
    rule(
        "tridiagonal_solve.shared-matrices",
        "one = np.float32([[0, 1, 2, 1], [8, 4, 8, 4], [1, 2, 1, 0]])\n"
        "return lax.linalg.tridiagonal_solve(*np.stack([one, 2 * one], 1), a)",
        of("whole", 2, 4, "n"),
        answer=_solved,
    ),
    _exact("random_split.key-reuse", _KEYS, of("bits", 2, dtype="uint32")),
    _exact("cond.infinite-elsewhere", _INFINITE, of("few"), of("few"), of("few", 4)),
    _exact(
        "cond.operand-ignored",
        "lax.cond(a > 2, lambda x, y: y, lambda x, y: jnp.ones_like(y), b, jnp.arange(3.0)), "
        "lax.switch(a, [lambda x: x, lambda x: 2 * x, lambda x: jnp.zeros(3)], jnp.arange(3.0)), "
        "lax.cond(a > 2, lambda: b, lambda: 2 * b)",
        *(below(5), _whole(*MN)),
    ),
    _exact("cond.constant-first", _CONSTANT, _whole("n")),
    _exact("custom_vmap_call.says-what-is-mapped", _SAID, _whole("n")),
    _exact("convert_element_type.weak", _WEAK, below(8)),
    _exact(
        "custom_linear_solve.diagonal",
        "s = (a > 0).astype(a.dtype) + 1\n"
        "return lax.custom_linear_solve(lambda x: s * x, b, lambda _, y: y / s, symmetric=True)",
        *(_whole(*MN), _whole(*MN)),
    ),
    _exact(
        "scan.constant-carry",
        "turn = lambda c, x: ((c[1], c[0] + 0 * x[0], c[2], c[2] * c[2]), c[3])\n"
        "zero = jnp.float32(2)\n"
        "return lax.scan(turn, (zero, zero, zero, zero), a)",
        _whole(4, "n"),
    ),
    _exact(
        "while.condition-alone",
        "lax.while_loop(lambda c: c[0] < a, lambda c: (c[0] + 1, c[2], c[1]), (0, b, 2 * b)), "
        "lax.while_loop(lambda c: c[0] < a, lambda c: (c[0] + 2, c[1]), (0, jnp.arange(3)))",
        *(below(6), _whole("n")),
    ),
    _exact(
        "while.condition-later",
        "turn = lambda c: (c[0] + 1, c[2], c[2] + a, c[3] + c[1])\n"
        "return lax.while_loop(lambda c: (c[0] < 4) & (c[1] < 6), turn, (0, 0, 0, b))",
        *(below(6), _whole("n")),
    ),
    _exact(
        "get.indexers",
        "ref = jax.new_ref(a)\n"
        "return ref[1], ref[1:3], ref[b], ref[1, 1:], ref[jnp.stack([b, 3 - b])], "
        "ref[:, b], ref[jnp.arange(2), jnp.arange(2)]",
        *(_whole(4, 4), below(4)),
    ),
    _exact(
        "get.indexed-twice",
        "ref = jax.new_ref(a)\nref.at[2][b] = a[0, 3]\nreturn ref.at[1][b], ref.at[b].at[3][...], ref[...]",
        *(_whole(4, 4), below(4)),
    ),
    _exact(
        "get.beside-number",
        "ref = jax.new_ref(a)\nreturn ref[b, 1], ref[1, b]",
        *(_whole(4, 4), below(4)),
    ),
    _exact(
        "swap.beside-number",
        "ref = jax.new_ref(a)\n"
        "ref[b, 1] = c\n"
        "jax.ref.addupdate(ref, (1, b), c)\n"
        "return jax.ref.swap(ref, (b, 2), c), ref[...]",
        *(_whole(4, 4), below(4), _whole()),
    ),
    _exact(
        "swap.indexers",
        "ref = jax.new_ref(a)\n"
        "first = jax.ref.swap(ref, 1, c)\n"
        "second = jax.ref.swap(ref, (slice(2, 4), b), c[:2])\n"
        "ref[jnp.stack([b, 3 - b]), 0] = c[2:]\n"
        "ref[0, 1:3] = first[:2]\n"
        "return first, second, ref[...]",
        *(_whole(4, 4), below(4), _whole(4)),
    ),
    _exact(
        "addupdate.indexers",
        "ref = jax.new_ref(a)\n"
        "jax.ref.addupdate(ref, 2, c)\n"
        "jax.ref.addupdate(ref, (slice(1, 3), b), c[:2])\n"
        "jax.ref.addupdate(ref, (b, slice(0, 2)), c[1:3])\n"
        "return ref[...]",
        *(_whole(4, 4), below(4), _whole(4)),
    ),
)
CORNERS = tuple(attrs.evolve(each, is_variant=True) for each in (*_ENTRIES, *REFERENCES))
