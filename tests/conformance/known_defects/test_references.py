"""Which calls the defects of Refs explain."""

from types import SimpleNamespace

import pytest

from conformance.known_defects import DEFECTS
from properties.subjects.programs import FAMILIES

INDEXED = next(defect for defect in DEFECTS if defect.id == "vmap-ref-indexed")


@pytest.mark.parametrize("family", FAMILIES)
def test_an_index_of_a_ref_explains_generated_programs_with_refs_alone(family: str) -> None:
    """Such a program indexes a Ref in a loop: on jax 0.9 it raised, and the run was red."""
    assert INDEXED.explains(SimpleNamespace(subject_name=family)) is (
        family == "program-references"
    )


def test_it_is_over_since_it_was_mended() -> None:
    assert INDEXED.applies_to({"jax": "0.9.0.1"})
    assert not INDEXED.applies_to({"jax": "0.10.1"})
