"""Every law can fail, and every fault is noticed."""

import pytest

from conformance.mutation.kill_matrix import host, kills
from conformance.transforms import TRANSFORMS
from properties.laws import LAWS
from properties.mutants import MUTANTS

FATAL = {
    "mapping.equals-per-example": ["batch-reversed", "slice-zero-broadcast", "examples-averaged"],
    "mapping.broadcasts-unmapped": [
        "unmapped-argument-mapped",
        "shards-swapped",
        "options-ignored",
    ],
    "axes.in-axes-permute": ["in-axes-off-by-one", "in-axes-ignored"],
    "axes.out-axes-permute": ["out-axes-ignored"],
    "axes.negative-count-from-end": ["negative-axis-as-zero"],
    "mapping.permutation-equivariant": ["slice-zero-broadcast", "shards-swapped"],
    "mapping.concatenates": ["batch-reversed", "examples-averaged"],
    "mapping.jit-agrees": ["batch-reversed"],
    "axes.pytree-prefix": ["tree-of-axes-misread"],
    "nesting.commutes": ["batch-reversed"],
    "mapping.axis-size": ["out-axes-ignored", "options-ignored"],
    "mapping.preserves-structure": ["out-axes-ignored"],
    "nesting.composes": ["batch-reversed"],
    "gradients.per-example": ["batch-reversed"],
    "gradients.shared-sum": ["slice-zero-broadcast", "derivative-halved"],
    "gradients.forward": ["batch-reversed", "derivative-halved"],
    "collectives.of-what-is-shared": ["psum-does-nothing", "pmean-off-by-one"],
    "collectives.over-two-names": ["psum-does-nothing", "axis-index-constant", "ppermute-inverted"],
    "collectives.gradients": ["psum-gradient-not-summed", "ppermute-inverted"],
    "collectives.equal-plain-reductions": [
        "batch-reversed",
        "psum-does-nothing",
        "pmean-off-by-one",
        "ppermute-inverted",
        "axis-index-constant",
    ],
    "randomness.keys-draw-independently": ["slice-zero-broadcast"],
    "randomness.first-key-draws-for-all": ["slice-zero-broadcast", "batch-reversed"],
    "errors.axis-out-of-range": ["wrong-axes-accepted", "errors-say-nothing"],
    "errors.out-axes-none": ["wrong-axes-accepted", "errors-say-nothing"],
    "errors.nothing-mapped": ["wrong-axes-accepted", "errors-say-nothing"],
    "errors.axis-size": ["wrong-axes-accepted", "errors-say-nothing"],
    "errors.keywords": ["keywords-left-out"],
    "errors.sizes-disagree": ["wrong-axes-accepted", "errors-say-nothing"],
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
    "sharing.aliases": ["aliases-accepted"],
    "sharing.updates-differ": ["first-update-kept"],
    "sharing.synchronised": ["statistics-of-one-example"],
    "sharing.split-table": ["contradiction-accepted", "missing-stream-accepted"],
}
"""Faults that each law must notice. `vmap-conformance mutants` shows all pairs."""


IN_NNX = {
    "sharing.no-batch-axis": ["ensemble-where-sharing-was-asked"],
    "sharing.init-matches-reference": ["keys-split-while-shared", "params-averaged"],
    "sharing.ensemble-members": ["identical-keys", "members-reversed", "keys-split-twice"],
    "sharing.equals-per-example": ["lifted-batch-reversed", "updates-dropped"],
    "sharing.ensemble-leading-axis": ["ensemble-axis-in-front"],
    "sharing.options": ["options-upset-the-order"],
    "sharing.collections": ["collection-dropped", "collections-in-front"],
    "sharing.rng-streams": ["streams-never-split", "streams-split-together"],
    "sharing.updates-differ": ["first-update-kept"],
    "sharing.metadata": ["names-dropped", "names-in-front"],
    "sharing.gradients": ["gradient-halved"],
    "sharing.synchronised": ["statistics-of-one-example"],
}
"""Faults that a law must notice in `flax.nnx.vmap`, too."""


@pytest.mark.parametrize("law", FATAL)
def test_law_notices_its_faults(law: str) -> None:
    name = host(LAWS[law])
    if reason := TRANSFORMS[name].unavailable():
        pytest.skip(reason)
    assert _noticed(law, FATAL[law], name) == set(FATAL[law])


@pytest.mark.parametrize("law", IN_NNX)
def test_law_notices_its_faults_in_nnx(law: str) -> None:
    if reason := TRANSFORMS["flax.nnx.vmap"].unavailable():
        pytest.skip(reason)
    assert _noticed(law, IN_NNX[law], "flax.nnx.vmap") == set(IN_NNX[law])


def _noticed(law: str, mutants: list[str], transform: str) -> set[str]:
    found = kills([law], mutants, [transform])
    return {kill.mutant for kill in found if kill.subject is not None}


def test_no_law_and_no_mutant_is_left_out() -> None:
    assert set(FATAL) == set(LAWS)
    assert {mutant for mutants in FATAL.values() for mutant in mutants} == set(MUTANTS)
