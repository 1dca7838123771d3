"""Which items a run checks of the suite's own where it is about a user's code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from conformance.events.details import NotApplicable, NotSampled
from conformance.events.reader import read
from conformance.events.records import Result
from conformance.runner import items, plan, sampling
from properties.profile import PROFILES

QUICK = PROFILES["quick"]


def sampled(profile: Any) -> set[str]:
    """The items that a run of the profile checks, but for those of known defects."""
    every = (item for item in items.select() if item.defect is None)
    return {item.id for item in every if item.not_sampled_reason(profile) is None}


def of_primitive(names: set[str], primitive: str) -> set[str]:
    return {name for name in names if name.split("|")[2].split(".")[:2] == ["lax", primitive]}


def test_a_run_about_a_users_code_checks_its_primitives_and_a_share_of_the_rest() -> None:
    whole, beside = sampled(QUICK), sampled(QUICK.beside(["sin", "scan"]))
    assert beside < whole
    for used in ("sin", "scan"):
        assert of_primitive(beside, used) == of_primitive(whole, used) != set()
    rules = {name for name in whole if name.split("|")[2].startswith("lax.")}
    unused = rules.difference(*(of_primitive(whole, used) for used in ("sin", "scan")))
    assert 0 < len(beside & unused) < len(unused) / 2
    share = 1 / QUICK.sampling.beside_own
    assert 0.8 * share < len(beside) / len(whole) < 1.3 * share
    # The laws and transforms of the whole are there, each with a share of its own.
    parts = {name.split("|")[1] for name in whole}
    assert parts == {name.split("|")[1] for name in beside}


def test_of_a_transform_that_sources_name_half_is_checked_outside_the_catalogue() -> None:
    def of_vmap(names: set[str]) -> set[str]:
        split = [name.split("|") for name in names]
        return {"|".join(n) for n in split if n[1] == "jax.vmap" and not n[2].startswith("lax.")}

    whole, beside = sampled(QUICK), sampled(QUICK.beside([], ["jax.vmap"]))
    assert 0.4 < len(of_vmap(beside)) / len(of_vmap(whole)) < 0.6
    others = sampled(QUICK.beside([]))
    assert beside - of_vmap(beside) == others - of_vmap(others)


def test_another_seed_chooses_another_share_and_the_same_seed_the_same() -> None:
    first, again = (sampled(QUICK.beside(["sin"])) for _ in range(2))
    whole = attrs.evolve(QUICK, seed=1)
    assert first == again
    assert len(first & sampled(whole.beside(["sin"]))) < len(first) / 2


@pytest.mark.parametrize(
    "profile",
    [
        PROFILES["ci"],
        PROFILES["thorough"],
        QUICK.asked(0, laws=["mapping.*"]),
        QUICK.asked(0, subjects=["lax.*"]),
    ],
)
def test_a_larger_profile_and_what_is_named_are_whole(profile: Any) -> None:
    beside = profile.beside(["sin"])
    assert (beside.share, sampling.observed_subjects(beside)) == (1, None)
    assert sampled(beside) == sampled(profile)


def test_a_run_without_a_users_code_is_whole() -> None:
    assert QUICK.share == 1
    assert sampling.observed_subjects(QUICK) is None
    observed = sampling.observed_subjects(QUICK.beside([]))
    assert observed is not None
    assert 0 < len(observed) < 150


def test_a_plan_says_what_is_not_sampled_and_every_run_follows_it(
    ran: Callable[..., Any], tmp_path: Path
) -> None:
    chosen = items.select(["mapping.axis-size"], ["jax.vmap"], ["lax.s*", "lax.c*"])
    # This profile would check other items than the plan: the plan decides.
    drawn = plan.draw(chosen, attrs.evolve(QUICK, seed=5).beside(["sin"]))
    assert drawn["calls"]
    file, log = tmp_path / "plan.json", tmp_path / "log.jsonl"
    file.write_bytes(msgspec.json.encode(drawn))
    got = ran("run", "--plan", file, "--log", log, "-n", 0)
    assert got.status == 0, got
    results = {
        f"{r.law}|{r.transform}|{r.subject}": r
        for r in read(log)
        if isinstance(r, Result) and not r.defect
    }
    reasons = {name: why for why, names in drawn["not_sampled"].items() for name in names}
    assert set(results) == {*drawn["calls"], *reasons}
    for name, result in results.items():
        if name in reasons:
            assert isinstance(result.detail, NotSampled)
            assert result.detail.reason == reasons[name]
        else:
            assert result.outcome == "holds" or isinstance(result.detail, NotApplicable)
