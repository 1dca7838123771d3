"""Rules whose branches are taken only where some operand is shared, or the primitive is a user's own."""

from typing import Any

import attrs
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import below, exactly, of, rule
from reference.linear_algebra import near

_TANGENT_ALONE = """
@jax.custom_batching.custom_vmap
def parts(x, y):
    return x * y, 3 * x, jnp.arange(3.0)

@parts.def_vmap
def _(size, mapped, x, y):
    # One that says True of what is not mapped runs into a defect of JAX's.
    product = jax.vmap(lambda x, y: x * y, [0 if m else None for m in mapped])(x, y) if any(mapped) else x * y
    return (product, 3 * x, jnp.arange(3.0)), (any(mapped), mapped[0], False)

shared = jnp.arange(1.0, 4)
return (
    jax.jvp(parts, (a, shared), (b, shared)),
    jax.jvp(parts, (shared, b), (a, shared)),
    jax.jvp(parts, (shared, shared), (a, b)),
)
"""
_AXIS_BEHIND = """
# A product with a matrix in front has the examples along the last axis.
matrix = np.arange(6.0, dtype="float32").reshape(2, 3)

@jax.custom_batching.custom_vmap
def mapped(x, y):
    return matrix @ x + y, x, matrix @ x

@mapped.def_vmap
def _(size, which, x, y):
    product = x @ matrix.T if which[0] else matrix @ x
    return (product + y, x, product), (any(which), which[0], which[0])

@jax.custom_jvp
def forward(x):
    return matrix @ x

@jax.custom_vjp
def backward(x):
    return matrix @ x

forward.defjvp(lambda p, t: (matrix @ p[0], 2 * (matrix @ t[0])))
backward.defvjp(lambda x: (matrix @ x, x), lambda x, g: (x + matrix.T @ g,))
x, y = jnp.arange(3.0), jnp.arange(2.0)
return (
    [jax.jvp(mapped, *each) for each in (((x, y), (a, b)), ((a, y), (x, b)), ((x, b), (a, y)))],
    (forward(a), jax.jvp(forward, (x,), (a,)), jax.jvp(forward, (a,), (x,))),
    [each(b) for each in (jax.vjp(backward, x)[1], jax.vjp(backward, a)[1])],
)
"""
_FORWARD_ALONE = """
@jax.custom_vjp
def scaled(x, y):
    return x * y, 2 * y

def forward(x, y):
    return scaled(x, y), (x, y)

def backward(kept, g):
    return 3 * g[0] * kept[1], 5 * g[0] * kept[0] + 7 * g[1]

scaled.defvjp(forward, backward, optimize_remat=True)
# JAX does not differentiate what has a rule for reverse mode alone forward.
shared, x = jnp.arange(1.0, 4), lax.stop_gradient(a)
values = jax.jit(lambda x, y: jax.vjp(scaled, x, y)[0])
return values(x, shared), values(shared, x), jax.vjp(scaled, x, shared)[1]((x, shared))
"""
_OWN_BY_HELPERS = """
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

def made(name, function, shapes, rule):
    each = Primitive(name)
    each.multiple_results = name == 'sum_and_product'
    each.def_impl(function)
    each.def_abstract_eval(shapes)
    mlir.register_lowering(each, mlir.lower_fun(function, each.multiple_results))
    rule(each)
    return each

def joined(x, y):
    shape = tuple(n if m == 1 else m for m, n in zip(x.shape, y.shape))  # m may be 0: no examples
    return x.update(shape=shape)

twice = made('twice', lambda x: 2 * x, lambda x: x, batching.defvectorized)
weighted = made('weighted_sum', lambda x, y: 2 * x + 3 * y, joined, batching.defbroadcasting)
both = made(
    'sum_and_product',
    lambda x, y: (x + y, x * y),
    lambda x, y: (joined(x, y), joined(x, y)),
    batching.defbroadcasting,
)
three = jnp.full(a.shape, 3, a.dtype)
# What is not traced, the implementation's tuple, is a list where it is.
pairs = [*both.bind(a, b)], [*both.bind(a, a)]
return twice.bind(a), weighted.bind(a, b), pairs, weighted.bind(three, b)
"""
_SAME_REFERENCE = """
ref = jax.new_ref(jnp.stack([a, 2 * a]))
shared = jax.vmap(lambda one, other, x: one[...][0] + other[...][1] + x, (None, None, 0))(
    ref, ref, ref[...]
)
try:
    jax.vmap(lambda one, other: one[...] + other[...])(ref, ref)
except ValueError:
    return shared, 1
return shared, 0
"""


def _refused(a: Any) -> Any:
    """What a reference that two arguments share gives, and that two that are mapped raise."""
    return tuple(zip(exactly(np.stack([4 * a, 5 * a])), exactly(1), strict=True))


_BLOCKS = """
# The batch axis of the matrix stays where b has it.
s = (b > 0) * np.float32(1.5) + np.float32(0.5)

def product(x):
    return s * x[0], x[0] + s * x[1]

def solve(_, y):
    first = y[0] / s
    return first, (y[1] - first) / s

def transposed(_, y):
    second = y[1] / s
    return (y[0] - second) / s, second

def solved(y, z):
    return lax.custom_linear_solve(product, (y, z), solve, transposed)

fixed = jnp.arange(3.0)
return (
    solved(a, fixed),
    solved(fixed, a),
    # JAX refuses the derivative by one of them alone.
    jax.jvp(solved, (fixed, fixed), (a, fixed)),
    jax.vjp(solved, fixed, fixed)[1]((fixed, a)),
    jax.vjp(solved, fixed, a)[1]((a, fixed)),
)
"""
_PLATFORM = """
def squares(x):
    return lax.platform_dependent(x, cpu=lambda x: 3 * x * x, default=lambda x: x * x * 3)

def chosen(x):
    return lax.cond(b > 2, squares, lambda x: x, x)

return chosen(a), jax.grad(chosen)(a), jax.jvp(squares, (a,), (a,))
"""
_ELSEWHERE = """
if jax.__version_info__ < (0, 6, 2):
    raise NotImplementedError("a choice by platform within a branch compiles for every platform")
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

# It has no program for a CPU, which must be given none.
elsewhere = Primitive("elsewhere")
elsewhere.def_abstract_eval(lambda x: x)
mlir.register_lowering(elsewhere, mlir.lower_fun(lambda x: -x, False), platform="tpu")
batching.defvectorized(elsewhere)

def squares(x):
    return lax.platform_dependent(x, tpu=elsewhere.bind, default=lambda x: 3 * x * x)

return (
    lax.cond(b > 2, squares, lambda x: x, a),
    lax.switch(b, [squares, lambda x: x, lambda x: 2 * squares(x)], a),
    lax.while_loop(lambda at: at[0] > 3, lambda at: (at[0] - 1, squares(at[1])), (b, a))[1],
)
"""
_SINGULAR = """
zeros, diagonal = np.zeros(4, np.float32), np.float32([2, 0, 4, 8])

def is_finite(d, b):
    return jnp.isfinite(lax.linalg.tridiagonal_solve(zeros, d, zeros, b, perturb_singular=True))

return is_finite(diagonal, a), is_finite(b * diagonal, a)
"""


_SHARED_BROADCAST = """
def place(x):
    there = jax.vmap(lambda y: lax.pbroadcast(y, 'i', 1))(b)
    return x + there, jax.vmap(lambda z: z + lax.pbroadcast(b, 'i', 0))(jnp.stack([x, 2 * x]))

return jax.vmap(place, axis_name='i')(a)
"""


def _of_shared(a: Any, b: Any) -> Any:
    """A broadcast of what is the same everywhere leaves it as it is."""
    values = a + b[None], np.stack([a, 2 * a], 1) + b
    return tuple(zip(*map(exactly, values), strict=True))


_ENTRIES: tuple[FunctionSubject, ...] = (
    rule(
        "custom_vmap_call.tangent-alone",
        _TANGENT_ALONE,
        *(of("whole", 3), of("whole", 3)),
        exact=True,
    ),
    rule(
        "custom_vmap_call.axis-behind", _AXIS_BEHIND, *(of("whole", 3), of("whole", 2)), exact=True
    ),
    rule("remat_opt.forward-alone", _FORWARD_ALONE, of("whole", 3), exact=True),
    rule(
        "add.own-by-helpers", _OWN_BY_HELPERS, *(of("whole", 2, 3), of("whole", 2, 3)), exact=True
    ),
    rule("new_ref.given-twice", _SAME_REFERENCE, of("whole", "n"), answer=_refused),
    rule(
        "pbroadcast.of-shared",
        _SHARED_BROADCAST,
        *(of("whole", 3, 4), of("whole", 4)),
        answer=_of_shared,
    ),
    rule(
        "scan.in-no-batches",
        "lax.map(lambda row: row * row[::-1], a, batch_size=0), "
        "lax.map(lambda row: 2 * row, a, batch_size=1)",
        of("whole", 3, "n"),
        exact=True,
    ),
    rule(
        "tridiagonal_solve.each-diagonal",
        """
lower, upper = jnp.asarray(b).at[0].set(0), jnp.asarray(c).at[-1].set(0)
x = lax.linalg.tridiagonal_solve(lower, a, upper, d)
return a[:, None] * x + lower[:, None] * jnp.roll(x, 1, 0) + upper[:, None] * jnp.roll(x, -1, 0)""",
        *(of("above-one", 4), of("within-one", 4), of("within-one", 4), of("normal", 4, "n")),
        answer=lambda a, b, c, d: near(d, 8 * np.eye(4), 8 * d),
    ),
    rule(
        "tridiagonal_solve.singular",
        _SINGULAR,
        *(of("whole", 4, "n"), of("above-one", 4)),
        exact=True,
    ),
    rule("cond.by-platform", _PLATFORM, *(of("whole"), below(5)), exact=True),
    rule("cond.of-elsewhere", _ELSEWHERE, *(of("whole"), below(5)), exact=True),
    rule("custom_linear_solve.blocks", _BLOCKS, *(of("whole", 3), of("whole", 3)), exact=True),
    rule(
        "clamp.scalars", "lax.clamp(a, b, c)", *(of("whole"), of("whole"), of("whole")), exact=True
    ),
    rule(
        "rng_bit_generator.key",
        "key, bits = lax.rng_bit_generator(a, (4, 2))\nreturn 0 * key, 0 * bits",
        of("bits", 4, dtype="uint32"),
        exact=True,
    ),
    rule(
        "select_n.fixed-scalar",
        "lax.select_n(np.bool_(False), a, b), lax.select_n(np.int32(2), a, b, 3 * a)",
        *(of("whole", "m", "n"), of("whole", "m", "n")),
        exact=True,
    ),
    rule(
        "sharding_constraint.one-device",
        "lax.with_sharding_constraint(a, jax.sharding.SingleDeviceSharding(jax.devices()[0])), "
        "jax.jit(lambda x, y: lax.with_sharding_constraint(y, jax.sharding.SingleDeviceSharding("
        "jax.devices()[0])) + x)(a, np.float32(2))",
        of("whole", "n"),
        exact=True,
    ),
    rule(
        "conv_general_dilated.precise",
        "lax.conv_general_dilated(a, b, (1,), 'SAME', precision='highest',"
        " preferred_element_type=jnp.float32, feature_group_count=2)",
        *(of("whole", 2, 6, 5, dtype="bfloat16"), of("whole", 4, 3, 2, dtype="bfloat16")),
        exact=True,
    ),
)
OPERANDS = tuple(attrs.evolve(each, is_variant=True) for each in _ENTRIES)
