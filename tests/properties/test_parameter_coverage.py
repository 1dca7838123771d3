"""The catalogue varies the parameters of primitives, and what it does not vary is found."""

from typing import Any

import jax

from properties.parameter_coverage import EXEMPT, parameter_coverage
from properties.subjects import SUBJECTS


def of(*names: str) -> Any:
    return [SUBJECTS[f"lax.{name}"] for name in names]


def test_a_parameter_varies_where_two_entries_differ_in_it() -> None:
    alone = parameter_coverage(of("argmax"))
    assert alone.constant["argmax.axes"] == "(0,)"
    assert alone.percent == 0.0
    both = parameter_coverage(of("argmax", "argmax.columns"))
    assert "argmax.axes" in both.varied
    assert not both.constant


def test_parameters_within_control_flow_are_read() -> None:
    found = parameter_coverage(of("while.mapped-carry"))
    assert "reduce_sum.axes" in found.constant
    assert "while.body_jaxpr" in found.exempt


def test_an_exemption_has_a_reason_and_counts_neither_way() -> None:
    found = parameter_coverage(of("argmax"), {"argmax.axes": "said so", "index_dtype": "as well"})
    assert found.exempt == {"argmax.axes": "said so", "argmax.index_dtype": "as well"}
    assert not found.constant
    assert all(EXEMPT.values())


def test_the_catalogue_varies_nearly_all_parameters() -> None:
    found = parameter_coverage()
    assert len(found.varied) > 100
    if jax.__version_info__[:2] == (0, 10):
        assert found.percent >= 95, found.constant
