"""Each function is its closed form, written in NumPy, by elements where that is clearer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference import functions

M, N, K = 2, 3, 4


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(shape)


def mlp(params: Any, x: Any) -> Any:
    (first, a), (second, b) = params
    hidden = [np.tanh(sum(x[i] * first[i, k] for i in range(M)) + a[k]) for k in range(K)]
    return [np.tanh(sum(hidden[k] * second[k, j] for k in range(K)) + b[j]) for j in range(N)]


PARAMS = [(normal(1, M, K), normal(2, K)), (normal(3, K, N), normal(4, N))]
X, Y, MATRIX, OTHER = normal(5, M), normal(6, N), normal(7, M, N), normal(8, M, N)
VECTOR = normal(9, N)

CLOSED_FORMS: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = [
    (functions.square, (MATRIX,), [[v**2 for v in row] for row in MATRIX]),
    (functions.dot_product, (VECTOR, Y), sum(a * b for a, b in zip(VECTOR, Y, strict=True))),
    (
        functions.matrix_add,
        (MATRIX, OTHER),
        [[MATRIX[i, j] + OTHER[i, j] for j in range(N)] for i in range(M)],
    ),
    (
        functions.linear,
        (MATRIX, VECTOR, X),
        [sum(X[i] * MATRIX[i, j] for i in range(M)) + VECTOR[j] for j in range(N)],
    ),
    (
        functions.matmul,
        (MATRIX, OTHER.T),
        [[sum(MATRIX[i, k] * OTHER[j, k] for k in range(N)) for j in range(M)] for i in range(M)],
    ),
    (
        functions.softmax,
        (MATRIX,),
        [[1 / sum(np.exp(w - v) for w in row) for v in row] for row in MATRIX],
    ),
    (functions.sort, (MATRIX,), [sorted(row) for row in MATRIX]),
    (functions.tanh_mlp, (PARAMS, X), mlp(PARAMS, X)),
    (
        functions.mlp_loss,
        (PARAMS, X, Y),
        sum((p - y) ** 2 for p, y in zip(mlp(PARAMS, X), Y, strict=True)) / N,
    ),
]


def single(tree: Any) -> Any:
    if isinstance(tree, list | tuple):
        return type(tree)(map(single, tree))
    return np.asarray(tree, np.float32)


@pytest.mark.parametrize(
    ("function", "arguments", "right"), CLOSED_FORMS, ids=[f.__name__ for f, *_ in CLOSED_FORMS]
)
def test_function_is_its_closed_form(
    function: Callable[..., Any], arguments: tuple[Any, ...], right: Any
) -> None:
    got = function(*map(single, arguments))
    assert got.dtype == np.float32
    assert got.shape == np.shape(right)
    np.testing.assert_allclose(got, right, rtol=1e-5, atol=1e-6)


def test_every_function_has_a_closed_form_here() -> None:
    public = {
        name
        for name, value in vars(functions).items()
        if getattr(value, "__module__", "") == functions.__name__
    }
    assert public == {function.__name__ for function, *_ in CLOSED_FORMS}


def test_softmax_does_not_overflow() -> None:
    got = functions.softmax(np.array([[1000, 1000, -1000]], np.float32))
    assert np.asarray(got).tolist() == [[0.5, 0.5, 0]]


def test_sort_puts_nan_last() -> None:
    got = functions.sort(np.array([[np.nan, 2, -np.inf, 1]], np.float32))
    np.testing.assert_array_equal(got, [[-np.inf, 1, 2, np.nan]])


@pytest.mark.parametrize(
    "function", [functions.square, functions.matrix_add, functions.matmul, functions.dot_product]
)
def test_integers_stay_integers(function: Callable[..., Any]) -> None:
    x = np.array([3, -2], np.int32)
    arguments = {functions.square: (x,), functions.dot_product: (x, x)}
    square = x.reshape(1, 2).repeat(2, axis=0)
    got = function(*arguments.get(function, (square, square)))
    assert got.dtype == np.int32
