"""The law about donated arguments notices that another one than was said is used up."""

from typing import Any

import attrs
import pytest

from conformance.transforms import TRANSFORMS
from properties.call import Axes
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.run_law import run_law
from properties.subjects import SUBJECTS
from properties.transform import Transform

LAW, PMAP, LINEAR = (
    LAWS["parallel.donated-and-static"],
    TRANSFORMS["jax.pmap"],
    SUBJECTS["linear"],
)


def _donating_the_other() -> Transform:
    """`jax.pmap` that, of a static argument and two more, donates the one that was not named."""

    def mapped(function: Any, axes: Axes) -> Any:
        options = dict(axes.options)
        donated = options.get("donate_argnums")
        if donated in ((1,), (2,)) and "static_broadcasted_argnums" in options:
            options["donate_argnums"] = (3 - donated[0],)
        return PMAP.map(function, attrs.evolve(axes, options=options))

    return attrs.evolve(PMAP, map=mapped)


@pytest.mark.skipif(PMAP.unavailable() is not None, reason="there is no pmap")
def test_another_argument_used_up_is_noticed_and_the_right_one_is_not() -> None:
    profile = PROFILES["quick"]
    assert run_law(LAW, PMAP, LINEAR, profile).violation is None
    found = run_law(LAW, _donating_the_other(), LINEAR, profile).violation
    assert found is not None
    assert found.what == "arguments that a map uses up"
