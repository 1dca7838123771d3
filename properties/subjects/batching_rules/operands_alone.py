"""Each operand of a rule mapped alone, and all of no examples: what a map of it is made of.

Shapes and dtypes are enough: no value is computed, so that many calls cost little.
"""

import attrs

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import exactly, of, rule

_FUNCTIONS = (
    # Operands are two vectors of four numbers, a matrix, and an index.
    *("lambda x, y: x + y", "lambda x, y: lax.atan2(x, y)", "lambda x, y: lax.complex(x, y)"),
    *("lambda x, y: lax.clamp(x, y, 2 * y)", "lambda x, y, m, i: lax.select_n(m > 0, m, x * m)"),
    "lambda x, y: lax.select_n(x > 0, x, y)",
    *("lambda x, y: lax.concatenate([x, y], 0)", "lambda x, y: lax.pad(x, y[0], [(1, 2, 1)])"),
    *("lambda x, y: lax.dot(x, y)", "lambda x, y, m, i: m @ x", "lambda x, y: jnp.outer(x, y)"),
    *(
        "lambda x, y, m, i: m[i]",
        "lambda x, y, m, i: x[i]",
        "lambda x, y, m, i: jnp.take(x, i[None])",
    ),
    *("lambda x, y, m, i: m.at[i].set(x)", "lambda x, y, m, i: m.at[i, i].add(x[0])"),
    *(
        "lambda x, y, m, i: x.at[i].min(y[0])",
        "lambda x, y, m, i: lax.dynamic_slice(m, (i, i), (2, 2))",
    ),
    *(
        "lambda x, y, m, i: lax.dynamic_update_slice(m, y[None], (i, 0))",
        "lambda x, y, m, i: lax.dynamic_slice(x, (i,), (2,))",
    ),
    *("lambda x, y: lax.sort((x, y), num_keys=1)", "lambda x, y: lax.betainc(x, y, x)"),
    "lambda x, y: lax.conv_general_dilated(x[None, None], y[None, None, :3], (1,), 'SAME')",
    (
        "lambda x, y, m, i: lax.conv_general_dilated(m[None], y[:3].reshape(1, 1, 3) * m[:, :1, None],"
        " (1,), 'SAME', feature_group_count=4)"
    ),
    (
        "lambda x, y, m, i: lax.conv_general_dilated(m[:, None], y[:3].reshape(1, 1, 3) * m[:, :1, None],"
        " (1,), 'SAME', batch_group_count=4)"
    ),
    "lambda x, y, m, i: lax.linalg.triangular_solve(m, x[:, None], left_side=True)",
    *(
        f"lambda x, y, m, i: lax.linalg.tridiagonal_solve({three}, m)"
        for three in ("x, x, y", "x, y, x", "y, x, x")
    ),
    "lambda x, y, m, i: lax.linalg.householder_product(m, x)",
    *(
        "lambda x, y, m, i: lax.cond(i > 0, lambda x, y: x * y, lambda x, y: x, x, y)",
        "lambda x, y, m, i: lax.switch(i, [lambda x: x, lambda x: 2 * x], x) + y",
        "lambda x, y, m, i: lax.scan(lambda c, r: (c + r * y, c), x, m)",
        "lambda x, y, m, i: lax.while_loop(lambda c: c[0] < i, lambda c: (c[0] + 1, c[1] * y), (0, x))",
        "lambda x, y, m, i: lax.fori_loop(0, i, lambda _, c: c + y, x)",
        "lambda x, y: lax.map(lambda z: z * y, x, batch_size=3)",
        "lambda x, y, m, i: lax.custom_linear_solve(lambda z: m @ z, x, lambda f, b: b * y)",
    ),
    *("lambda x, y: lax.top_k(x * y, 2)", "lambda x, y, m, i: lax.cumsum(m * x, 1)"),
    "lambda x, y, m, i: lax.reduce_window(m * x, 0.0, lax.add, (1, 2), (1, 1), 'VALID')",
    "lambda x, y, m, i: jax.random.uniform(jax.random.fold_in(jax.random.key(0), i), (3,))",
    "lambda x, y, m, i: lax.expand_dims(lax.rev(m * y, (1,)), (0, 2))",
    "lambda x, y, m, i: jnp.argmax(m * x, 1)",
    "lambda x, y, m, i: jax.grad(lambda z: jnp.sum(lax.dynamic_slice(z, (i,), (2,)) * y[:2]))(x)",
)
_LINES = "".join(f"    {each},\n" for each in _FUNCTIONS)
_ALONE = f"""
import inspect

if jax.__version_info__ < (0, 5):
    raise NotImplementedError("its loops take no batch_size")

operands = [jax.ShapeDtypeStruct(*each) for each in (
    ((4,), np.float32), ((4,), np.float32), ((4, 4), np.float32), ((), np.int32))]
functions = [
{_LINES}]

def types(function, *given):
    found = jax.tree_util.tree_leaves(jax.eval_shape(function, *given))
    return [(x.shape, x.dtype) for x in found]

def mapped(function, given, axes, size):
    # Each operand that is mapped has its batch in front, the second at its end.
    whole = [
        x if axis is None else jax.ShapeDtypeStruct(
            (size, *x.shape) if axis == 0 else (*x.shape, size), x.dtype)
        for x, axis in zip(given, axes)
    ]
    return types(jax.vmap(function, tuple(axes)), *whole)

def is_mapped(function):
    given = operands[: len(inspect.signature(function).parameters)]
    one = types(function, *given)
    places = [-1 if i == 1 else 0 for i in range(len(given))]
    ways = [(places, 0)] + [
        ([place if k == i else None for k, place in enumerate(places)], 3) for i in range(len(given))
    ]
    return all(
        mapped(function, given, axes, size) == [((size, *shape), dtype) for shape, dtype in one]
        for axes, size in ways
    )

return a + jnp.array([is_mapped(each) for each in functions], a.dtype)
"""
OPERANDS_ALONE: tuple[FunctionSubject, ...] = (
    attrs.evolve(
        rule(
            "select_n.operands-alone",
            _ALONE,
            of("whole"),
            answer=lambda a: exactly(a[..., None] + [1.0] * len(_FUNCTIONS)),
        ),
        most_axes=1,
    ),
)
