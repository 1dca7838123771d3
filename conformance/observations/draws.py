"""What every sampler of `jax.random` draws in every dtype, and whether the distribution is right."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.cases import KEY
from conformance.observations.distributions import farthest
from conformance.observations.prng import rounding_of_draws
from conformance.observations.record import Absent, Observation, described, one
from conformance.observations.samplers import SAMPLERS, Sampler
from conformance.observations.selection import EVERYTHING, Selection
from reference.error_bounds.roundoff import unit_roundoff

_KEPT = 12
"""So many numbers of each draw are recorded."""


_QUICKLY: Any = {"xla_backend_optimization_level": 0}
"""What is compiled runs once."""


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`draws/SAMPLER/DTYPE`: {value, bound, wrong}, or {type, line} where the dtype is refused.

    `value` is how a draw begins, `bound` how far rounding may move it, `wrong` how the draw is not
    distributed as it should be, None where it is.
    """
    for sampler in SAMPLERS:
        for dtype in sampler.dtypes:
            yield from one(f"draws/{sampler.name}/{dtype}", partial(_drawn, sampler, dtype))


def _drawn(sampler: Sampler, dtype: str) -> dict[str, Any]:
    key = jax.random.key(KEY, impl="threefry2x32")
    try:
        program = jax.jit(lambda key: sampler.draw(key, jnp.dtype(dtype))).lower(key)
        drawn = np.asarray(program.compile(compiler_options=_QUICKLY)(key))
    except Absent:
        raise
    except Exception as error:
        return described(error)
    kept = drawn.reshape(-1)[:_KEPT]
    unit = unit_roundoff(kept.dtype) if jnp.issubdtype(kept.dtype, jnp.inexact) else 0.0
    bound = None if sampler.exact else rounding_of_draws(kept)
    return {"value": kept, "bound": bound, "wrong": _wrong(sampler, dtype, drawn, unit)}


def _wrong(sampler: Sampler, dtype: str, drawn: Any, unit: float) -> str | None:
    if sampler.distribution is None or np.iscomplexobj(drawn):
        return None
    # The import takes a second.
    from scipy import stats

    return farthest(drawn, sampler.distribution(stats, dtype), unit)
