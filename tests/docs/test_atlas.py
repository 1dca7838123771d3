"""What the atlas says that releases gave agrees with the ranges in the ledger."""

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.known_defects import DEFECTS
from conformance.known_defects.defect import Defect, in_force

SCRIPTS = Path(__file__).parents[2] / "docs" / "defects"
BY_ID = {defect.id: defect for defect in DEFECTS}


def kept(name: str) -> dict[str, Any]:
    """A file of what was tried."""
    found: dict[str, Any] = json.loads((SCRIPTS / name).read_text(encoding="utf-8"))
    return found


def explained(defect: Defect, there: list[Defect]) -> bool:
    """Whether another defect of the release affects the same call."""
    return any(
        other.may_affect(defect.law, defect.transform) and other.affects(defect.call)
        for other in there
    )


def test_every_defect_that_a_cpu_shows_has_its_script() -> None:
    on_cpus = {defect.id for defect in DEFECTS if defect.platform in {None, "cpu"}}
    assert on_cpus - {path.stem for path in SCRIPTS.glob("*.py")} == set()


def test_every_script_is_of_a_defect_and_was_tried() -> None:
    there = {path.stem for path in SCRIPTS.glob("*.py")}
    assert there <= set(BY_ID)
    assert set(kept("verified.json")) <= there


@pytest.mark.parametrize("name", sorted(kept("verified.json")))
def test_a_script_fails_in_its_defects_range_and_passes_outside(name: str) -> None:
    outcomes = {True: set(), False: set()}  # type: dict[bool, set[str]]
    for release, outcome in kept("verified.json")[name].items():
        _, jax, *_, flax = release.split()
        versions = {"jax": jax, "flax": flax}
        there = BY_ID[name].applies_to(versions)
        if there or not explained(BY_ID[name], in_force(DEFECTS, versions)):
            outcomes[there].add(outcome)
    assert outcomes[True]
    assert outcomes[True] <= {"fails", *["dies"] * BY_ID[name].crashes_process}
    assert outcomes[False] <= {"passes", "cannot run"}


@pytest.mark.parametrize("release", sorted(kept("ledger.json")))
def test_on_a_whole_release_minimal_calls_show_in_their_ranges_alone(release: str) -> None:
    tried = kept("ledger.json")[release]
    versions = {"jax": release, "flax": tried["flax"]}
    here = in_force(DEFECTS, versions)
    for defect in DEFECTS:
        outcome = tried["calls"].get(defect.id)
        if defect in here:
            assert outcome in {"shows", None}, defect.id
        elif outcome == "shows":
            assert explained(defect, here), defect.id
