"""Factorisations and solutions. What they multiply to is unique, and is what is compared."""

from typing import Any

import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import below, of, rule
from reference.linear_algebra import all_of, near


def _zeros(a: Any) -> Any:
    return near(np.zeros_like(a), a)


def _factors(a: Any) -> Any:
    """Something that multiplies to `a`, an orthogonal factor, and a triangle of zeros."""
    return all_of(near(a, a), near(np.eye(a.shape[1]), np.eye(a.shape[1])), _zeros(a))


def _orthogonal(a: Any) -> Any:
    return all_of(near(a, a), near(np.eye(len(a)), np.eye(len(a))))


def _solved(a: Any, b: Any) -> Any:
    return near(b, a, np.linalg.solve(a, b))


def _tridiagonal(a: Any) -> Any:
    """Similar matrices have the same trace, and those of orthogonal similarity the same norm."""
    return all_of(near(np.trace(a).real, a), near(np.sum(np.abs(a) ** 2), a, a))


def _factorisation(name: str, kind: str, body: str, answer: Any) -> FunctionSubject:
    return rule(name, body, of(kind, "n", "n"), dtypes=DTYPES, answer=answer)


_TRIANGLE = np.array([[2.0, 0, 0], [1, 3, 0], [-1, 2, 4]])
DTYPES = ("float32", "float64", "complex64", "complex128")
LINEAR_ALGEBRA = (
    _factorisation(
        "cholesky",
        "positive-definite",
        "l = lax.linalg.cholesky(a)\nreturn l @ l.conj().T, jnp.triu(l, 1)",
        lambda a: all_of(near(a, a), _zeros(a)),
    ),
    _factorisation(
        "lu",
        "matrix",
        """
lu, _, order = lax.linalg.lu(a)
product = (jnp.tril(lu, -1) + jnp.eye(len(a), dtype=a.dtype)) @ jnp.triu(lu)
return jnp.zeros_like(a).at[order].set(product)""",
        lambda a: near(a, a),
    ),
    rule(
        "lu_pivots_to_permutation",
        "lax.linalg.lu_pivots_to_permutation(jnp.minimum(jnp.arange(4, dtype=jnp.int32) + a, 3), 5)",
        below(4, 4),
        exact=True,
    ),
    _factorisation(
        "qr",
        "matrix",
        "q, r = lax.linalg.qr(a)\nreturn q @ r, q.conj().T @ q, jnp.tril(r, -1)",
        _factors,
    ),
    rule(
        "geqrf",
        """
h, tau = jnp.linalg.qr(a, mode='raw')
q = lax.linalg.householder_product(h.T[:, :3], tau)
return q @ jnp.triu(h.T)[:3], q.conj().T @ q, jnp.tril(jnp.triu(h.T), -1)""",
        of("normal", 5, 3),
        dtypes=DTYPES,
        answer=_factors,
    ),
    rule(
        "householder_product",
        """
h, tau = jnp.linalg.qr(a, mode='raw')
q = lax.linalg.householder_product(h.T, tau)
return q @ jnp.triu(h.T), q.conj().T @ q, jnp.tril(jnp.triu(h.T), -1)""",
        of("matrix", "n", "n"),
        dtypes=DTYPES,
        answer=_factors,
    ),
    _factorisation(
        "geqp3",
        "matrix",
        """
q, r, order = jax.scipy.linalg.qr(a, pivoting=True)
ones, again, _ = jax.scipy.linalg.qr_multiply(a, jnp.eye(len(a), dtype=a.dtype), pivoting=True)
product = jnp.zeros_like(a).at[:, order].set(q @ r)
return product, q.conj().T @ q, jnp.tril(r, -1), ones - q, again - r""",
        lambda a: all_of(
            near(a, a), near(np.eye(len(a)), np.eye(len(a))), _zeros(a), _zeros(a), _zeros(a)
        ),
    ),
    _factorisation(
        "ormqr",
        "matrix",
        """
h, tau = jnp.linalg.qr(a, mode='raw')
return lax.linalg.ormqr(h.T, tau, jnp.triu(h.T), left=True, transpose=False)""",
        lambda a: near(a, a),
    ),
    _factorisation(
        "eigh",
        "positive-definite",
        "v, w = lax.linalg.eigh(a)\nreturn v * w @ v.conj().T, v.conj().T @ v",
        _orthogonal,
    ),
    _factorisation(
        "svd",
        "normal",
        "u, s, v = lax.linalg.svd(a)\nreturn u * s @ v, u.conj().T @ u",
        _orthogonal,
    ),
    _factorisation(
        "eig",
        "normal",
        """
w, v = lax.linalg.eig(a, compute_left_eigenvectors=False)
return jnp.abs(a @ v - v * w), jnp.sum(w).real""",
        lambda a: all_of(_zeros(a), near(np.trace(a).real, a)),
    ),
    _factorisation(
        "schur",
        "normal",
        "t, z = lax.linalg.schur(a)\nreturn z @ t @ z.conj().T, z.conj().T @ z",
        _orthogonal,
    ),
    _factorisation(
        "hessenberg",
        "normal",
        "h, q = jax.scipy.linalg.hessenberg(a, calc_q=True)\nreturn q @ h @ q.conj().T, q.conj().T @ q",
        _orthogonal,
    ),
    _factorisation(
        "tridiagonal",
        "positive-definite",
        """
_, d, e, _ = lax.linalg.tridiagonal(a)
return jnp.sum(d), jnp.sum(d * d) + 2 * jnp.sum(jnp.abs(e) ** 2)""",
        _tridiagonal,
    ),
    rule(
        "tridiagonal_solve",
        """
lower, upper = jnp.asarray(b).at[0].set(0), jnp.asarray(b).at[-1].set(0)
x = lax.linalg.tridiagonal_solve(lower, a, upper, c)
return a[:, None] * x + lower[:, None] * jnp.roll(x, 1, 0) + upper[:, None] * jnp.roll(x, -1, 0)""",
        *(of("above-one", 4), of("within-one", 4), of("normal", 4, "n")),
        dtypes=DTYPES[:2],
        answer=lambda a, b, c: near(c, 8 * np.eye(4), 8 * c),
    ),
    rule(
        "triangular_solve",
        "a @ lax.linalg.triangular_solve(a, b, left_side=True, lower=True)",
        *(of("lower", "n", "n"), of("normal", "n", "m")),
        dtypes=DTYPES,
        answer=_solved,
    ),
    rule(
        "triangular_solve.right",
        "lax.linalg.triangular_solve(a, b, lower=True, transpose_a=True) @ a.T",
        *(of("lower", "n", "n"), of("normal", "m", "n")),
        dtypes=DTYPES,
        answer=lambda a, b: near(b, a, np.linalg.solve(a, b.T)),
    ),
    rule(
        "triangular_solve.by-constant",
        """
c = np.float32([[2, 0, 0], [1, 3, 0], [-1, 2, 4]])
return lax.linalg.triangular_solve(c, a[:, None], left_side=True, lower=True)[:, 0]""",
        of("normal", 3),
        answer=lambda a: near(np.linalg.solve(_TRIANGLE, a), np.linalg.inv(_TRIANGLE), a),
    ),
    rule(
        "solve",
        "a @ jnp.linalg.solve(a, b)",
        *(of("matrix", "n", "n"), of("normal", "n", "m")),
        dtypes=DTYPES,
        answer=_solved,
    ),
    rule(
        "symmetric_product",
        "lax.linalg.symmetric_product(a, b, beta=2.0, symmetrize_output=True)",
        *(of("whole", "m", "n"), of("whole", "m", "m")),
        exact=True,
    ),
)
