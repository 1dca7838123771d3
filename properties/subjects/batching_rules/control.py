"""Control flow, custom rules, callbacks, references and what calls functions."""

from typing import Any

import numpy as np

from properties.subject import Array
from properties.subjects.batching_rules.entry import MN, below, of, rule

_CUSTOM_JVP = """
@jax.custom_jvp
def twice(x):
    return x + x

twice.defjvp(lambda primals, tangents: (twice(*primals), 3 * tangents[0]))
"""
_CUSTOM_VJP = """
@jax.custom_vjp
def product(x, y):
    return x * y

product.defvjp(lambda x, y: (x * y, (x, y)), lambda kept, g: (2 * g * kept[1], 3 * g * kept[0]))
"""
_REMATTED = """
@jax.custom_vjp
def cube(x):
    return x * x * x

cube.defvjp(lambda x: (x * x * x, x), lambda x, g: (3 * x * x * g,), optimize_remat=True)
return jax.value_and_grad(lambda x: jnp.sum(cube(x)))(a)
"""
_CUSTOM_VMAP = """
@jax.custom_batching.custom_vmap
def product(x, y):
    return x * y

@product.def_vmap
def _(size, mapped, x, y):
    x, y = (v if is_mapped else jnp.broadcast_to(v, (size, *v.shape)) for v, is_mapped in zip((x, y), mapped))
    return product(x, y), True
"""
_NO_COTANGENT = """
@jax.custom_vjp
def product(x, y):
    return x * y

product.defvjp(lambda x, y: (x * y, y), lambda y, g: (None, g * y))
shared = lambda x, y: jnp.sum(jax.vmap(product, (None, 0))(x, y))
paired = lambda x, y: jnp.sum(jax.vmap(product, (1, 1))(x, y))
of_shared, of_paired = jax.grad(shared, (0, 1))(a, b), jax.grad(paired, (0, 1))(b, b)
return jnp.concatenate([of_shared[0][None], of_shared[1], *of_paired])
"""
_NO_TANGENT = """
zero = jax.custom_derivatives.SymbolicZero

@jax.custom_jvp
def both(x, y):
    return x * y, y

def rule(given, tangents):
    (x, y), (dx, dy) = given, tangents
    return (x * y, y), ((jnp.zeros_like(x) if isinstance(dx, zero) else dx) * y, dy)

both.defjvp(rule, symbolic_zeros=True)
values, tangents = jax.jvp(lambda x: jax.vmap(both, (0, None))(x, a), (b,), (b,))
_, along_columns = jax.jvp(lambda x: jax.vmap(both, (1, 1), 1)(x, b), (b,), (b,))
return jnp.concatenate([*values, *tangents, *along_columns])
"""
_SQUARE_VMAP = """
@jax.custom_batching.custom_vmap
def square(x):
    return x * x

@square.def_vmap
def _(size, mapped, x):
    return (x * x if mapped[0] else jnp.broadcast_to(x * x, (size, *x.shape))), True
"""


def _gradient_of_shared(a: Any, b: Any) -> tuple[Any, Any]:
    """The sum over the examples of what the custom rule says of each."""
    value = 2 * b.sum(0)
    return value, np.zeros(value.shape)


def _one_cotangent(a: Any, b: Any) -> tuple[Any, Any]:
    """Zero for what the rule has no cotangent of, and g y for the other argument, g being one."""
    value = np.concatenate([0 * a[None], b, 0 * b, b])
    return value, np.zeros(value.shape)


def _one_tangent(a: Any, b: Any) -> tuple[Any, Any]:
    """The values x y and y; their tangents dx y and, of what has none, zero."""
    value = np.concatenate([a * b, 0 * b + a, a * b, 0 * b, b * b, 0 * b])
    return value, np.zeros(value.shape)


def _whole() -> tuple[Array, Array]:
    return of("whole", *MN), of("whole", *MN)


CONTROL = (
    rule(
        "cond",
        "lax.cond(a, lambda x: x + 1, lambda x: -x, b)",
        of("normal", dtype="bool"),
        of("whole", *MN),
        exact=True,
    ),
    rule(
        "cond.switch",
        "branches = [lambda x, y: x + y, lambda x, y: x - y, lambda x, y: 2 * y]\n"
        # Every branch, and an index beyond either end, for each example.
        "return [lax.switch((a + i) % 5 - 1, branches, b, c) for i in range(5)]",
        below(5),
        *_whole(),
        exact=True,
    ),
    rule(
        "scan",
        "lax.scan(lambda carry, x: (carry + x, carry * x), a, b)",
        of("whole", "n"),
        of("few", 3, "n"),
        exact=True,
    ),
    rule(
        "scan.reversed",
        "lax.scan(lambda carry, x: ((carry[0] + x, carry[1] + 1), carry[0]), (a, 0), b, reverse=True)",
        of("whole", "n"),
        of("whole", 4, "n"),
        exact=True,
    ),
    # As a path is traced back through the tables of a dynamic program.
    rule(
        "scan.indexed",
        "lax.scan(lambda i, row: (row[i], row[i]), jnp.argmax(b), a)[1]",
        below(3, 4, 3),
        of("distinct", 3),
        exact=True,
    ),
    rule(
        "scan.chain",
        # Mapped rows reach the first of the carry in the third turn.
        "chain = lambda c, x: ((c[1], c[2], c[2] + x), c[0])\n"
        "zero = jnp.zeros(a.shape[1:], a.dtype)\n"
        "return lax.scan(chain, (zero, zero, zero), a)",
        of("few", 4, "n"),
        exact=True,
    ),
    rule(
        "while.chain",
        "turn = lambda c: (c[0] + 1, c[2], c[3], c[3] + a)\n"
        "zero = jnp.zeros_like(b)\n"
        "return lax.while_loop(lambda c: c[0] < 4, turn, (0, zero, zero, b))",
        *_whole(),
        exact=True,
    ),
    rule(
        "cond.constant",
        "lax.cond(a, lambda x: jnp.ones_like(x), lambda x: 2 * x, b), "
        "lax.cond(a, lambda x: jnp.full((3,), 2.0), lambda x: jnp.zeros(3), b)",
        of("normal", dtype="bool"),
        of("whole", *MN),
        exact=True,
    ),
    rule(
        "while",
        "lax.while_loop(lambda c: c[0] < a, lambda c: (c[0] + 1, c[1] + b), (0, b))",
        below(6),
        of("whole", *MN),
        exact=True,
    ),
    rule(
        "while.mapped-carry",
        "lax.while_loop(lambda c: jnp.sum(c) < 40, lambda c: c + 7, a)",
        of("whole", *MN),
        exact=True,
    ),
    rule(
        "while.counted",
        "lax.fori_loop(0, 3, lambda i, c: c + i * b, a)",
        *_whole(),
        exact=True,
    ),
    rule("jit", "jax.jit(lambda x, y: x * y)(a, b)", *_whole(), exact=True),
    rule("remat2", "jax.checkpoint(lambda x, y: x * y)(a, b)", *_whole(), exact=True),
    rule(
        "custom_jvp_call",
        _CUSTOM_JVP + "return twice(a), jax.jvp(twice, (a,), (b,))",
        *_whole(),
        exact=True,
    ),
    rule(
        "custom_vjp_call",
        _CUSTOM_VJP + "return product(a, b), jax.vjp(product, a, b)[1](a)",
        *_whole(),
        exact=True,
    ),
    rule(
        "custom_vjp_call.shared",
        _CUSTOM_VJP + "return jax.grad(lambda x: jnp.sum(jax.vmap(lambda y: product(x, y))(b)))(a)",
        *(of("whole", "n"), of("whole", "m", "n")),
        answer=_gradient_of_shared,
    ),
    rule(
        "custom_vjp_call.shared-halves",
        _CUSTOM_VJP + "a, b = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)\n"
        "sum_of = lambda x: jnp.sum(jax.vmap(lambda y: product(x, y))(b))\n"
        "gradient = jax.grad(sum_of)(a)\n"
        # Zero where the gradient is of another dtype than the argument.
        "return gradient.astype(jnp.float32) * (gradient.dtype == a.dtype)",
        *(of("few", "n"), of("few", "m", "n")),
        answer=_gradient_of_shared,
    ),
    rule(
        "custom_vjp_call.one-cotangent",
        _NO_COTANGENT,
        *(of("whole", "n"), of("whole", "m", "n")),
        answer=_one_cotangent,
    ),
    rule(
        "custom_jvp_call.one-tangent",
        _NO_TANGENT,
        *(of("whole", "n"), of("whole", "m", "n")),
        answer=_one_tangent,
    ),
    rule("custom_vmap_call", _CUSTOM_VMAP + "return product(a, b)", *_whole(), exact=True),
    rule(
        "custom_vmap_call.forward",
        _SQUARE_VMAP + "return jax.jvp(square, (a,), (b,))",
        *_whole(),
        exact=True,
    ),
    rule(
        "custom_vmap_call.sequential",
        "square = jax.custom_batching.sequential_vmap(lambda x: x * x)\n"
        "return square(a), jax.jvp(square, (a,), (b,))",
        *_whole(),
        exact=True,
    ),
    rule(
        "custom_linear_solve",
        "lax.custom_linear_solve(lambda x: 2 * x, a, lambda _, y: y / 2, symmetric=True)",
        of("whole", "m"),
        exact=True,
    ),
    rule(
        "pure_callback",
        "way = {} if jax.__version_info__ < (0, 4, 34) else {'vmap_method': 'sequential'}\n"
        "return jax.pure_callback(lambda x, y: np.asarray(x) * np.asarray(y), a, a, b, **way)",
        *_whole(),
        exact=True,
    ),
    rule(
        "io_callback",
        "io_callback(lambda x: 2 * np.asarray(x), a, a)",
        of("whole", *MN),
        exact=True,
    ),
    rule(
        "debug_callback",
        "jax.debug.callback(lambda x: None, a)\nreturn a + 1",
        of("whole", *MN),
        exact=True,
    ),
    rule("debug_print", "jax.debug.print('{}', a)\nreturn a + 1", of("whole", "n"), exact=True),
    rule("remat_opt", _REMATTED, of("whole", "n"), exact=True),
    rule(
        "program_order",
        "from jax.experimental import overlap\n"
        "return overlap.program_order(lambda x: jnp.flip(2 * x, 0) + 1, enforce=False)(a)",
        of("whole", *MN),
        exact=True,
    ),
    rule("dce_sink", "lax.dce_sink(a)\nreturn a + 1", of("whole", *MN), exact=True),
    rule(
        "sharding_constraint",
        "mesh = jax.sharding.Mesh(jax.devices()[:1], 'x')\n"
        "whole = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())\n"
        "return lax.with_sharding_constraint(a, whole)",
        of("whole", *MN),
        exact=True,
    ),
    rule(
        "reshard",
        "explicit = (jax.sharding.AxisType.Explicit,)\n"
        "mesh = jax.sharding.Mesh(jax.devices()[:1], ('x',), axis_types=explicit)\n"
        "whole = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())\n"
        "return jax.sharding.reshard(a, whole)",
        of("whole", *MN),
        exact=True,
    ),
    rule(
        "layout_constraint",
        # Under jit: jax 0.8.1 to 0.9.0 give wrong values, silently, of eager operations on an array of
        # another layout whose program comes from the persistent compilation cache.
        "from jax.experimental.layout import Layout, with_layout_constraint as laid\n"
        "return jax.jit(lambda x: laid(x, Layout((0, 1))) + laid(x.T, Layout((1, 0))).T)(a)",
        of("whole", *MN),
        exact=True,
    ),
    rule(
        "inspect_sharding",
        "b = jnp.add(a, 1)\njax.debug.inspect_array_sharding(b, callback=lambda sharding: None)\nreturn b",
        of("whole", *MN),
        exact=True,
    ),
    rule("empty", "lax.empty((3,), jnp.float32)[:0] + a[:0, 0]", of("whole", *MN), exact=True),
    rule(
        "new_ref",
        "ref = jax.new_ref(a)\nref[...] += b\nreturn ref[...], jax.freeze(ref)",
        *_whole(),
        exact=True,
    ),
    rule(
        "get",
        "ref = jax.new_ref(a)\nrow = ref[b]\nref[b] = 2 * row\nreturn row, ref[...]",
        *(of("whole", *MN), below("m")),
        exact=True,
    ),
    rule(
        "swap",
        "ref = jax.new_ref(a)\nrow = jax.ref.swap(ref, b, c)\nreturn row, ref[...]",
        *(of("whole", *MN), below("m"), of("whole", "n")),
        exact=True,
    ),
    rule(
        "addupdate",
        "ref = jax.new_ref(a)\njax.ref.addupdate(ref, b, c)\nreturn ref[...]",
        *(of("whole", *MN), below("m"), of("whole", "n")),
        exact=True,
    ),
)
