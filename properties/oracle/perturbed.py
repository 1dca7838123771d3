"""A program evaluated as written, with every rounding in it drawn at random.

Random rounding shows what rounding may do to any program, whatever its primitives (D. S. Parker, *Monte
Carlo Arithmetic*, UCLA CSD-970002, 1997; J. Vignes, *A stochastic arithmetic for reliable scientific
computation*, 1993). Operands and results of each floating-point operation are moved by one unit in the
last place up or down. Operations that only move, choose or compare are left alone: they do not round.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reference.error_bounds.control_flow import scan_counts

POOL = 1 << 14
"""As many random signs serve one evaluation: operations take theirs at different places of the pool."""


def _named(text: str) -> frozenset[str]:
    return frozenset(text.split())


EXACT = _named("""
reshape transpose squeeze expand_dims broadcast_in_dim broadcast slice dynamic_slice dynamic_update_slice
gather scatter concatenate pad rev select_n select_and_gather_add split copy copy_p device_put iota
sharding_constraint optimization_barrier stop_gradient pvary tie_in empty empty2 tile
max min clamp reduce_max reduce_min cummax cummin sort top_k approx_top_k argmax argmin scatter_max
scatter_min scatter-max scatter-min reduce_window_max reduce_window_min
neg abs sign floor ceil round is_finite nextafter real imag complex conj copysign rem
convert_element_type bitcast_convert_type reduce_precision and or not xor
""")
"""Primitives that move, choose or compare: their results are exact in any order of evaluation."""

NORMWISE = _named("""
lu lu_solve qr geqrf geqp3 householder_product cholesky eigh eig svd schur triangular_solve
tridiagonal tridiagonal_solve hessenberg fft
""")
"""Algorithms that are backward stable: the result is that of operands moved by some units of the largest
of them (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., chapters 9, 10, 19, 24)."""
FACTORED = _named("lu geqrf geqp3 hessenberg tridiagonal")
"""Those that pack two factors into one array, perhaps of very different sizes, such as the multipliers of
an LU decomposition, which are at most one: their results are moved entry by entry."""
BY_ENTRY = _named("triangular_solve householder_product")
"""Those that take such arrays, which are moved entry by entry, too: substitution gives the solution of a
triangle whose entries are each moved by some units of themselves (Higham, theorem 8.5)."""
NORMWISE_UNITS = 4.0
ELEMENTARY_UNITS = 4.0
"""In ulps of float32: XLA's exp, tanh, log ... are within so many."""
NARROW_UNITS = 1.0
"""In ulps of bfloat16 or float16: XLA evaluates these functions in float32, and rounds the result."""
BASIC = _named("add add_any sub mul div sqrt square integer_pow")
SUMS = _named("""
reduce_sum cumsum dot_general conv_general_dilated scatter-add scatter_add reduce_window_sum
reduce_prod cumprod
""")
GRID, LARGEST = 256.0, 4096.0
"""Multiples of 1/256 up to 4096, such as counts and halves: arithmetic on them is exact in float32, whose
results are rarely such numbers otherwise."""

SPECIAL = _named("""
lgamma digamma polygamma zeta igamma igammac igamma_grad_a random_gamma_grad regularized_incomplete_beta
bessel_i0e bessel_i1e erf_inv
""")
"""Series whose terms are of the size of one: near a root the error is not relative to the result."""

_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr", "call")
_INLINED = _named("""
jit pjit closed_call core_call core_closed_call remat remat2 checkpoint custom_jvp_call
custom_vjp_call custom_vjp_call_jaxpr custom_jvp_call_jaxpr custom_vmap_call xla_call
""")
_CONTROLLED = _named("scan while cond custom_linear_solve")


def is_float(dtype: Any) -> bool:
    """Whether arrays of the dtype round: floating point, real or complex."""
    return bool(jnp.issubdtype(dtype, jnp.inexact)) and dtype != jax.dtypes.float0


def _is_narrow(dtype: Any) -> bool:
    return bool(jnp.finfo(dtype).nmant < jnp.finfo(jnp.float32).nmant)


def rounds(jaxpr: Any) -> bool:
    """Whether any operation of a jaxpr, or of those within it, rounds."""
    return any(_rounds(equation) for equation in jaxpr.eqns)


def equations(jaxpr: Any) -> Iterator[Any]:
    """All operations of a jaxpr, and of those within it."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in _jaxprs(value):
                yield from equations(inner)


def _rounds(equation: Any) -> bool:
    inner = [each for value in equation.params.values() for each in _jaxprs(value)]
    if inner and equation.primitive.name not in EXACT:
        known = equation.primitive.name in _INLINED | _CONTROLLED
        return any(map(rounds, inner)) or not known
    return _adds_noise(equation)


def _jaxprs(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [each for entry in value for each in _jaxprs(entry)]
    jaxpr = getattr(value, "jaxpr", value)
    return [jaxpr] if hasattr(jaxpr, "eqns") else []


def _adds_noise(equation: Any) -> bool:
    return equation.primitive.name not in EXACT and any(
        is_float(getattr(v.aval, "dtype", np.dtype(bool))) for v in equation.outvars
    )


# Primes, 1009 and 4099, of factors below 100: Hypothesis draws now and then an integer that it finds in
# the source of this package, from 100 on, so that a new one here would change the calls drawn.
_NEAR, _FAR = 16 * 63 + 1, 64 * 64 + 3


class Noise:
    """Random signs for the operations of one evaluation, each operation's its own."""

    def __init__(self, pool: Any, step: Any = 0) -> None:
        self.pool, self.step, self.taken = pool, step, 0

    def at_step(self, step: Any) -> "Noise":
        """The signs of one iteration of a loop that stands here."""
        self.taken += 1
        return Noise(self.pool, self.step * 31 + step * 7 + self.taken * _NEAR)

    def signs(self, shape: Sequence[int]) -> Any:
        """An array of that shape of random ones and minus ones."""
        count = int(np.prod(shape, dtype=int))
        some = min(count, POOL // 2)
        self.taken += 1
        start = (self.taken * 7919 + self.step * _FAR) % (POOL - some)
        drawn = lax.dynamic_slice(self.pool, (jnp.asarray(start, jnp.int32),), (some,))
        if some < count:
            drawn = jnp.resize(drawn, (count,))
        return lax.reshape(drawn, tuple(shape)) if count else jnp.zeros(shape)

    def relative(self, x: Any, units: float = 1.0) -> Any:
        """Each number moved by so many units in its last place."""
        if not is_float(x.dtype):
            return x
        real = jnp.finfo(x.dtype).dtype
        units = min(units, NARROW_UNITS) if _is_narrow(x.dtype) else units
        factor = 1 + self.signs(x.shape) * (units * float(jnp.finfo(x.dtype).eps))
        return x * factor.astype(real)

    def arithmetic(self, x: Any) -> Any:
        """The same, but for numbers on which arithmetic is exact."""
        if not is_float(x.dtype) or _is_narrow(x.dtype):
            return self.relative(x)
        if jnp.iscomplexobj(x):
            scaled = x * GRID
            exact = (jnp.round(scaled) == scaled) & (jnp.abs(x) <= LARGEST)
            return jnp.where(exact, x, self.relative(x))
        # In `lax`: each function of `jax.numpy` is a jit of its own, which takes longer to trace.
        scaled = lax.mul(x, lax.full_like(x, GRID))
        is_whole = lax.eq(lax.round(scaled, lax.RoundingMethod.TO_NEAREST_EVEN), scaled)
        exact = lax.bitwise_and(is_whole, lax.le(lax.abs(x), lax.full_like(x, LARGEST)))
        return lax.select(exact, x, self.relative(x))

    def absolute(self, x: Any, units: float) -> Any:
        """Each number moved by so many units in the last place of itself or of one."""
        eps = float(jnp.finfo(x.dtype).eps)
        size = jnp.maximum(jnp.abs(x), 1).astype(x.dtype) * (units * eps)
        return x + self.signs(x.shape).astype(x.dtype) * size

    def normwise(self, x: Any) -> Any:
        """Each number moved by some units in the last place of the largest."""
        if not is_float(x.dtype) or not x.size:
            return x
        real = jnp.finfo(x.dtype).dtype
        unit = jnp.max(jnp.abs(x)) * (NORMWISE_UNITS * float(jnp.finfo(x.dtype).eps))
        return x + (self.signs(x.shape).astype(real) * unit).astype(x.dtype)


def run(closed: Any, noise: Noise, arguments: Sequence[Any]) -> list[Any]:
    """Evaluate a closed jaxpr with random rounding."""
    jaxpr = getattr(closed, "jaxpr", closed)
    return _run(jaxpr, getattr(closed, "consts", ()), noise, arguments)


def _run(jaxpr: Any, consts: Sequence[Any], noise: Noise, arguments: Sequence[Any]) -> list[Any]:
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Any:
        if not hasattr(atom, "val"):
            return known[atom]
        # A number written in the program: some releases keep it as Python's own.
        is_key = jnp.issubdtype(atom.aval.dtype, jax.dtypes.prng_key)
        return atom.val if is_key else np.asarray(atom.val, atom.aval.dtype)

    for equation in jaxpr.eqns:
        if not equation.outvars:
            continue  # It only has an effect, such as to print.
        results = _equation(equation, noise, [read(atom) for atom in equation.invars])
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _equation(equation: Any, noise: Noise, operands: list[Any]) -> list[Any]:
    name = equation.primitive.name
    if not _rounds(equation):
        return _bind(equation, operands)
    if name in _CONTROL:
        return _CONTROL[name](equation, noise, operands)
    inner = next((equation.params[key] for key in _INNER if key in equation.params), None)
    if name in _INLINED and inner is not None:
        return run(inner, noise, operands)
    operands = [jnp.asarray(x) if not hasattr(x, "dtype") else x for x in operands]
    if name in NORMWISE:
        return _decomposed(equation, noise, operands)
    if name in BASIC:
        return list(map(noise.arithmetic, _bind(equation, operands)))
    if name in SUMS:
        results = _bind(equation, list(map(noise.arithmetic, operands)))
        return list(map(noise.arithmetic, results))
    if name in SPECIAL:
        results = _bind(equation, list(map(noise.relative, operands)))
        return [noise.absolute(result, ELEMENTARY_UNITS) for result in results]
    results = _bind(equation, list(map(noise.relative, operands)))
    return [noise.relative(result, ELEMENTARY_UNITS) for result in results]


def _decomposed(equation: Any, noise: Noise, operands: list[Any]) -> list[Any]:
    def by_entry(x: Any) -> Any:
        return noise.relative(x, NORMWISE_UNITS)

    name = equation.primitive.name
    before = by_entry if name in BY_ENTRY else noise.normwise
    after = by_entry if name in FACTORED or name == "triangular_solve" else noise.normwise
    return list(map(after, _bind(equation, list(map(before, operands)))))


def _bind(equation: Any, operands: Sequence[Any]) -> list[Any]:
    given = equation.primitive.get_bind_params(equation.params)
    # Releases before jax 0.10 give the functions among the parameters by themselves.
    functions, params = given if isinstance(given, tuple) else ((), given)
    result = equation.primitive.bind(*functions, *operands, **params)
    return list(result) if equation.primitive.multiple_results else [result]


def _scan(equation: Any, noise: Noise, operands: list[Any]) -> list[Any]:
    params = equation.params
    body = params["jaxpr"]
    first, carried = scan_counts(equation)
    last = first + carried

    def step(carry: Any, x: Any) -> Any:
        i, values = carry
        results = run(body, noise.at_step(i), [*operands[:first], *values, *x])
        return (i + 1, _as_before(results[:carried], values)), results[carried:]

    (_, final), stacked = lax.scan(
        step,
        (
            jnp.int32(0),
            [jnp.asarray(x) if not hasattr(x, "dtype") else x for x in operands[first:last]],
        ),
        operands[last:],
        length=params["length"],
        reverse=params["reverse"],
    )
    return [*final, *stacked]


def _as_before(results: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Results in the dtypes of the values that they take the place of."""
    pairs = zip(results, values, strict=True)
    return [r.astype(v.dtype) if is_float(v.dtype) and r.dtype != v.dtype else r for r, v in pairs]


def _while(equation: Any, noise: Noise, operands: list[Any]) -> list[Any]:
    params = equation.params
    first = params["cond_nconsts"]
    last = first + params["body_nconsts"]

    def goes_on(carry: Any) -> Any:
        i, values = carry
        return run(params["cond_jaxpr"], noise.at_step(i), [*operands[:first], *values])[0]

    def body(carry: Any) -> Any:
        i, values = carry
        results = run(params["body_jaxpr"], noise.at_step(i), [*operands[first:last], *values])
        return i + 1, _as_before(results, values)

    start = [jnp.asarray(x) if not hasattr(x, "dtype") else x for x in operands[last:]]
    return list(lax.while_loop(goes_on, body, (jnp.int32(0), start))[1])


def _cond(equation: Any, noise: Noise, operands: list[Any]) -> list[Any]:
    index, *arguments = operands
    branches: list[Callable[..., Any]] = [
        lambda *given, branch=branch: run(branch, noise.at_step(0), list(given))
        for branch in equation.params["branches"]
    ]
    return list(lax.switch(jnp.asarray(index, jnp.int32), branches, *arguments))


def _linear_solve(equation: Any, noise: Noise, operands: list[Any]) -> list[Any]:
    lengths, jaxprs = equation.params["const_lengths"], equation.params["jaxprs"]
    before = lengths.matvec + lengths.vecmat
    consts = operands[before : before + lengths.solve]
    right = operands[sum(lengths) :]
    return run(jaxprs.solve, noise, [*consts, *right])


_CONTROL: dict[str, Callable[[Any, Noise, list[Any]], list[Any]]] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
    "custom_linear_solve": _linear_solve,
}
