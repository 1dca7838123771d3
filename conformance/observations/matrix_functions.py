"""Functions of linear algebra of one example, to be traced under maps."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.derived_functions import Function
from conformance.observations.record import needed

MATRIX = 8.0 * np.eye(3, dtype=np.float32)


def symmetric(a: Any) -> Any:
    """A matrix that is positive definite."""
    return MATRIX + jnp.outer(a, a)


def _any(a: Any, w: Any) -> Any:
    return MATRIX + jnp.outer(a, w)


def functions() -> dict[str, Function]:
    """By name, functions of `a`, `i` and `w`, as those of `mapped_functions`."""
    return {**_named(), **_norms(), **_solved(), **_others(), **_of_shapes()}


def _named() -> dict[str, Function]:
    def of_matrix(name: str, *more: Any, **options: Any) -> Function:
        return lambda a, i, w: needed(name)(symmetric(a), *more, **options)

    def of_batch(name: str, *more: Any, **options: Any) -> Function:
        return lambda a, i, w: needed(name)(jnp.stack([symmetric(a)] * 2), *more, **options)

    named = {
        "np": "cholesky eig eigh eigvals eigvalsh inv pinv qr svd slogdet det norm cond"
        " matrix_rank matrix_norm matrix_transpose trace diagonal",
        "sp": "cho_factor cholesky det eigh expm hessenberg inv lu lu_factor qr schur svd",
        "lax": "cholesky eig eigh hessenberg lu qr schur svd tridiagonal",
    }
    modules = {"np": "jax.numpy.linalg", "sp": "jax.scipy.linalg", "lax": "jax.lax.linalg"}
    forms: dict[str, Function] = {}
    for prefix, names in named.items():
        for name in names.split():
            forms[f"{prefix}-{name}"] = of_matrix(f"{modules[prefix]}.{name}")
    for name in ("cholesky", "eigh", "inv", "qr", "svd", "slogdet", "pinv", "matrix_norm"):
        forms[f"np-{name}-of-two"] = of_batch(f"jax.numpy.linalg.{name}")
    for name in ("cho_factor", "expm", "lu", "lu_factor", "qr", "schur", "hessenberg"):
        forms[f"sp-{name}-of-two"] = of_batch(f"jax.scipy.linalg.{name}")
    return forms


def _of_shapes() -> dict[str, Function]:
    """Of matrices that are taller than wide, wider than tall, and without an element."""
    linalg, scipy = jnp.linalg, jax.scipy.linalg
    uses: dict[str, Any] = {
        "qr": linalg.qr,
        "whole-qr": lambda x: linalg.qr(x, mode="complete"),
        "r": lambda x: linalg.qr(x, mode="r"),
        "svd": lambda x: linalg.svd(x, full_matrices=False),
        "whole-svd": linalg.svd,
        "singular-values": lambda x: linalg.svd(x, compute_uv=False),
        "pinv": linalg.pinv,
        "lu": scipy.lu,
        "rank": linalg.matrix_rank,
        "least-squares": lambda x: linalg.lstsq(x, jnp.ones(x.shape[0]))[0],
    }
    shapes = {"tall": (3, 2), "wide": (2, 3)}
    forms: dict[str, Function] = {}
    for name, use in uses.items():
        for shape, (rows, columns) in shapes.items():
            forms[f"{name}-of-{shape}"] = lambda a, i, w, u=use, r=rows, c=columns: u(
                _any(a, w)[:r, :c]
            )
    for name in ("det", "inv", "slogdet", "cholesky", "eigh", "qr", "svd"):
        forms[f"{name}-of-none"] = lambda a, i, w, name=name: getattr(linalg, name)(
            jnp.outer(a, w)[:0, :0]
        )
    return forms


def _norms() -> dict[str, Function]:
    linalg = jnp.linalg
    forms: dict[str, Function] = {}
    for order in (1, 2, "fro", "nuc"):
        forms[f"matrix-norm-{order}"] = lambda a, i, w, order=order: linalg.norm(
            symmetric(a), ord=order
        )
        forms[f"matrix-norm-{order}-of-none"] = lambda a, i, w, order=order: linalg.norm(
            a[None, :0], ord=order
        )
    for power in (0, 1, 2, np.inf):
        forms[f"vector-norm-{power}-of-none"] = lambda a, i, w, power=power: linalg.norm(
            a[:0], ord=power
        )
    return forms


def _solved() -> dict[str, Function]:
    linalg, scipy = jnp.linalg, jax.scipy.linalg
    return {
        "solve-several": lambda a, i, w: linalg.solve(symmetric(a), jnp.stack([a, w], 1)),
        "solve-shared-by-two": lambda a, i, w: linalg.solve(
            jnp.stack([symmetric(a)] * 2), w[:, None]
        ),
        "solve-vector-by-two": lambda a, i, w: linalg.solve(
            jnp.stack([symmetric(a)] * 2), jnp.stack([a, w])
        ),
        "solve-positive": lambda a, i, w: scipy.solve(symmetric(a), w, assume_a="pos"),
        "triangular-transposed": lambda a, i, w: scipy.solve_triangular(
            symmetric(a), w, trans=1, unit_diagonal=True
        ),
        "triangular-by-shared": lambda a, i, w: scipy.solve_triangular(symmetric(w), a),
        "cholesky-solved": lambda a, i, w: scipy.cho_solve((symmetric(a), True), w),
        "cholesky-solved-for-two": lambda a, i, w: scipy.cho_solve(
            (jnp.stack([symmetric(a)] * 2), True), w
        ),
        "factors-solved-transposed": lambda a, i, w: scipy.lu_solve(
            scipy.lu_factor(symmetric(a)), w, trans=1
        ),
        "factors-solved-by-shared": lambda a, i, w: scipy.lu_solve(
            scipy.lu_factor(symmetric(w)), a
        ),
        "least-squares-of-several": lambda a, i, w: linalg.lstsq(
            _any(a, w), jnp.stack([a, w], 1), rcond=None
        ),
    }


def _others() -> dict[str, Function]:
    linalg, scipy = jnp.linalg, jax.scipy.linalg
    return {
        "matrix-power": lambda a, i, w: linalg.matrix_power(symmetric(a), 3),
        "multi-dot": lambda a, i, w: linalg.multi_dot([_any(a, w), symmetric(a), a]),
        "outer-of-shared": lambda a, i, w: linalg.outer(a, w),
        "cross": lambda a, i, w: (jnp.cross(a, w), jnp.cross(w, a)),
        "householder": lambda a, i, w: needed("jax.lax.linalg.householder_product")(
            symmetric(a), a
        ),
        "tridiagonal-solved": lambda a, i, w: needed("jax.lax.linalg.tridiagonal_solve")(
            a, a + 9, a, w[:, None]
        ),
        "cholesky-updated": lambda a, i, w: needed("jax.lax.linalg.cholesky_update")(
            symmetric(a), w
        ),
        "symmetric-product": lambda a, i, w: needed("jax.lax.linalg.symmetric_product")(
            symmetric(a), symmetric(w)
        ),
        "pivots": lambda a, i, w: needed("jax.lax.linalg.lu_pivots_to_permutation")(
            jnp.array([1, 2, 2]) + 0 * i, 3
        ),
        "block-diagonal": lambda a, i, w: scipy.block_diag(a[None], symmetric(w)),
        "toeplitz": lambda a, i, w: scipy.toeplitz(a, w),
        "conjugate-gradients": lambda a, i, w: jax.scipy.sparse.linalg.cg(
            lambda x: symmetric(a) @ x, w
        )[0],
        "eigenvectors-not-wanted": lambda a, i, w: scipy.eigh(symmetric(a), eigvals_only=True),
        "hermitian-svd": lambda a, i, w: linalg.svd(symmetric(a), hermitian=True),
        "hermitian-pinv": lambda a, i, w: linalg.pinv(symmetric(a), hermitian=True),
    }
