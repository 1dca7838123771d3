"""Parameters that the other entries leave as they are by default, and results that they leave out."""

from typing import Any

import attrs
import jax
import numpy as np

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import MN, below, of, rule
from reference.error_bounds.roundoff import SERIES_UNITS, unit_roundoff
from reference.linear_algebra import all_of, near

_CUSTOM_JVP = """
@jax.custom_jvp
def product(x, y):
    return x * y

def derivative(primals, tangents):
    zero = [type(each).__name__ == "SymbolicZero" for each in tangents]
    (x, y), (s, t) = primals, [0 * p if z else each for p, z, each in zip(primals, zero, tangents)]
    return x * y, 3 * y * s + 5 * x * t

product.defjvp(derivative, symbolic_zeros=True)
return product(a, b), jax.jit(lambda x, y: jax.jvp(lambda z: product(z, y), (x,), (y,))[1])(a, b)
"""
_CUSTOM_VJP = """
@jax.custom_vjp
def product(x, y):
    return x * y

def forward(x, y):
    return x.value * y.value, (x.value, y.value, y.perturbed)

def backward(kept, g):
    x, y, perturbed = kept
    return 3 * g * y, 5 * g * x if perturbed else jnp.zeros_like(y)

product.defvjp(forward, backward, symbolic_zeros=True)
return product(a, b), jax.vjp(product, a, b)[1](a), jax.vjp(lambda x: product(x, b), a)[1](b)
"""


def _log_samples(key: Any, shape: Any) -> Any:
    """What the unmapped draw gives; the relative room of its iterations is absolute in the logarithm."""
    drawn = jax.random.loggamma(
        jax.random.wrap_key_data(key.astype(np.uint32), impl="threefry2x32"),
        shape.astype(np.float32),
        dtype="float32",
    )
    value = np.asarray(drawn, np.float64)
    return value, SERIES_UNITS * unit_roundoff("float32") * (1 + np.abs(value))


def _exact(name: str, source: str, *arguments: Array) -> FunctionSubject:
    return rule(name, source, *arguments, exact=True)


def _whole(*dims: str | int) -> Array:
    return of("whole", *dims)


def _called_back(method: str) -> FunctionSubject:
    return _exact(
        f"pure_callback.{method.replace('_', '-')}",
        "return jax.pure_callback(lambda x, y: np.asarray(x) * np.asarray(y), a, a, b,"
        f" vmap_method={method!r})",
        *(_whole(*MN), _whole(*MN)),
    )


def _windowed(name: str, function: str, start: str) -> FunctionSubject:
    return _exact(
        f"{name}.dilated",
        f"lax.reduce_window(a, {start}, {function}, (3, 2), (2, 1), ((2, 0), (0, 1)), (2, 1), (1, 2))",
        _whole(5, 4),
    )


def _scattered(name: str, mode: str) -> FunctionSubject:
    """Rows that are sorted, each once, and in range."""
    options = f"indices_are_sorted=True, unique_indices=True, mode={mode!r}"
    return _exact(
        f"scatter-{name}.sorted",
        f"a.at[jnp.stack([b, b + 2])].{name}(c, {options})",
        *(_whole(5, "n"), below(3), _whole(2, "n")),
    )


_NARROW = (of("few", "m", "k", dtype="int8"), of("few", "k", "n", dtype="int8"))
_BRIEF = (of("whole", 2, 3, 5, dtype="bfloat16"), of("whole", 4, 3, 2, dtype="bfloat16"))
_BYTES = (of("few", 2, 3, 5, dtype="int8"), of("few", 4, 3, 2, dtype="int8"))
_PRODUCT = "(((1,), (0,)), ((), ()))"

_ENTRIES = (
    _exact(
        "dot_general.bytes",
        f"lax.dot_general(a, b, {_PRODUCT}, preferred_element_type=jnp.int32)",
        *_NARROW,
    ),
    _exact(
        "conv_general_dilated.bytes",
        "lax.conv_general_dilated(a, b, (1,), 'VALID', preferred_element_type=jnp.int32)",
        *_BYTES,
    ),
    rule(
        "conv_general_dilated.of-none",
        "none = jnp.zeros((0, 1, 1, 4), jnp.int8)\n"
        "convolved = lambda x, y:"
        " lax.conv_general_dilated(x, y, (1,), 'VALID', preferred_element_type=jnp.int32)\n"
        "return a + (jax.vmap(convolved)(none, none).dtype == jnp.int32)",
        of("whole", 2),
        answer=lambda a: (a + 1, np.zeros(2)),
    ),
    _exact(
        "conv_general_dilated.wider",
        "lax.conv_general_dilated(a, b, (1,), 'VALID', preferred_element_type=jnp.float32)",
        *_BRIEF,
    ),
    rule(
        "triangular_solve.conjugate",
        "a.conj().T @ lax.linalg.triangular_solve(a, b, left_side=True, lower=True,"
        " transpose_a=True, conjugate_a=True)",
        *(of("lower", "n", "n"), of("normal", "n", "m")),
        dtypes=("complex64", "complex128"),
        answer=lambda a, b: near(b, a, np.linalg.solve(a.conj().T, b)),
    ),
    _exact(
        "custom_linear_solve.matrix",
        "s = jnp.where(b > 0, np.float32(2), np.float32(0.5))\n"
        "return lax.custom_linear_solve(lambda x: s * x, a, lambda f, y: y / s)",
        *(_whole("m"), _whole("m")),
    ),
    *map(_called_back, ("sequential_unrolled", "expand_dims", "broadcast_all")),
    _windowed("reduce_window_sum", "lax.add", "np.float32(0)"),
    _windowed("reduce_window_max", "lax.max", "np.float32(-np.inf)"),
    _windowed("reduce_window_min", "lax.min", "np.float32(np.inf)"),
    _windowed("reduce_window", "lambda x, y: jnp.where(x > y, x, y)", "np.float32(-99)"),
    _exact(
        "select_and_scatter_add.least",
        "jax.grad(lambda x: jnp.sum(b * lax.reduce_window(x, np.inf, lax.min, (1, 3), (2, 1), 'SAME')))(a)",
        *(of("distinct", 5, 4), _whole(3, 4)),
    ),
    _exact(
        "select_and_gather_add.least",
        "jax.jvp(lambda x: lax.reduce_window(x, np.inf, lax.min, (1, 3), (2, 1), 'SAME'), (a,), (b,))[1]",
        *(of("distinct", 5, 4), _whole(5, 4)),
    ),
    _exact(
        "gather.sorted",
        "a.at[jnp.stack([b, b + 2])].get(indices_are_sorted=True, unique_indices=True,"
        " mode='promise_in_bounds')",
        *(_whole(5, "n"), below(3)),
    ),
    _scattered("set", "clip"),
    _scattered("subtract", "clip"),
    _scattered("add", "promise_in_bounds"),
    _scattered("mul", "clip"),
    _scattered("min", "promise_in_bounds"),
    _scattered("max", "clip"),
    _exact("custom_jvp_call.symbolic-zeros", _CUSTOM_JVP, _whole(*MN), _whole(*MN)),
    _exact("custom_vjp_call.symbolic-zeros", _CUSTOM_VJP, _whole(*MN), _whole(*MN)),
    _exact("empty.shape", "lax.empty((2, 3), jnp.int32) | -1, a", _whole("n")),
    _exact("argmax.columns", "lax.argmax(a, 1, np.uint8)", of("distinct", *MN)),
    _exact("argmin.rows", "lax.argmin(a, 0, np.int8)", of("distinct", *MN)),
    _exact("cummax.columns", "lax.cummax(a, axis=1)", _whole(*MN)),
    _exact("cummin.rows", "lax.cummin(a, axis=0, reverse=True)", _whole(*MN)),
    _exact("cumprod.rows", "lax.cumprod(a, axis=0, reverse=True)", of("few", 3, "n")),
    _exact("reduce_prod.rows", "jnp.prod(a, axis=0)", of("few", 3, "n")),
    _exact("reduce_min.both", "jnp.min(a, axis=(0, 1))", of("distinct", *MN)),
    _exact("reduce_and.columns", "jnp.all(a, axis=1)", of("normal", *MN, dtype="bool")),
    _exact("reduce_precision.brief", "lax.reduce_precision(a, 8, 7)", of("normal", *MN)),
    _exact("round.away", "lax.round(a / 2, lax.RoundingMethod.AWAY_FROM_ZERO)", _whole(*MN)),
    _exact(
        "scan.unrolled",
        "lax.scan(lambda c, x: (c + x, c * x), a, b, unroll=2)",
        *(_whole("n"), of("few", 4, "n")),
    ),
    _exact(
        "remat2.policy",
        "f = jax.checkpoint(lambda x, y: jnp.sum((x @ y) ** 2), prevent_cse=False,"
        " policy=jax.checkpoint_policies.dots_saveable)\nreturn jax.grad(f)(a, b)",
        *(of("few", "m", "k"), of("few", "k", "n")),
    ),
    *(
        _exact(
            f"conv_general_dilated.{name}",
            f"lax.conv_general_dilated(a, b, (1,), 'SAME', dimension_numbers={layout}{groups})",
            *(_whole(*image), _whole(*kernel)),
        )
        for name, image, kernel, layout, groups in (
            ("batch-last", (5, 3, 2), (3, 2, 4), ("HCN", "IHO", "CHN"), ""),
            ("groups-last", (5, 6, 2), (3, 2, 4), ("HCN", "IHO", "HNC"), ", feature_group_count=2"),
            ("batches-last", (3, 5, 4), (2, 3, 6), ("CHN", "HIO", "CNH"), ", batch_group_count=2"),
        )
    ),
    _exact("stack.first", "jnp.stack([a, b])", _whole(*MN), _whole(*MN)),
    _exact("unstack.first", "tuple(jnp.unstack(a))", _whole(3, "n")),
    _exact("tile.first", "lax.tile(a, (3, 1))", _whole(*MN)),
    _exact("top_k.one", "lax.top_k(a, 1, axis=0)", of("distinct", *MN)),
    _exact("sort.unstable", "lax.sort(a, is_stable=False)", of("distinct", *MN)),
    *(
        _exact(
            f"{name}.along-one",
            f"jax.vmap(lambda x: lax.{name}(x, 'i'), in_axes=1, axis_name='i')(a)",
            _whole("m", 3),
        )
        for name in ("psum", "pmax", "pmin")
    ),
    rule(
        "random_gamma.log",
        "random.loggamma(random.wrap_key_data(a, impl='threefry2x32'), b, dtype='float32')",
        of("bits", 2, dtype="uint32"),
        of("positive", "m"),
        answer=_log_samples,
    ),
    _exact(
        "approx_top_k.least",
        "lax.approx_min_k(a, 1, reduction_dimension=0, recall_target=0.9)",
        of("distinct", *MN),
    ),
    rule("cumlogsumexp.columns", "lax.cumlogsumexp(a, axis=1, reverse=True)", of("normal", *MN)),
    rule(
        "eigh.upper",
        "v, w = lax.linalg.eigh(a, lower=False, sort_eigenvalues=False)\nreturn v * w @ v.T",
        of("positive-definite", "n", "n"),
        answer=lambda a: near(a, a),
    ),
    rule(
        "eig.left",
        "w, l = lax.linalg.eig(a, compute_left_eigenvectors=True, compute_right_eigenvectors=False)\n"
        "return l.conj().T @ a - w[:, None] * l.conj().T",
        of("matrix", "n", "n"),
        answer=lambda a: near(np.zeros(a.shape, np.complex128), a),
    ),
    rule(
        "schur.triangle",
        "(t,) = lax.linalg.schur(a, compute_schur_vectors=False)\nreturn jnp.trace(t)",
        of("matrix", "n", "n"),
        answer=lambda a: near(np.trace(a), a),
    ),
    rule(
        "tridiagonal.upper",
        """
_, d, e, _ = lax.linalg.tridiagonal(a, lower=False)
return jnp.sum(d), jnp.sum(d * d) + 2 * jnp.sum(jnp.abs(e) ** 2)""",
        of("positive-definite", "n", "n"),
        answer=lambda a: all_of(near(np.trace(a).real, a), near(np.sum(np.abs(a) ** 2), a, a)),
    ),
    _exact(
        "symmetric_product.scaled",
        "lax.linalg.symmetric_product(a, b, alpha=2.0, beta=3.0, symmetrize_output=True)",
        *(_whole(*MN), _whole("m", "m")),
    ),
    rule(
        "svd.values",
        "lax.linalg.svd(a, compute_uv=False)",
        of("matrix", "n", "n"),
        answer=lambda a: near(np.linalg.svd(a, compute_uv=False), a),
    ),
    rule(
        "svd.narrow",
        "u, s, v = lax.linalg.svd(a, full_matrices=False)\nreturn u * s @ v",
        of("normal", 5, 3),
        answer=lambda a: near(a, a),
    ),
    rule(
        "qr.narrow",
        "q, r = lax.linalg.qr(a, full_matrices=False)\nreturn q @ r",
        of("normal", 5, 3),
        answer=lambda a: near(a, a),
    ),
    rule(
        "ormqr.transposed",
        "h, tau = jnp.linalg.qr(a, mode='raw')\n"
        "return lax.linalg.ormqr(h.T, tau, a, left=True, transpose=True) - jnp.triu(h.T)",
        of("matrix", "n", "n"),
        answer=lambda a: near(np.zeros_like(a), a),
    ),
    _exact(
        "lu_pivots_to_permutation.square",
        "lax.linalg.lu_pivots_to_permutation(jnp.minimum(jnp.arange(3, dtype=jnp.int32) + a, 2), 3)",
        below(3, 3),
    ),
    _exact(
        "random_wrap.rbg",
        "random.key_data(random.wrap_key_data(a, impl='rbg'))",
        of("bits", 4, dtype="uint32"),
    ),
    _exact(
        "rng_bit_generator.bytes",
        "0 * lax.rng_bit_generator(a, (5,), np.uint8)[1]",
        of("bits", 4, dtype="uint32"),
    ),
    _exact(
        "reduce_xor.columns",
        "lax.reduce(a, np.int32(0), lax.bitwise_xor, (1,))",
        of("whole", *MN, dtype="int32"),
    ),
    rule(
        "mul.python-number",
        "a * 0.5, a + 1, 2 - a",
        of("few", *MN),
        dtypes=("int32", "int8", "bfloat16", "float32"),
        exact=True,
    ),
    rule(
        "select_n.python-number",
        "jnp.where(a, 1, b), jnp.where(a, b, 0.5)",
        *(of("normal", *MN, dtype="bool"), of("few", *MN)),
        dtypes=("int32", "bfloat16", "float32"),
        exact=True,
    ),
)

PARAMETERS = tuple(attrs.evolve(subject, is_variant=True) for subject in _ENTRIES)
