"""Every law can fail, and every fault is noticed."""

import pytest

from conformance.kill_matrix import kills
from properties.laws import LAWS
from properties.mutants import MUTANTS

FATAL = {
    "mapping.equals-per-example": ["batch-reversed", "slice-zero-broadcast", "examples-averaged"],
    "mapping.broadcasts-unmapped": ["unmapped-argument-mapped", "shards-swapped"],
    "axes.in-axes-permute": ["in-axes-off-by-one", "in-axes-ignored"],
    "axes.out-axes-permute": ["out-axes-ignored"],
    "axes.negative-count-from-end": ["negative-axis-as-zero"],
    "mapping.permutation-equivariant": ["slice-zero-broadcast", "shards-swapped"],
    "mapping.concatenates": ["batch-reversed", "examples-averaged"],
    "mapping.jit-agrees": ["batch-reversed"],
    "axes.pytree-prefix": ["tree-of-axes-misread"],
    "nesting.commutes": ["batch-reversed"],
    "mapping.axis-size": ["out-axes-ignored"],
    "mapping.preserves-structure": ["out-axes-ignored"],
    "nesting.composes": ["batch-reversed"],
    "gradients.per-example": ["batch-reversed"],
    "gradients.shared-sum": ["slice-zero-broadcast"],
    "collectives.equal-plain-reductions": [
        "batch-reversed",
        "psum-does-nothing",
        "pmean-off-by-one",
        "ppermute-inverted",
        "axis-index-constant",
    ],
    "randomness.keys-draw-independently": ["slice-zero-broadcast"],
    "errors.axis-out-of-range": ["wrong-axes-accepted"],
    "errors.out-axes-none": ["wrong-axes-accepted"],
    "errors.nothing-mapped": ["wrong-axes-accepted"],
    "errors.sizes-disagree": ["wrong-axes-accepted"],
    "parallel.pmap-agrees-with-vmap": ["shards-swapped"],
    "parallel.shard-map-agrees": ["shards-swapped"],
    "parallel.sharded-jit-agrees": ["shards-swapped"],
    "parallel.nested": ["shards-swapped"],
    "parallel.devices": ["options-ignored", "shards-swapped"],
    "parallel.donated-and-static": ["shards-swapped"],
    "parallel.data-parallel-step": ["pmean-off-by-one"],
    "sharing.no-batch-axis": ["ensemble-where-sharing-was-asked"],
    "sharing.init-matches-reference": ["keys-split-while-shared", "params-averaged"],
    "sharing.equals-per-example": [
        "lifted-batch-reversed",
        "updates-dropped",
        "streams-never-split",
    ],
    "sharing.native-broadcast": ["row-zero-broadcast"],
    "sharing.ensemble-leading-axis": ["ensemble-axis-in-front"],
    "sharing.ensemble-members": ["identical-keys", "members-reversed", "keys-split-twice"],
    "sharing.collections": ["collection-dropped", "collections-in-front"],
    "sharing.rng-streams": ["streams-split-together"],
    "sharing.metadata": ["names-dropped", "names-in-front"],
    "sharing.options": ["options-upset-the-order"],
    "sharing.nested": ["options-upset-the-order"],
    "sharing.gradients": ["gradient-halved"],
    "sharing.split-table": ["contradiction-accepted", "missing-stream-accepted"],
}
"""Faults that each law must notice. `vmap-conformance mutants` shows all pairs."""


@pytest.mark.parametrize("law", FATAL)
def test_law_notices_its_faults(law: str) -> None:
    found = {kill.mutant: kill.subject for kill in kills([law], FATAL[law])}
    assert set(found) == set(FATAL[law])
    assert all(found.values()), found


def test_no_law_and_no_mutant_is_left_out() -> None:
    assert set(FATAL) == set(LAWS)
    assert {mutant for mutants in FATAL.values() for mutant in mutants} == set(MUTANTS)
