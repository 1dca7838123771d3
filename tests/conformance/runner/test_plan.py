"""A plan holds what can be drawn here, and nothing else."""

from conformance.runner import items, plan
from properties.applicability import unavailable
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
