"""The same call said in many ways, values alike but for type or sign, and types under strict settings."""

from typing import Any

import attrs
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import exactly, of, rule

_NAMES = (
    "f",
    "args",
    "kwargs",
    "jaxpr",
    "g",
    "dbg",
    "trace",
    "name",
    "x",
    "params",
    "tree",
    "primals",
)
"""Names that wrappers have for what is their own, and a user's arguments may have, too."""
_NAMED = f"""
import functools

if jax.__version_info__ < (0, 9):
    raise NotImplementedError("its jit takes no argument that is named as one of its own")

def use(fun, *, {", ".join(f"{name}=0" for name in _NAMES)}):
    return fun + {" + ".join(f"{i + 2} * {name}" for i, name in enumerate(_NAMES))}

def product(fun, args, kwargs):
    return fun * args + kwargs

def power(x, n, k=1):
    return x * n * k

names = dict.fromkeys({_NAMES}, a)
only = lambda **given: use(**given)
wrappers = jax.jit, jax.vmap, jax.checkpoint, functools.partial(jax.named_call, name="named")
forward, backward = jax.custom_jvp(product), jax.custom_vjp(product)
mapped = jax.custom_batching.custom_vmap(product)
forward.defjvp(lambda p, t: (product(*p), 3 * t[0]))
backward.defvjp(lambda *given: (product(*given), None), lambda _, g: (g, g, g))
mapped.def_vmap(lambda size, which, x, y, z: (x * y + z, True) if any(which) else (product(x, y, z), False))
sum_of = lambda x, y: jnp.sum(x * y)
static, kept = functools.partial(jax.jit, power), functools.partial(jax.checkpoint, power)
return (
    [wrapper(only)(fun=a, **names) for wrapper in wrappers],
    jax.value_and_grad(lambda fun, **given: jnp.sum(use(fun, **given)))(a, **names),
    [each(fun=a, args=2 * a, kwargs=5 * a) for each in (forward, backward, mapped)],
    jax.jit(forward)(kwargs=a, args=a, fun=2 * a),
    # Positions are a number, or numbers in a tuple or a list, from either end; or there are names.
    *(static(static_argnums=1)(a, 3), static(static_argnums=[1, 2])(a, 3, 2)),
    static(static_argnums=-1)(a, 2, 3),
    *(static(static_argnames="k")(a, 3, k=2), static(static_argnames=("k", "n"))(a, n=3, k=2)),
    *(kept(static_argnums=1)(a, 3), kept(static_argnums=(1, 2))(a, 3, 2), kept(static_argnums=-1)(a, 2, 3)),
    jax.grad(sum_of, 1)(a, 2 * a), jax.grad(sum_of, (-1,))(a, 2 * a), jax.grad(sum_of, [0, 1])(a, 2 * a),
)
"""
_ALIKE = """
@jax.jit
def alike(x):
    # Two zeros, truth and one, and ones of several types: each is a constant of its own.
    whole, brief = x.astype(jnp.int32), x.astype(jnp.int8)
    return (
        *(jnp.copysign(x, 0.0), jnp.copysign(x, -0.0), jnp.signbit(jnp.where(x > 99, 1.0, -0.0))),
        *(jnp.signbit(jnp.where(x > 99, 1.0, 0.0)), x + True, x + 1, x + 1.0, whole + True, whole + 1),
        *(whole + 1.0, brief + 1, brief + jnp.int8(1), brief + np.int32(1), x.astype(jnp.float16) + 1),
        *(jnp.where(x > 99, jnp.nan, 0.0), jnp.where(x > 99, -jnp.nan, 1.0), x > False, brief == True),
    )

return alike(a)
"""
_EARLIER = """
if jax.__version_info__ < (0, 8):
    raise NotImplementedError("a solver leaves what is to be evaluated")
with jax.ensure_compile_time_eval():
    solved, doubled = jnp.eye(3) @ jnp.ones(3) / 2, jax.jit(lambda y: 2 * y)(jnp.ones(3))
    mapped = jax.vmap(lambda y: y + 1)(jnp.arange(3.0))
    slope, sorted_ = float(jax.grad(lambda y: y * y)(2.0)), jnp.sort(jnp.array([3.0, 1, 2])).tolist()
    chosen = bool(solved[0] > 0)
return a * solved + doubled + mapped + slope + jnp.array(sorted_) * chosen
"""
_STRICT = """
if jax.__version_info__ < (0, 6):
    raise NotImplementedError("some of its rules promote ranks, or dtypes")
linalg, tangent = jnp.linalg, jnp.ones((2, 3, 3))
functions = (
    linalg.eigh, linalg.cholesky, linalg.inv, linalg.det, linalg.slogdet, linalg.qr, linalg.eigvalsh,
    lambda s: linalg.svd(s, full_matrices=False), lambda s: linalg.solve(s, jnp.ones((2, 3, 1))),
    jax.scipy.linalg.expm, lambda s: lax.linalg.lu(s)[0], lambda s: linalg.matrix_power(s, 3), linalg.pinv,
    lambda s: lax.linalg.triangular_solve(s, s, left_side=True, lower=True), jax.nn.softmax, jax.nn.gelu,
    lambda s: lax.linalg.tridiagonal_solve(s[:, 0], s[:, 1], s[:, 2], s), linalg.norm, jnp.prod, jnp.var,
    lambda s: jnp.cumprod(s, 1), lambda s: lax.cumlogsumexp(s, 1), jnp.sort, jnp.median, jax.nn.logsumexp,
    lambda s: lax.conv_general_dilated(s, s, (1,), "SAME"), lambda s: jnp.max(s, 1), jnp.sinc, linalg.cond,
    lambda s: lax.reduce_window(s, np.float32(-np.inf), lax.max, (1, 2, 2), (1, 1, 1), "VALID"),
    lambda s: lax.top_k(s, 2)[0], lambda s: s[:, jnp.array([1, 2])], linalg.multi_dot, jnp.fft.rfft,
    lambda s: jax.scipy.special.gammainc(np.float32(2), s), lambda s: jnp.roll(s, 1, 1),
)

def types(function):
    forward = jax.eval_shape(lambda s: jax.jvp(function, (s,), (tangent,)), tangent)
    back = lambda s, g: jax.vjp(function, s)[1](g)
    return forward, jax.eval_shape(back, tangent, forward[0])

with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
    kept = [jax.tree_util.tree_leaves(types(each)[1])[0].shape == (2, 3, 3) for each in functions]
return a + jnp.array(kept, a.dtype)
"""
_STRICTLY = 36
"""How many functions these are."""
_MOVED = """
if jax.__version_info__ < (0, 5):
    raise NotImplementedError("it gives the program an array of another size")

def total(x):
    # Of the first pair one alone is used, and of the tree the number is no argument.
    first, _ = jax.device_put((x, 2 * x))
    tree = jax.device_put({"a": x * x, "n": 3}, jax.devices()[0])
    return jnp.sum(first * x) + jnp.sum(tree["a"]) * tree["n"]

return jax.grad(total)(a), jax.jit(jax.grad(total))(a), jax.jvp(total, (a,), (a,)), jax.grad(
    lambda x: jnp.sum(jax.device_put((x, 3 * x))[1]))(a)
"""
_TURNED = """
image, kernel = a[None, :, None] * jnp.ones((1, 1, 2)), jnp.arange(8.0).reshape(2, 2, 2)
ways = "SAME", "VALID", [(1, 1)], ((0, 1),), [[1, 0]]
plain = [lax.conv_transpose(image, kernel, (2,), each)[0] for each in ways]
return plain, lax.conv_transpose(image, kernel, (1,), [(1, 1)], rhs_dilation=(2,), transpose_kernel=True)[0]
"""


def _named(a: Any) -> Any:
    number = 1 + sum(range(2, len(_NAMES) + 2))
    each, product = number * a, 2 * a * a + 5 * a
    return exactly(
        (
            *([each] * 4, (each.sum(), 0 * a + 1), [product] * 3, 2 * a * a + a),
            *(3 * a, 6 * a, 6 * a, 6 * a, 6 * a, 3 * a, 6 * a, 6 * a),
            *(a, (a,), (2 * a, a)),
        )
    )


def _alike(a: Any) -> Any:
    whole, brief, no = a.astype("int32"), a.astype("int8"), a > 99
    size = np.abs(a)
    return exactly(
        (
            *(size, -size, ~no, no, a + 1, a + 1, a + 1, whole + 1, whole + 1),
            *(a + 1, brief + 1, brief + 1, whole + 1, a.astype("float16") + 1),
            *(0 * size, 0 * size + 1, a > 0, brief == 1),
        )
    )


def _turned(a: Any) -> Any:
    """Rows of the kernel, turned by one or not, lie where each number of the image is."""
    kernel = np.arange(8.0, dtype="float32").reshape(2, 2, 2)

    def laid(step: int, left: int, right: int) -> Any:
        spread = np.zeros((step * (len(a) - 1) + 1, 2), "float32")
        spread[::step] = a[:, None]
        padded = np.pad(spread, ((left, right), (0, 0)))
        return np.stack(
            [sum(padded[i + k] @ kernel[k] for k in (0, 1)) for i in range(len(padded) - 1)]
        )

    spread = np.pad(np.stack([a, a], 1), ((1, 1), (0, 0)))
    flipped = kernel[::-1].swapaxes(1, 2)
    dilated = [spread[i] @ flipped[0] + spread[i + 2] @ flipped[1] for i in range(len(a))]
    return exactly(
        ([laid(2, *each) for each in ((1, 1), (1, 1), (1, 1), (0, 1), (1, 0))], np.stack(dilated))
    )


_BESIDE_NUMBERS = """
n, no_axes, own = a.astype(jnp.int32), (((), ()), ((), ())), a[0]
return (
    lax.dot_general(a, 2.0, no_axes), lax.dot_general(2.0, a, no_axes), lax.dot_general(own, 3.0, no_axes),
    jnp.tensordot(a, 2.0, 0), jnp.dot(a, 2.0), jnp.inner(2.0, a), jnp.outer(3.0, a), jnp.kron(a, 2.0),
    jnp.where(a > 1, a, 0.0), jnp.where(a > 1, 2.0, 3.0), lax.select_n(own > 1, 0.0, 1.0),
    lax.clamp(0.0, a, 1.0), lax.clamp(-1.0, own, 2.0), lax.clamp(own, 1.0, 3.0),
    lax.pad(a, 0.0, [(1, 1, 0)]), lax.max(own, 1.0), lax.sub(2.0, own), lax.mul(own, 2.0), lax.pow(a, 2),
    lax.rem(n, 3), lax.shift_left(n * n, 1), lax.complex(own, 0.0), lax.eq(own, 1.0),
    lax.reduce(a, 0.0, lax.add, (0,)), lax.reduce(a, -np.inf, lax.max, (0,)),
    lax.reduce_window(a, 0.0, lax.add, (2,), (1,), "VALID"),
    lax.dynamic_slice(a, (1,), (2,)), lax.dynamic_update_slice(a, a[:1], (2,)),
    a.at[0].set(2.0), a.at[1].add(1), a.at[jnp.array([0, 2])].multiply(3.0), a.at[-1].max(2.0),
    lax.dynamic_index_in_dim(a, 1), jnp.full_like(a, 2), lax.broadcast_in_dim(2.0, (3,), ()) + a,
    lax.concatenate([a, np.ones(1, a.dtype)], 0),
    lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * own), (0, 1.0))[1],
    lax.fori_loop(0, 3, lambda i, c: c + own, 0.0), lax.scan(lambda c, x: (c + x, c), 0.0, a),
    lax.cond(own > 1, lambda x: own * x, lambda x: own + x, 2.0),
    lax.switch(1, [lambda x, y: x, lambda x, y: y + x], a, 2.0),
)
"""
_ENTRIES = (
    rule("jit.said-in-many-ways", _NAMED, of("whole", 3), answer=_named),
    rule("copy.alike", _ALIKE, of("whole", 3), answer=_alike),
    rule(
        "jit.evaluated-earlier",
        _EARLIER,
        of("whole", 3),
        answer=lambda a: exactly(a / 2 + np.array([8, 10, 12], np.float32)),
    ),
    rule(
        "eigh.slopes-under-settings",
        _STRICT,
        of("whole"),
        answer=lambda a: exactly(a[..., None] + np.ones(_STRICTLY, a.dtype)),
    ),
    rule("dot_general.beside-numbers", _BESIDE_NUMBERS, of("whole", 3), exact=True),
    rule(
        "device_put.slopes",
        _MOVED,
        of("whole", 3),
        answer=lambda a: exactly((8 * a, 8 * a, (4 * (a * a).sum(), 8 * (a * a).sum()), 0 * a + 3)),
    ),
    rule("conv_general_dilated.turned", _TURNED, of("whole", 3), answer=_turned),
)
WAYS_TO_CALL: tuple[FunctionSubject, ...] = tuple(
    attrs.evolve(each, most_axes=1) for each in _ENTRIES
)
