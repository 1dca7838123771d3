"""Every law kills mutants and spares the transform that is not broken; every mutant is killed."""

from typing import Any

import attrs
import numpy as np
import pytest

from conformance.mutation.kill_matrix import host, mutate_transform, subjects
from conformance.mutation.results import CONTROL
from conformance.runner.installed_defects import installed_defects
from conformance.transforms import TRANSFORMS
from conformance.user_subjects.subjects import registered
from properties.call import Axes
from properties.laws import LAWS
from properties.laws.mapping import values
from properties.laws.parallel import options
from properties.mutants import MUTANTS

KILLS = {
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
    "mapping.jit-agrees": ["batch-reversed", "setting-left-changed"],
    "mapping.whole-batch": ["batch-reversed", "slice-zero-broadcast"],
    "mapping.keeps-options": ["precision-dropped"],
    "mapping.calls-back": ["first-example-twice"],
    "axes.pytree-prefix": ["tree-of-axes-misread"],
    "axes.none-beside-a-tree": ["axes-of-leaves"],
    "mapping.called-again": ["batch-reversed", "slice-zero-broadcast"],
    "mapping.generated-program": ["batch-reversed", "slice-zero-broadcast"],
    "mapping.large-batch": ["batch-reversed", "slice-zero-broadcast"],
    "nesting.commutes": ["batch-reversed"],
    "mapping.axis-size": ["out-axes-ignored", "options-ignored"],
    "mapping.no-elements": ["out-axes-ignored"],
    "mapping.preserves-structure": ["out-axes-ignored"],
    "nesting.composes": ["batch-reversed"],
    "gradients.per-example": ["batch-reversed"],
    "gradients.shared-sum": ["slice-zero-broadcast", "derivative-halved"],
    "gradients.forward": ["batch-reversed", "derivative-halved"],
    "gradients.whole-batch": ["batch-reversed", "derivative-halved"],
    "gradients.generated-program": ["slice-zero-broadcast", "derivative-halved"],
    "collectives.unmapped-operand": ["psum-does-nothing", "pmean-off-by-one"],
    "collectives.map-between": ["psum-does-nothing", "pmean-off-by-one"],
    "collectives.over-two-names": ["psum-does-nothing", "axis-index-constant"],
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
    "errors.axes-of-another-form": ["wrong-axes-accepted"],
    "errors.within-the-function": ["wrong-axes-accepted"],
    "errors.keywords": ["keywords-left-out"],
    "errors.sizes-disagree": ["wrong-axes-accepted", "errors-say-nothing"],
    "parallel.pmap-agrees-with-vmap": ["shards-swapped"],
    "parallel.shard-map-agrees": ["shards-swapped"],
    "parallel.sharded-jit-agrees": ["shards-swapped", "options-ignored"],
    "parallel.placed-within": ["batch-reversed", "options-ignored"],
    "parallel.explicit-mesh": ["batch-reversed", "slice-zero-broadcast", "explicit-mesh-dropped"],
    "parallel.sharded-gradients": ["slice-zero-broadcast", "derivative-halved"],
    "parallel.explicit-gradients": ["slice-zero-broadcast", "derivative-halved"],
    "parallel.shard-map-within": ["batch-reversed", "slice-zero-broadcast"],
    "parallel.nested": ["shards-swapped"],
    "parallel.devices": ["options-ignored", "shards-swapped", "devices-reversed"],
    "parallel.donated-and-static": ["shards-swapped", "arguments-used-up"],
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
    "sharing.documented-uses": ["first-example-of-uses"],
    "sharing.generated-module": ["first-example-of-uses"],
    "sharing.split-table": ["contradiction-accepted", "missing-stream-accepted"],
}
"""Mutants that each law must kill. `vmap-conformance mutants` shows all pairs."""


KILLS_IN_NNX = {
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
    "sharing.documented-uses": ["first-example-of-uses"],
    "sharing.generated-module": ["first-example-of-uses"],
}
"""Mutants of `flax.nnx.vmap` that a law must kill, too."""


AXES = (
    Axes((0, 0), 0),
    Axes((1, -1), -1),
    Axes(({"a": 1, "b": None}, -1), {"sum": -1, "parts": [0, 1]}),
    Axes((None, None), 0, options={"axis_size": 3}),
    Axes((0, None), None),
    Axes((9, 0), 0),
)
"""Axes in one entry and in trees, and such that must raise."""


@pytest.mark.parametrize("law", KILLS)
def test_law_kills_mutants_and_spares_the_control(law: str) -> None:
    _kills(law, host(LAWS[law]), KILLS[law])


@pytest.mark.parametrize("law", KILLS_IN_NNX)
def test_law_kills_mutants_of_nnx_and_spares_the_control(law: str) -> None:
    _kills(law, "flax.nnx.vmap", KILLS_IN_NNX[law])


def _kills(law: str, transform: str, mutants: list[str]) -> None:
    """The law kills these mutants, on calls on which the transform that is not broken passes."""
    if reason := TRANSFORMS[transform].unavailable() or _skip_reason(law, transform):
        pytest.skip(reason)
    control, *broken = mutate_transform(law, transform, mutants)
    if not control.calls and any(d.law == law for d in installed_defects()):
        pytest.skip("a known defect of this release affects every call")
    assert (control.mutant, control.killed_by) == (CONTROL, None)
    assert control.calls
    survivors = [each.mutant for each in broken if not each.killed]
    assert not survivors
    assert len(broken) == len(mutants)


def _skip_reason(law: str, transform: str) -> str | None:
    """Why the release lacks what the law is about, where it does for every subject."""
    checked, over = LAWS[law], TRANSFORMS[transform]
    about = [subject for subject in subjects(checked) if checked.applies_to(over, subject)]
    reasons = []
    for subject in about:
        with registered(subject):
            reasons.append(checked.skip_reason(over, subject))
    return reasons[0] if reasons and None not in reasons else None


@pytest.mark.parametrize(
    ("law", "mutant", "module", "assertion"),
    [
        ("mapping.jit-agrees", "setting-left-changed", values, "_traced_once"),
        ("parallel.devices", "devices-reversed", options, "_assert_on_devices"),
    ],
    ids=["max-traces", "devices"],
)
def test_a_mutant_survives_without_the_assertion_that_notices_it(
    law: str, mutant: str, module: Any, assertion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _kills(law, host(LAWS[law]), [mutant])
    monkeypatch.setattr(module, assertion, lambda got, *numbers: got)
    control, broken = mutate_transform(law, host(LAWS[law]), [mutant])
    assert control.calls
    assert not broken.killed


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("name", [name for name, mutant in MUTANTS.items() if not mutant.lifts])
def test_what_a_mutant_raises_comes_of_the_map_and_not_of_the_mutant(name: str, axes: Axes) -> None:
    vmap, raised = TRANSFORMS["jax.vmap"], []

    def noting(function: Any, axes: Axes) -> Any:
        mapped = vmap.map(function, axes)

        def noted(*arguments: Any) -> Any:
            try:
                return mapped(*arguments)
            except Exception as error:
                raised.append(error)
                raise

        return noted

    def function(tree: Any, y: Any) -> Any:
        return {"sum": tree["a"] + tree["b"] + y.sum(), "parts": [y, y]}

    arguments = {"a": np.ones((3, 3, 3)), "b": np.ones((3, 3, 3))}, np.ones((3, 3, 3))
    mutant = MUTANTS[name].mutate(attrs.evolve(vmap, map=noting))
    escaped: list[Exception] = []
    try:
        mutant.map(function, axes)(*arguments)
    except Exception as error:
        escaped.append(error)
    for error in escaped:
        # `errors-say-nothing` raises another in its place, and only where the map does.
        assert error in raised or error.__context__ in raised


def test_no_law_and_no_mutant_is_left_out() -> None:
    assert set(KILLS) == set(LAWS)
    assert {mutant for mutants in KILLS.values() for mutant in mutants} == set(MUTANTS)
