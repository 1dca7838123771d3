"""What every sampler of `jax.random` draws in every dtype, and whether the distribution is right."""

from collections.abc import Iterator, Sequence
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
from properties.compiler_options import fast
from reference.error_bounds.roundoff import unit_roundoff

_KEPT = 12
"""So many numbers of each draw are recorded."""
_TOGETHER = 12
"""Draws of one program: samplers share what they are lowered to, and a program is lowered as a whole."""

Case = tuple[Sampler, str]
"""A sampler and a dtype."""


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`draws/SAMPLER/DTYPE`: {value, bound, wrong}, or {type, line} where the dtype is refused.

    `value` is how a draw begins, `bound` how far rounding may move it, `wrong` how the draw is not
    distributed as it should be, None where it is.
    """
    cases = [(sampler, dtype) for sampler in SAMPLERS for dtype in sampler.dtypes]
    for start in range(0, len(cases), _TOGETHER):
        part = cases[start : start + _TOGETHER]
        for (sampler, dtype), drawn in zip(part, _drawn(part), strict=True):
            yield from one(f"draws/{sampler.name}/{dtype}", partial(_fact, sampler, dtype, drawn))


def _drawn(cases: Sequence[Case]) -> list[Any]:
    """What each case draws, or the error that it raises, by one program where the compiler takes it."""
    refused: dict[int, Exception] = {}

    def draw(key: Any) -> dict[int, Any]:
        given = {}
        for number, (sampler, dtype) in enumerate(cases):
            try:
                given[number] = sampler.draw(key, jnp.dtype(dtype))
            except Exception as error:
                refused[number] = error
        return given

    key = jax.random.key(KEY, impl="threefry2x32")
    try:
        # What is compiled runs once.
        program = jax.jit(draw).lower(key).compile(compiler_options=dict(fast()))
        given = {number: np.asarray(numbers) for number, numbers in program(key).items()}
    except Exception as error:
        if len(cases) == 1:
            return [error]
        return [drawn for case in cases for drawn in _drawn([case])]
    return [refused.get(number, given.get(number)) for number in range(len(cases))]


def _fact(sampler: Sampler, dtype: str, drawn: Any) -> dict[str, Any]:
    if isinstance(drawn, Absent):
        raise drawn
    if isinstance(drawn, Exception):
        return described(drawn)
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
