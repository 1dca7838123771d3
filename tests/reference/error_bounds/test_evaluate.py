"""The float64 evaluation and its bound: tight enough to catch errors, wide enough for rounding."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reference import functions
from reference.error_bounds.agreement import SLACK
from reference.error_bounds.bounded_array import UnsupportedPrimitive
from reference.error_bounds.evaluate import evaluate, evaluator
from reference.error_bounds.roundoff import (
    ELEMENTARY_UNITS,
    ROOT_UNITS,
    gamma,
    of_the_platform,
    unit_roundoff,
)

U = 2.0**-24
TINY = float(np.finfo(np.float32).tiny)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def test_unit_and_gamma_are_highams() -> None:
    assert unit_roundoff("float32") == U
    assert unit_roundoff("bfloat16") == 2.0**-8
    assert gamma(5, "float32") == 5 * U / (1 - 5 * U)
    assert gamma(2**24, "float32") == float("inf")


@pytest.mark.parametrize("n", [1, 3, 64, 1000])
def test_dot_has_the_textbook_bound(n: int) -> None:
    x, w = normal(0, n).astype(np.float64), normal(1, n).astype(np.float64)
    value, error = evaluate(jnp.dot, x.astype(np.float32), w.astype(np.float32))
    np.testing.assert_allclose(value, np.sum(x * w), rtol=1e-12)
    np.testing.assert_allclose(error, gamma(n, "float32") * np.sum(np.abs(x * w)), rtol=1e-9)


@pytest.mark.parametrize("function", [lambda x: jnp.dot(x, x), jnp.sum], ids=["dot", "sum"])
def test_bound_grows_with_the_number_of_terms_and_with_their_magnitude(
    function: Callable[..., Any],
) -> None:
    few, many = (evaluate(function, np.ones(n, np.float32)).error for n in (4, 64))
    assert many >= 15 * few * 16
    large = evaluate(function, np.full(4, 16, np.float32)).error
    assert large >= 15 * few


def test_cancellation_is_allowed_for_by_the_terms_not_by_the_result() -> None:
    x = np.array([1e8, 1, -1e8], np.float32)
    value, error = evaluate(jnp.sum, x)
    assert value == 1
    np.testing.assert_allclose(error, gamma(3, "float32") * (2e8 + 1))
    # float32 gives 0 or 1, by the order of the sum, and both are right.
    assert abs(0 - value) <= SLACK * error


def test_no_cancellation_means_a_relative_bound() -> None:
    x = np.float32(12345.678)
    value, error = evaluate(lambda x: x * x, x)
    assert value == float(x) ** 2
    np.testing.assert_allclose(error, U * value, rtol=1e-9)


def test_softmax_is_its_closed_form() -> None:
    x = normal(2, 3, 5)
    value, error = evaluate(functions.softmax, x)
    powers = np.exp(x.astype(np.float64))
    np.testing.assert_allclose(value, powers / powers.sum(axis=1, keepdims=True), rtol=1e-12)
    assert np.all(error > 0)
    assert np.all(error < 100 * U * value)


def test_tanh_takes_the_error_of_its_argument_along() -> None:
    x = np.float32(0.3)
    square = float(x) ** 2
    value, error = evaluate(lambda x: jnp.tanh(x * x), x)
    np.testing.assert_allclose(value, np.tanh(square))
    slope = 1 - np.tanh(square) ** 2
    np.testing.assert_allclose(error, ELEMENTARY_UNITS * U * value + slope * U * square, rtol=1e-5)


def test_division_by_what_may_be_zero_has_no_bound() -> None:
    _, error = evaluate(lambda x: 1 / (x * x * x - x * x), np.float32(1 + 1e-7))
    assert np.isinf(error)


def test_overflow_of_the_programs_dtype_is_infinite() -> None:
    value, _ = evaluate(lambda x: x * x, np.array([-3e38, 1], np.float32))
    assert value.tolist() == [np.inf, 1]


ELEMENTARY: dict[str, tuple[Callable[..., Any], Callable[..., Any], float, float]] = {
    "exp": (jnp.exp, np.exp, -80, 80),
    "log": (jnp.log, np.log, 1e-6, 1e6),
    "tanh": (jnp.tanh, np.tanh, -12, 12),
    "logistic": (jax.lax.logistic, lambda x: 1 / (1 + np.exp(-x)), -80, 80),
    "rsqrt": (jax.lax.rsqrt, lambda x: 1 / np.sqrt(x), 1e-6, 1e6),
    "sqrt": (jnp.sqrt, np.sqrt, 1e-6, 1e6),
    "sin": (jnp.sin, np.sin, -20, 20),
    "cos": (jnp.cos, np.cos, -20, 20),
}


def grid(low: float, high: float) -> np.ndarray:
    """Even and logarithmic steps, the neighbourhood of one and of zero."""
    even = np.linspace(low, high, 4001)
    fine = np.concatenate(
        [np.geomspace(1e-6, min(high, 30), 2000), 1 + np.linspace(-0.1, 0.1, 501)]
    )
    both = np.concatenate([even, fine] + ([-fine] if low < 0 else []))
    return both[(both >= low) & (both <= high)].astype(np.float32)


@pytest.mark.parametrize("name", ELEMENTARY)
def test_the_installed_xla_stays_below_elementary_units(name: str) -> None:
    function, exact, low, high = ELEMENTARY[name]
    x = grid(low, high)
    compiled = jax.jit(function)
    # Long arrays go through vector code, a scalar does not.
    got = np.asarray(compiled(x), np.float64)
    some = x[:: len(x) // 40]
    alone = np.array([compiled(each) for each in some], np.float64)
    for points, answer in ((x, got), (some, alone)):
        right = exact(points.astype(np.float64))
        units = np.abs(answer - right) / (U * np.abs(right) + TINY)
        worst = int(np.argmax(units))
        allowed = of_the_platform(ROOT_UNITS) if name == "sqrt" else ELEMENTARY_UNITS
        assert units[worst] <= allowed, f"{name}({points[worst]!r}) is off by {units[worst]:.3g} u"
        value, error = evaluate(function, points[:8])
        np.testing.assert_allclose(value, right[:8], rtol=1e-12)
        assert np.all(np.abs(answer[:8] - value) <= SLACK * error)


def test_a_wrong_elementary_function_would_be_seen() -> None:
    x = grid(-12, 12)
    wrong = np.tanh(x.astype(np.float64)) * (1 + 2 * SLACK * ELEMENTARY_UNITS * U)
    value, error = evaluate(jnp.tanh, x)
    outside = np.abs(wrong - value) > SLACK * error
    assert outside[np.abs(x) > 1e-3].all()


GRADIENTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "loss": (
        functions.mlp_loss,
        (
            [(normal(0, 3, 4), normal(1, 4)), (normal(2, 4, 2), normal(3, 2))],
            normal(4, 3),
            normal(5, 2),
        ),
    ),
    "softmax": (lambda x: jnp.sum(functions.softmax(x) ** 2), (normal(6, 3, 4),)),
    "logistic": (lambda x: jnp.sum(jax.lax.logistic(x) * x), (normal(7, 5),)),
}


@pytest.mark.parametrize(
    "mode", [jax.grad, lambda f: lambda *x: jax.jvp(f, x, x)], ids=["grad", "jvp"]
)
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_evaluated_too(name: str, mode: Callable[..., Any]) -> None:
    function, arguments = GRADIENTS[name]
    derivative = mode(function)
    right = evaluate(derivative, *arguments)
    got = jax.jit(derivative)(*arguments)
    for g, value, error in zip(*map(jax.tree_util.tree_leaves, (got, *right)), strict=True):
        assert np.all(np.abs(np.asarray(g, np.float64) - value) <= SLACK * error)
        assert np.all(error < 1e-4)


def test_gradient_of_the_square_is_its_closed_form() -> None:
    x = normal(8, 5)
    value, error = evaluate(jax.grad(lambda x: jnp.sum(x * x)), x)
    np.testing.assert_array_equal(value, 2 * x.astype(np.float64))
    assert np.all(error <= 4 * U * np.abs(value) + TINY)


def test_what_rounding_cannot_decide_is_decided() -> None:
    value, _ = evaluate(lambda x: jnp.where(x * x > 2, 1.0, 0.0), np.float32(1.5))
    assert value == 1


@pytest.mark.parametrize("function", [jnp.linalg.cholesky, jnp.linalg.qr], ids=["cholesky", "qr"])
def test_a_primitive_without_a_rule_is_named(function: Callable[..., Any]) -> None:
    with pytest.raises(UnsupportedPrimitive, match="no float64 rule for the primitive"):
        evaluate(function, np.eye(3, dtype=np.float32))


def test_integers_are_exact_and_wrap_as_the_programs_do() -> None:
    x = np.array([2**30, -7, 3], np.int32)
    value, error = evaluate(lambda x: x * 4 + 1, x)
    assert value.dtype == np.int32
    assert value.tolist() == [1, -27, 13]
    assert error.tolist() == [0, 0, 0]


def test_keys_and_draws_are_exact() -> None:
    key = jax.random.key(3)
    value, error = evaluate(lambda key: jax.random.bits(jax.random.fold_in(key, 1), (4,)), key)
    np.testing.assert_array_equal(value, jax.random.bits(jax.random.fold_in(key, 1), (4,)))
    assert not error.any()


def test_one_trace_serves_all_values_of_a_shape() -> None:
    traces: list[int] = []

    def square(x: Any) -> Any:
        traces.append(1)
        return x * x

    run = evaluator(square, np.ones(3, np.float32))
    assert [run(np.full(3, v, np.float32)).value[0] for v in (2, 3)] == [4, 9]
    assert len(traces) == 1


def test_the_structure_of_the_result_is_kept() -> None:
    value, error = evaluate(lambda x: {"a": (x, x / 2)}, np.float32(1))
    assert value == {"a": (1, 0.5)}
    assert error["a"][0] == 0 < error["a"][1]


def recurrence(reverse: bool) -> Callable[..., Any]:
    def run(w: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            h = jnp.tanh(h @ w + x)
            return h, h * 2

        return jax.lax.scan(step, jnp.zeros(3), xs, reverse=reverse)

    return run


def scaled(w: Any, xs: Any) -> Any:
    """With a constant, two carries and two results, of one rank all of them."""

    def step(carry: Any, x: Any) -> Any:
        low, high = carry
        return (low * w + x, high), (low, high * x)

    return jax.lax.scan(step, (jnp.sin(w), jnp.cos(w)), xs)


def halved(x: Any) -> Any:
    return jax.lax.while_loop(lambda c: c[0] < 4, lambda c: (c[0] + 1, jnp.sin(c[1]) / 2), (0, x))[
        1
    ]


def branched(x: Any) -> Any:
    return jax.lax.cond(x[0] > 0, jnp.exp, lambda x: -x, x)


X = normal(5, 4, 3)
FURTHER = {
    "scan": (recurrence(False), normal(3, 3, 3), X),
    "scan-reversed": (recurrence(True), normal(3, 3, 3), X),
    "scan-of-a-number": (scaled, np.float32(1.1), X[0]),
    "while": (halved, X),
    "cond-true": (branched, np.abs(X[0])),
    "cond-false": (branched, -np.abs(X[0])),
    "exact-gelu": (lambda x: jax.nn.gelu(x, approximate=False), X),
    "erf": (jax.lax.erf, X),
    "erfc": (jax.lax.erfc, X),
    "exp2": (jnp.exp2, X),
    "log1p": (lambda x: jnp.log1p(jnp.abs(x)), X),
    "expm1": (jnp.expm1, X),
    "pow": (lambda x: (1 + x * x) ** 2.7, X),
    "cumsum": (lambda x: jnp.cumsum(x, 1), X),
    "cumsum-reversed": (lambda x: jax.lax.cumsum(x, 0, reverse=True), X),
    "clamp": (lambda x: jnp.clip(x * 3, -1, 1), X),
    "sign": (jnp.sign, X),
    "floor": (jnp.floor, X),
    "ceil": (jnp.ceil, X),
    "rows-apart": (lambda x: [2 * row for row in jnp.sin(x)], X),
    "split": (lambda x: jnp.split(jnp.sin(x), [1, 3], 0), X),
    "added-at-indices": (
        lambda x: jnp.asarray(x).at[np.array([1, 3, 1, 9])].add(2 * x[:, ::-1]),
        X,
    ),
    "gradient-of-rows": (jax.grad(lambda x: jnp.sum(jnp.sin(x[np.array([1, 3, 1])]))), X),
    "gradient-of-erf": (jax.grad(lambda x: jnp.sum(jax.lax.erf(x))), X),
}
if hasattr(jax.lax, "polynomial"):
    FURTHER["polynomial"] = (lambda x: jax.lax.polynomial(jnp.sin(x), (1.0, x, 2.0)), X)


@pytest.mark.parametrize("name", FURTHER)
def test_control_flow_and_further_functions_are_within_their_bound(name: str) -> None:
    function, *arguments = FURTHER[name]
    value, error = evaluate(function, *arguments)
    for got in (function(*arguments), jax.jit(function)(*arguments)):
        leaves = zip(*map(jax.tree_util.tree_leaves, (got, value, error)), strict=True)
        for g, v, e in leaves:
            assert np.shape(g) == np.shape(v)
            assert np.all(np.abs(np.asarray(g, np.float64) - v) <= SLACK * e)
            # Tight enough to notice an error in the sixth digit.
            assert np.all(e <= 2e-5 * np.max(np.abs(v)))
