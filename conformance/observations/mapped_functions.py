"""Functions of one example, and of what all examples share, that are mapped wherever arrays may live."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.derived_functions import Function, derivatives, references
from conformance.observations.matrix_functions import MATRIX, symmetric
from conformance.observations.record import Absent, needed

lax = jax.lax


def functions() -> dict[str, Function]:
    """By name, functions of `a`, `i` and `w`.

    `a` is one example's three numbers, `i` its index; `w` are three numbers that all examples share.
    """
    return {
        **_arrays(),
        **_indexed(),
        **_shared(),
        **_control_flow(),
        **_joined(),
        **derivatives(),
        **_linear_algebra(),
        **_draws(),
        **references(),
    }


def _near(function: Function) -> Function:
    """The function plus eight: what rounds to almost nothing is compared to it."""
    return lambda *given: jax.tree_util.tree_map(lambda x: 8 + x, function(*given))


def _arrays() -> dict[str, Function]:
    return {
        "constant": lambda a, i, w: jnp.zeros(2),
        "python-number": lambda a, i, w: 1.0,
        "full-like": lambda a, i, w: jnp.full_like(a, a.sum()),
        "empty": lambda a, i, w: 0 * lax.empty((2,), jnp.float32).shape[0] + a[:2],
        "empty-alone": lambda a, i, w: needed("jax.lax.empty")((0, 2), jnp.float32),
        "counted": lambda a, i, w: a + jnp.arange(3),
        "scalar": lambda a, i, w: 2 * a.sum(),
        "converted": lambda a, i, w: (a.astype(jnp.int32), a.astype(jnp.complex64)),
        "selected": lambda a, i, w: jnp.where(a > 2, a, 0),
        "clipped": lambda a, i, w: jnp.clip(a, 2, 4),
        "sorted": lambda a, i, w: (jnp.sort(-a), jnp.argsort(-a), jnp.argmax(a)),
        "top-k": lambda a, i, w: lax.top_k(a, 2),
        "cumulative": lambda a, i, w: (jnp.cumsum(a), jnp.cumsum(a > 2, dtype=bool), lax.cummax(a)),
        "padded": lambda a, i, w: jnp.pad(
            a[None], ((1, 2), (0, 1)), constant_values=((1, 2), (3, 4))
        ),
        "split": lambda a, i, w: jnp.split(jnp.concatenate([a, a]), 2)[0],
        "stacked": lambda a, i, w: (
            jnp.stack([a, a]),
            jnp.stack([a, jnp.ones(3)]),
            jnp.hstack([a, a]),
        ),
        "repeated": lambda a, i, w: (
            jnp.repeat(a, 2),
            jnp.tile(a, 2),
            jnp.roll(a, 1),
            jnp.flip(a),
        ),
        "reshaped": lambda a, i, w: (a.reshape(3, 1), jnp.outer(a, a).reshape(9), a[:, None].T),
        "convolved": lambda a, i, w: jnp.convolve(a, jnp.ones(2)),
        "wider-convolution": lambda a, i, w: lax.conv_general_dilated(
            a.astype(jnp.bfloat16)[None, :, None],
            jnp.ones((2, 1, 1), jnp.bfloat16),
            (1,),
            "VALID",
            dimension_numbers=("NWC", "WIO", "NWC"),
            preferred_element_type=jnp.float32,
        ),
        "wider-product": lambda a, i, w: lax.dot_general(
            *(a.astype(jnp.bfloat16), a.astype(jnp.bfloat16), (((0,), (0,)), ((), ()))),
            preferred_element_type=jnp.float32,
        ),
        "windowed": lambda a, i, w: lax.reduce_window(a, 0.0, lax.add, (2,), (1,), "VALID"),
        "barrier": lambda a, i, w: needed("jax.lax.optimization_barrier")(a),
    }


def _indexed() -> dict[str, Function]:
    return {
        "sliced": lambda a, i, w: a[1:],
        "sliced-at-what-is-mapped": lambda a, i, w: lax.dynamic_slice(a, (i,), (2,)),
        "gathered": lambda a, i, w: a[jnp.array([2, 0])],
        "gathered-at-what-is-mapped": lambda a, i, w: a[i],
        "gathered-far-by-small-numbers": lambda a, i, w: jnp.arange(600.0).reshape(300, 2)[
            299, (i % 2).astype(jnp.int8)
        ],
        "updated": lambda a, i, w: (a.at[0].set(5.0), lax.dynamic_update_slice(a, a[:1], (2,))),
        "updated-at-what-is-mapped": lambda a, i, w: a.at[i].set(a[0]),
        "added-at": lambda a, i, w: a.at[jnp.array([0, 0])].add(1.0),
        "one-hot": lambda a, i, w: jax.nn.one_hot(i, 3),
        "found": lambda a, i, w: jnp.searchsorted(jnp.arange(4.0), a),
        "repeated-as-told": lambda a, i, w: jnp.repeat(
            a, jnp.array([1, 0, 2]), total_repeat_length=3
        ),
    }


def _shared() -> dict[str, Function]:
    return {
        "plus-shared": lambda a, i, w: a + w,
        "times-shared-number": lambda a, i, w: a * w[0],
        "product-with-shared": lambda a, i, w: (a @ w, jnp.outer(w, w) @ a),
        "stacked-with-shared": lambda a, i, w: jnp.stack([a, w]),
        "joined-to-shared": lambda a, i, w: jnp.concatenate([w, a]),
        "selected-from-shared": lambda a, i, w: jnp.where(a[0] > 2, a, w),
        "shared-sliced-at-what-is-mapped": lambda a, i, w: lax.dynamic_slice(w, (i,), (2,)),
        "shared-gathered-at-what-is-mapped": lambda a, i, w: w[i],
        "shared-updated": lambda a, i, w: (w.at[i].set(1.0), w.at[0].set(a[0])),
        "shared-alone": lambda a, i, w: 2 * w,
    }


def _control_flow() -> dict[str, Function]:
    def branch(operands: Any) -> Any:
        return operands[0] + operands[1]

    return {
        "cond": lambda a, i, w: lax.cond(i > 0, lambda x: 2 * x, lambda x: x, a),
        "cond-of-shared": lambda a, i, w: lax.cond(i > 0, lambda x: 2 * x, lambda x: x, w),
        "cond-of-constants": lambda a, i, w: lax.cond(
            i > 0, lambda: jnp.ones(2), lambda: jnp.zeros(2)
        ),
        "switch": lambda a, i, w: lax.switch(i, [branch, branch, branch], (w[0], i)),
        "scan": lambda a, i, w: lax.scan(lambda c, x: (c + x, c * x), a[0], a),
        "scan-from-a-number": lambda a, i, w: lax.scan(lambda c, x: (c + x, c), 0.0, a),
        "scan-of-shared": lambda a, i, w: lax.scan(lambda c, x: (c + x, c), a[0], w),
        "fori": lambda a, i, w: lax.fori_loop(0, 3, lambda n, c: c + n * a, jnp.zeros(3)),
        "fori-to-what-is-mapped": lambda a, i, w: lax.fori_loop(0, i, lambda n, c: 2 * c, a),
        "while": lambda a, i, w: lax.while_loop(lambda c: c.sum() < 40, lambda c: 2 * c, a),
        "loop-map": lambda a, i, w: lax.map(lambda x: 2 * x, a),
        "loop-map-in-batches": lambda a, i, w: lax.map(lambda x: 2 * x, a, batch_size=2),
        "loop-map-in-one-batch": lambda a, i, w: lax.map(lambda x: 2 * x, a, batch_size=5),
        "loop-map-in-no-batch": lambda a, i, w: lax.map(lambda x: 2 * x, a, batch_size=0),
        "checked": _checked,
    }


def _checked(a: Any, i: Any, w: Any) -> Any:
    checkify = needed("jax.experimental.checkify")

    def function(x: Any) -> Any:
        checkify.check(jnp.all(x < 5), "too large")
        return 2 * x

    error, value = checkify.checkify(function)(a)
    return value, jax.tree_util.tree_leaves(error)[0]


def _joined() -> dict[str, Function]:
    """Functions that call a function: once more mapped, compiled, or outside JAX."""
    shape = jax.ShapeDtypeStruct((3,), jnp.float32)

    def called_back(results: Any, a: Any) -> Any:
        two = isinstance(results, tuple)
        host = (lambda x: (np.asarray(x) + 1, np.asarray(x))) if two else np.negative
        return jax.pure_callback(host, results, a, vmap_method="sequential")

    return {
        "jitted": lambda a, i, w: jax.jit(lambda x: 2 * x)(a),
        "mapped-again": lambda a, i, w: jax.vmap(lambda x, y: x * y, (0, None))(a, a),
        "sum-over-a-map-within": lambda a, i, w: jax.vmap(
            lambda x: lax.psum(x, "within"), axis_name="within"
        )(a),
        "scattered-sum-from-behind": lambda a, i, w: jax.vmap(
            partial(lax.psum_scatter, axis_name="within", scatter_dimension=-1), axis_name="within"
        )(jnp.outer(a, a).reshape(3, 1, 3)),
        "all-to-all-from-behind": lambda a, i, w: jax.vmap(
            partial(lax.all_to_all, axis_name="within", split_axis=-1, concat_axis=-2),
            axis_name="within",
        )(jnp.outer(a, a).reshape(3, 1, 3)),
        "callback": lambda a, i, w: called_back(shape, a),
        "callback-of-two-results": lambda a, i, w: called_back((shape, shape), a),
        "sparse-product": _sparse_product,
        "gradient-of-sparse-products": _sparse_gradient,
        "own-rule": lambda a, i, w: _own_rule(a, w),
        "own-rule-with-an-effect": _effects_seen,
    }


def _sparse_product(a: Any, i: Any, w: Any) -> Any:
    matrix = np.array([[4.0, -1, 0], [0, 2, 1]], np.float32)
    sparse = needed("jax.experimental.sparse.BCOO").fromdense(matrix, nse=4)
    weighted = type(sparse)((sparse.data * w[0], sparse.indices), shape=sparse.shape)
    return sparse @ a, weighted @ a


def _sparse_gradient(a: Any, i: Any, w: Any) -> Any:
    """The gradient, by the numbers of a sparse matrix, of its products with the columns of another one."""
    sparse = needed("jax.experimental.sparse.BCOO").fromdense(np.eye(3, dtype=np.float32), nse=3)

    def total(data: Any) -> Any:
        matrix = type(sparse)((data, sparse.indices), shape=sparse.shape)
        return jnp.sum(jax.vmap(lambda b: matrix @ b, 1, 1)(jnp.outer(a, w)) ** 2)

    return jax.grad(total)(sparse.data)


@jax.custom_batching.custom_vmap
def _own_rule(x: Any, y: Any) -> Any:
    return x + y, 2 * y


@_own_rule.def_vmap
def _(size: int, mapped: Any, x: Any, y: Any) -> Any:
    total = jax.vmap(lambda x, y: x + y, [0 if m else None for m in mapped], axis_size=size)(x, y)
    return (total, 2 * y), (True, mapped[1])


def _effects_seen(a: Any, i: Any, w: Any) -> Any:
    """Whether a callback within a function with a rule of its own is seen by who compiles its caller."""

    @jax.custom_batching.custom_vmap
    def function(x: Any) -> Any:
        jax.debug.callback(lambda _: None, x)
        return x

    @function.def_vmap
    def _(size: int, mapped: Any, x: Any) -> Any:
        return jax.vmap(lambda y: y)(x), True

    return 0 * a + len(jax.make_jaxpr(function)(np.ones(3)).effects)


def _linear_algebra() -> dict[str, Function]:
    linalg, scipy = jnp.linalg, jax.scipy.linalg
    return {
        "solved": _near(lambda a, i, w: linalg.solve(symmetric(a), a)),
        "solved-for-shared": _near(lambda a, i, w: linalg.solve(symmetric(a), w)),
        "solved-by-shared": _near(lambda a, i, w: linalg.solve(MATRIX, a)),
        "inverse": _near(lambda a, i, w: linalg.inv(symmetric(a))),
        "inverses-in-a-loop": _near(lambda a, i, w: lax.map(linalg.inv, symmetric(a)[None])),
        "determinant": lambda a, i, w: linalg.det(symmetric(a)),
        "cholesky": _near(lambda a, i, w: linalg.cholesky(symmetric(a))),
        "triangular": _near(
            lambda a, i, w: scipy.solve_triangular(jnp.tril(symmetric(a)), a, lower=True)
        ),
        "factors-of-several": _near(
            lambda a, i, w: scipy.lu_solve(scipy.lu_factor(jnp.stack([symmetric(a)] * 2)), a)
        ),
        "eigenvalues": _near(lambda a, i, w: linalg.eigvalsh(symmetric(a))),
        "singular-values": _near(lambda a, i, w: linalg.svd(symmetric(a), compute_uv=False)),
        "orthogonal": _near(lambda a, i, w: jnp.abs(linalg.qr(symmetric(a))[1])),
        "least-squares": _near(lambda a, i, w: linalg.lstsq(MATRIX, a)[0]),
        "fourier": _near(lambda a, i, w: jnp.abs(jnp.fft.fft(a))),
        "softmax": _near(lambda a, i, w: jax.nn.softmax(a)),
        "norm": lambda a, i, w: linalg.norm(a),
        "attention": _near(lambda a, i, w: _attention(a)),
    }


def _attention(a: Any) -> Any:
    x = jnp.tile(a[:, None, None], (1, 1, 2))
    return needed("jax.nn.dot_product_attention")(x, x, x, local_window_size=(1, 0))


def _draws() -> dict[str, Function]:
    """Draws from an example's own key; not their values, which the draws' own observations have."""
    random = jax.random

    def shape_of(draw: Callable[[Any], Any]) -> Function:
        return lambda a, i, w: 0 * draw(random.fold_in(random.key(0), i))

    return {
        "drawn": shape_of(lambda key: random.normal(key, (2,))),
        "drawn-integers": shape_of(lambda key: random.randint(key, (2,), 0, 5)),
        "drawn-gamma": shape_of(lambda key: random.gamma(key, 2.0, (2,))),
        "drawn-choice": lambda a, i, w: (
            0 * random.choice(random.fold_in(random.key(0), i), 3, p=a / a.sum())
        ),
        "drawn-permutation": shape_of(lambda key: random.permutation(key, 3)),
        "drawn-categorical": shape_of(lambda key: random.categorical(key, jnp.zeros(3))),
        "keys": lambda a, i, w: random.key_data(random.split(random.fold_in(random.key(0), i))) * 0,
    }


def gradient(function: Function) -> Function:
    """The gradient of the sum of the function's floats by the example, plus eight.

    Raises:
        Absent: The function gives no floats: it has no gradient.

    """
    return lambda a, i, w: 8 + jax.grad(total(function))(a, i, w)


def total(function: Function) -> Function:
    """The sum of the function's floats; `Absent` where it gives none."""

    def summed(a: Any, i: Any, w: Any) -> Any:
        leaves = [jnp.asarray(leaf) for leaf in jax.tree_util.tree_leaves(function(a, i, w))]
        floats = [x for x in leaves if jnp.issubdtype(x.dtype, jnp.floating)]
        if not floats:
            raise Absent("it gives no floats")
        return sum(jnp.sum(x) for x in floats)

    return summed
