"""Second derivatives, within a map, of functions whose slope is a special function: SciPy has the answers."""

from typing import Any

import attrs
import jax
import numpy as np
from scipy import special as known

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import of, rule
from reference import special

_OF_SPECIAL = """
if jax.__version_info__ < (0, 8):
    raise NotImplementedError("it differentiates lax.random_gamma_grad once alone")
two, three = np.float32(2), np.float32(3)
functions = (
    lax.lgamma, lax.digamma, lambda x: lax.polygamma(np.float32(1), x),
    lambda x: jax.scipy.special.zeta(two, x),
    lax.erf, lax.erfc, lax.erf_inv, lax.bessel_i0e, lax.bessel_i1e,
    lambda x: lax.igamma(two, x), lambda x: lax.igammac(two, x), lambda x: lax.betainc(two, three, x),
)
sample = lambda x: random.gamma(random.key(1), x)

def slopes(x):
    ways = jax.grad, jax.jacfwd
    each = [ways[i % 2](jax.grad(function))(x) for i, function in enumerate(functions)]
    # Backwards a sample has one derivative alone: the series of the first loops until it converges.
    return each, jax.jacfwd(jax.grad(sample))(2 + x)

return jax.jit(slopes)(a)
"""
_OF_INTEGRALS = """
slope_of = lambda function: jax.grad(jax.grad(function))(a)
return slope_of(jax.scipy.special.exp1), slope_of(lambda x: jax.scipy.special.expn(2, x))
"""


def _of_special(a: Any) -> Any:
    """The second derivative of each at a number between zero and one, and of a sample by its shape."""
    x = float(a)
    order0, order1, inverse = known.i0e(x), known.i1e(x), known.erfinv(x)
    # What the recurrences of the Bessel functions say of those that are scaled by exp(-x).
    slope0, slope1 = order1 - order0, order0 - order1 * (1 + 1 / x)
    bell = 4 / np.sqrt(np.pi) * x * np.exp(-(x**2))
    each = [
        *(known.polygamma(n, x) for n in (1, 2, 3)),
        6 * known.zeta(4, x),
        *(-bell, bell, np.pi / 2 * inverse * np.exp(2 * inverse**2)),
        *(slope1 - slope0, slope0 + order1 / x**2 - slope1 * (1 + 1 / x)),
        *((1 - x) * np.exp(-x), (x - 1) * np.exp(-x), 12 * (1 - x) * (1 - 3 * x)),
    ]
    sample = jax.random.gamma(jax.random.key(1), np.float32(2 + a))
    values = each, special.sample_curvature(float(np.float32(2 + a)), float(sample))
    return values, jax.tree_util.tree_map(special.bound, values)


def _of_integrals(a: Any) -> Any:
    """Of the exponential integrals E1 and E2: (1 + 1 / x) exp(-x) / x, and exp(-x) / x."""
    x = float(a)
    values = (1 + 1 / x) * np.exp(-x) / x, np.exp(-x) / x
    return values, jax.tree_util.tree_map(special.bound, values)


SECOND_SLOPES: tuple[FunctionSubject, ...] = tuple(
    attrs.evolve(rule(name, source, of("unit"), answer=answer), most_axes=1)
    for name, source, answer in (
        ("polygamma.second-slopes", _OF_SPECIAL, _of_special),
        ("custom_jvp_call.exponential-integrals", _OF_INTEGRALS, _of_integrals),
    )
)
