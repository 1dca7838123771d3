"""A plan holds what can be drawn here, and nothing else."""

import pytest

from conformance.runner import items, plan
from properties.applicability import raised_alone, unavailable
from properties.profile import PROFILES
from properties.subjects import SUBJECTS


def test_a_plan_leaves_out_what_the_installed_release_does_not_have() -> None:
    chosen = items.select(["mapping.equals-per-example"], ["jax.vmap"], ["lax.log*", "lax.one_*"])
    drawn = plan.draw(chosen, PROFILES["quick"])["calls"]
    subjects = {item.subject.name for item in chosen}
    assert {"lax.log", "lax.log2", "lax.one_minus_square"} <= subjects
    here = {name for name in subjects if not unavailable(SUBJECTS[name])}
    assert {name.split("|")[2] for name in drawn} == here
    assert all(drawn.values())


def test_what_raises_without_a_map_is_planned_with_one_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = items.select(["mapping.equals-per-example"], ["jax.vmap"], ["lax.add", "lax.tanh"])
    broken = "lax.add"
    monkeypatch.setattr(
        "properties.run_law.raised_alone",
        lambda subject: ValueError("no") if subject.name == broken else None,
    )
    drawn = plan.draw(chosen, PROFILES["quick"])["calls"]
    (call,) = drawn[f"mapping.equals-per-example|jax.vmap|{broken}"]
    assert call["axes"][0]["in_axes"] == (0, 0)
    assert drawn["mapping.equals-per-example|jax.vmap|lax.tanh"]


def test_a_plan_of_all_that_raises_without_a_map_can_be_drawn() -> None:
    names = [name for name, each in SUBJECTS.items() if raised_alone(each) is not None]
    chosen = items.select(["mapping.equals-per-example"], ["jax.vmap"], names or ["lax.tanh"])
    drawn = plan.draw(chosen, PROFILES["quick"])["calls"]
    assert {name.split("|")[2] for name in drawn} == {*(names or ["lax.tanh"])}
    assert all(drawn.values())
