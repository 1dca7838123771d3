"""Subtle mutants misbehave where a call triggers them, and nowhere else."""

import numpy as np
import pytest

from conformance.mutation import failures, tables
from conformance.mutation.control import first_violation, unbroken
from conformance.mutation.results import SubtleResult
from conformance.transforms import TRANSFORMS
from properties.call import Axes
from properties.laws import LAWS
from properties.mutants.subtle import SUBTLE
from properties.mutants.subtle.subtle_mutant import noting_triggers
from properties.profile import PROFILES
from properties.subjects import SUBJECTS

VMAP = TRANSFORMS["jax.vmap"]
KILLS = (
    ("all-in-front", "mapping.equals-per-example", "linear"),
    ("batch-of-one", "mapping.equals-per-example", "linear"),
    ("large-batch", "mapping.large-batch", "large-maximum"),
    ("second-call", "mapping.called-again", "matrix-add"),
    ("gradient-all-in-front", "gradients.shared-sum", "dot-product"),
)
"""By mutant: a law of which quick's calls of a subject kill it.

The subject is outside the catalogue: of one primitive quick draws a single combination of axes, and the
seed decides which.
"""


@pytest.mark.parametrize(
    ("name", "triggering", "other"),
    [
        ("all-in-front", Axes((0, 0)), Axes((0, None))),
        ("second-unmapped", Axes((0, None)), Axes((None, 0))),
        ("axes-differ", Axes((0, 1)), Axes((1, 1))),
        ("size-stated", Axes((0, 0), options={"axis_size": 3}), Axes((0, 0))),
        ("last-out-axis", Axes((0, 0), 1), Axes((0, 0), 0)),
    ],
)
def test_a_subtle_mutant_is_right_where_nothing_triggers_it(
    name: str, triggering: Axes, other: Axes
) -> None:
    def function(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return x.sum() + y.sum() * np.arange(1, 4)

    broken = SUBTLE[name].mutate(VMAP)
    arguments = np.arange(9.0).reshape(3, 3), np.ones((3, 3))
    for axes, differs in ((triggering, True), (other, False)):
        right = VMAP.map(function, axes)(*arguments)
        triggered: set[str] = set()
        noted = noting_triggers(VMAP, SUBTLE.values(), triggered).map(function, axes)(*arguments)
        assert np.array_equal(noted, right)
        assert (name in triggered) is differs
        assert np.array_equal(broken.map(function, axes)(*arguments), right) is not differs


@pytest.mark.parametrize(("name", "law", "subject"), KILLS, ids=[name for name, _, _ in KILLS])
def test_the_calls_that_quick_draws_kill_it_and_spare_the_control(
    name: str, law: str, subject: str
) -> None:
    control = unbroken(LAWS[law], VMAP, SUBJECTS[subject], PROFILES["quick"])
    assert control.violation is None
    assert control.calls
    broken = SUBTLE[name].mutate(VMAP)
    assert first_violation(LAWS[law], broken, control.calls) is not None


def test_a_survivor_is_a_failure_that_says_whether_a_call_triggers_it() -> None:
    results = [
        SubtleResult("square", "jax.vmap", True, "quick", "mapping.equals-per-example of linear"),
        SubtleResult("eager", "jax.vmap", True),
        SubtleResult("keywords", "jax.vmap", False),
    ]
    seen, unseen = failures.subtle_failures(results)
    assert "eager of jax.vmap: add a law" in seen
    assert "keywords of jax.vmap: draw calls that trigger it" in unseen
    assert "1 of 3 subtle mutants are killed, 1 of them by quick" in tables.subtle_totals(results)
    table = tables.subtle_table(results)
    assert "**survives**" in table
    assert "**is not triggered**" in table
