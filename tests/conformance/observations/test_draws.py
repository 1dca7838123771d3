"""Draws of `jax.random`: a wrong distribution is noticed, a sound one is not, and dtypes are kept."""

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

from conformance.observations import draws
from conformance.observations.distributions import farthest
from conformance.observations.record import Absent, needed
from conformance.observations.samplers import COUNT, SAMPLERS, Sampler

SOUND: list[tuple[Any, Any, float]] = [
    (lambda g: g.normal(size=COUNT).astype(np.float32), stats.norm(), 6e-8),
    (lambda g: g.normal(size=COUNT).astype(np.float16), stats.norm(), 5e-4),
    (lambda g: g.integers(3, 103, COUNT), stats.randint(3, 103), 0.0),
    (lambda g: g.poisson(3.5, COUNT), stats.poisson(3.5), 0.0),
]


@pytest.mark.parametrize("case", range(len(SOUND)))
def test_sound_draws_are_within_the_bound(case: int) -> None:
    draw, distribution, unit = SOUND[case]
    for seed in range(20):
        assert farthest(draw(np.random.default_rng(seed)), distribution, unit) is None


@pytest.mark.parametrize("case", range(len(SOUND)))
def test_a_shift_of_a_tenth_is_noticed(case: int) -> None:
    draw, distribution, unit = SOUND[case]
    drawn = draw(np.random.default_rng(0))
    moved = drawn + drawn.dtype.type(np.ceil(0.2 * distribution.std()) if unit == 0 else 0.2)
    assert "should be" in str(farthest(moved, distribution, unit))


def test_a_number_that_should_hardly_ever_be_drawn_is_noticed() -> None:
    drawn = np.random.default_rng(0).geometric(0.1, COUNT)
    assert farthest(drawn, stats.geom(0.1), 0.0) is None
    drawn[:3] = 2**31 - 1
    said = farthest(drawn, stats.geom(0.1), 0.0)
    assert said == "3 draws of 8192 are 2.147e+09, which should hardly ever be drawn"


def test_what_is_not_finite_is_wrong() -> None:
    assert farthest(np.array([0.0, np.nan]), stats.norm(), 1e-7) == "1 draws of 2 are not finite"


BIASED = {"draws/randint/int8", "draws/randint/uint8"}
"""Draws that were not uniform in the oldest releases."""


def test_every_draw_of_the_installed_release_is_sound() -> None:
    for key, value in draws.observe():
        if "absent" in value and key == "draws/multinomial/float32":
            continue
        assert "value" in value, key
        is_biased = key in BIASED and jax.__version_info__ < (0, 6)
        assert (value["wrong"] is not None) == is_biased, key
        assert value["value"].dtype.name == key.split("/")[2] or key.split("/")[1] in (
            "bernoulli",
            "categorical",
            "binomial",
            "geometric-of-a-probability",
        )


def test_a_sampler_that_is_wrong_says_so_and_one_that_refuses_gives_its_error() -> None:
    uniform = next(sampler for sampler in SAMPLERS if sampler.name == "uniform")
    halved = Sampler(
        "halved",
        lambda key, dtype: uniform.draw(key, dtype) / 2,
        ("float32",),
        uniform.distribution,
    )
    refusing = Sampler("refusing", _needs_what_nobody_has, ("float32",))
    cases = [(halved, "float32"), (uniform, "int32"), (refusing, "float32"), (uniform, "float32")]
    drawn = draws._drawn(cases)
    assert "should be" in draws._fact(halved, "float32", drawn[0])["wrong"]
    assert draws._fact(uniform, "int32", drawn[1])["type"] in ("ValueError", "TypeError")
    with pytest.raises(Absent):
        draws._fact(refusing, "float32", drawn[2])
    (alone,) = draws._drawn(cases[3:])
    assert np.array_equal(drawn[3], alone)


def _needs_what_nobody_has(key: Any, dtype: Any) -> Any:
    return needed("jax.random.nobody_has_this")(key)


def test_one_draw_that_fails_does_not_cost_the_others() -> None:
    uniform = next(sampler for sampler in SAMPLERS if sampler.name == "uniform")

    def failing_draw(key: Any, dtype: Any) -> Any:
        return jax.pure_callback(_fails, jax.ShapeDtypeStruct((3,), dtype), key)

    failing = Sampler("failing", failing_draw, ("float32",))
    error, drawn = draws._drawn([(failing, "float32"), (uniform, "float32")])
    assert isinstance(error, Exception)
    assert drawn.shape == (COUNT,)


def _fails(key: Any) -> Any:
    raise RuntimeError("nothing is drawn")
