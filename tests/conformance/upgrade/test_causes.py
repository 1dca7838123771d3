"""Differences grouped by cause, the most consequential first, in a sentence each."""

import pytest

from conformance.known_defects import DEFECTS
from conformance.upgrade.causes import causes, percent
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.difference import Difference, Distance

REGRESSED = KINDS["regressed"]


def regressed(item: str, cause: str) -> Difference:
    return Difference(REGRESSED, item, "holds before, not-applicable now", cause=cause)


def test_the_same_defect_of_two_transforms_is_one_cause_with_its_symptom() -> None:
    found = causes(
        [
            regressed(
                "errors.axis-out-of-range | jax.pmap | sort", "defect pmap-axis-out-of-range"
            ),
            regressed("mapping.x | jax.pmap | sort", "defect pmap-axis-out-of-range"),
            regressed(
                "errors.axis-out-of-range | flax.nnx.pmap | sort",
                "defect nnx-pmap-axis-out-of-range",
            ),
        ]
    )
    (cause,) = found
    assert len(cause.entries) == 3
    assert cause.sentence.startswith("unclear error: ")
    assert cause.sentence.endswith("(jax.pmap, flax.nnx.pmap, 3 items of 2 laws)")


def test_causes_are_in_the_order_of_their_kinds_then_of_what_they_explain() -> None:
    other = Difference(KINDS["new-warnings"], "warnings/calls/f", "soon gone")
    one = regressed("axes.a | jax.vmap | sort", "axes.a of jax.vmap: raises")
    two = [regressed(f"axes.b | jax.vmap | {name}", "axes.b of jax.vmap: differs") for name in "xy"]
    assert [len(cause.entries) for cause in causes([other, one, *two])] == [2, 1, 1]
    assert [cause.kind.id for cause in causes([other, one])] == ["regressed", "new-warnings"]


def test_what_is_only_worded_differently_is_one_line() -> None:
    kind = KINDS["errors-reworded"]
    (cause,) = causes([Difference(kind, f"errors/jax.vmap/{n}", "was a; is b") for n in range(27)])
    assert cause.sentence == "the messages of 27 errors are worded differently"


def test_values_within_rounding_are_one_line_with_the_largest_share() -> None:
    kind = KINDS["values-changed"]
    shares = (0.0003, 0.0001)
    (cause,) = causes(
        [Difference(kind, f"outputs/{s}", "moved", detail=Distance(1.0, s)) for s in shares]
    )
    assert cause.sentence == "values of 2 calls differ, by at most 0.03 % of the bound"


def test_an_own_remedy_is_kept_where_all_agree() -> None:
    kind = KINDS["removed-names"]
    mine = Difference(kind, "names/jax.numpy.fix", "jax.numpy.fix is gone", "Use jax.numpy.trunc.")
    assert [cause.remedy for cause in causes([mine])] == ["Use jax.numpy.trunc."]


@pytest.mark.parametrize(
    ("id", "begins"),
    [
        ("vmap-empty-reduction-dies", "process dies"),
        ("pmap-out-axes-none-unchecked", "silently wrong"),
        ("pmap-axis-out-of-range", "unclear error"),
        ("pmap-in-jit-out-axes", "raises"),
    ],
)
def test_a_defect_says_what_a_user_meets_once(id: str, begins: str) -> None:
    (defect,) = (each for each in DEFECTS if each.id == id)
    item = f"{defect.law} | {defect.transform} | sort"
    (cause,) = causes([regressed(item, f"defect {id}")])
    assert cause.sentence.lower().startswith(begins)
    assert not cause.sentence.lower().startswith(f"{begins}: {begins}")


def test_shares_are_short() -> None:
    assert [percent(s) for s in (0.0003, 0.041, 1.0, 0.0)] == ["0.03 %", "4.1 %", "1e+02 %", "0 %"]
