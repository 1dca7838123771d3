"""Sparse matrices of `jax.experimental.sparse`: each example's has as many elements as the others'."""

from typing import Any

import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import below, exactly, of, rule

_MATRICES = """
from jax.experimental import sparse

# Their rules refuse a batch axis that is not in front, where a gather leaves it.
front, shape = jnp.array([2, 0, 3, 1]), (3, 4)
a, places = a[front], jnp.stack([b, c], 1)[front]
# Some places are there twice: what is there is added.
matrix = sparse.BCOO((a, places), shape=shape)
column = jnp.arange(4.0)
slope = jax.grad(lambda x, y: jnp.sum((sparse.BCOO((x, places), shape=shape) @ y) ** 2), (0, 1))
rows = sparse.BCOO((jnp.stack([a, 2 * a]), jnp.stack([places, places[::-1]])), shape=(2, *shape))
of_shared = lambda x: sparse.BCOO((x, np.array([[0, 0], [1, 1], [1, 3]])), shape=(2, 4)) @ a
mapped = jax.vmap(lambda m, x: (m @ x, m.T), (0, 1))(rows, jnp.arange(8.0).reshape(4, 2))
return (
    matrix @ column, matrix.T @ a[:3], matrix.sort_indices().todense(),
    mapped[0], mapped[1].todense(), slope(a, column),
    jax.grad(lambda x: jnp.sum(of_shared(x) ** 2))(column[1:]),
)
"""
_FROM_DENSE = """
from jax.experimental import sparse

x = a[jnp.array([1, 0])]
positive = jnp.where(x > 0, x, 0)
made = sparse.BCOO.fromdense(positive, nse=7)
rows = sparse.BCOO.fromdense(positive, nse=3, n_batch=1, index_dtype=jnp.int16)
columns = sparse.BCOO.fromdense(positive, nse=2, n_dense=1)
pushed = jax.jvp(lambda x: sparse.BCOO.fromdense(x, nse=6).data, (x,), (2 * x,))[1]
return [(m.data, m.indices) for m in (made, rows, columns)], pushed
"""


def _of_places(a: Any, b: Any, c: Any) -> Any:
    """What dense matrices give."""

    def dense(data: Any, rows: Any, columns: Any) -> Any:
        matrix = np.zeros((3, 4), data.dtype)
        np.add.at(matrix, (rows, columns), data)
        return matrix

    a, rows, columns = a[[2, 0, 3, 1]], *(x.astype(int)[[2, 0, 3, 1]] for x in (b, c))
    matrix, other = dense(a, rows, columns), dense(2 * a, rows[::-1], columns[::-1])
    column, both = np.arange(4.0), np.arange(8.0).reshape(4, 2)
    product = matrix @ column
    slopes = 2 * product[rows] * column[columns], 2 * matrix.T @ product
    shared = np.array([a[0], 2 * a[1] + 3 * a[3], 2 * a[1] + 3 * a[3]])
    return exactly(
        (
            *(product, matrix.T @ a[:3], matrix),
            *(np.stack([matrix @ both[:, 0], other @ both[:, 1]]), np.stack([matrix.T, other.T])),
            *(slopes, 2 * shared * a[[0, 1, 3]]),
        )
    )


SPARSE: tuple[FunctionSubject, ...] = (
    rule(
        "bcoo_dot_general.of-places",
        _MATRICES,
        *(of("whole", 4), below(3, 4), below(4, 4)),
        answer=_of_places,
    ),
    rule("bcoo_fromdense.of-positive", _FROM_DENSE, of("whole", 2, 3), exact=True),
)
