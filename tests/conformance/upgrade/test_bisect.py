"""The search for the release that changed something, over made-up histories of releases."""

import math
from datetime import date, timedelta

import pytest

from conformance.events.records import Observation
from conformance.upgrade.bisect import BisectError, Found, day_of, observed, search

START = date(2025, 1, 1)


def history(*releases: tuple[int, dict[str, str]]):
    """What an install resolves to on each day: the newest release so far of each package."""

    def versions(day: date) -> dict[str, str]:
        known: dict[str, str] = {}
        for number, release in releases:
            if START + timedelta(days=number) <= day:
                known |= release
        return known

    return versions


def jax(version: str) -> dict[str, str]:
    return {"jax": version, "jaxlib": version}


class Suite:
    """Stands for the runs of the suite: what it gives depends on the versions alone."""

    def __init__(self, versions, breaks) -> None:
        self.versions, self.breaks = versions, breaks
        self.runs: list[str] = []

    def __call__(self, spec: str) -> str:
        self.runs.append(spec)
        if "==" in spec:
            there = dict(pin.split("==") for pin in spec.removesuffix("@3.11").split(","))
        else:
            there = self.versions(date.fromisoformat(spec.removesuffix("@3.11")))
        return "does not hold" if self.breaks(there) else "holds"


def found(versions, breaks, last: int, python: str = "") -> tuple[Found, Suite]:
    suite = Suite(versions, breaks)
    return search(START, START + timedelta(days=last), versions, suite, python), suite


@pytest.mark.parametrize("broken", range(1, 40))
def test_it_names_the_release_the_day_and_needs_few_runs(broken: int) -> None:
    releases = [(7 * i, jax(f"0.{i}.0") | {"flax": "1.0"}) for i in range(40)]
    versions = history(*releases)
    result, suite = found(versions, lambda v: int(v["jax"].split(".")[1]) >= broken, 400)
    assert (result.package, result.after["jax"]) == ("jax", f"0.{broken}.0")
    assert result.before["jax"] == f"0.{broken - 1}.0"
    assert result.day == START + timedelta(days=7 * broken)
    assert result.runs == len(suite.runs) == len(set(suite.runs))
    # Both ends, and one for each halving of the releases between them; the last days have none.
    assert result.runs <= 2 + math.ceil(math.log2(40)) + 1


def test_two_packages_of_one_day_are_told_apart() -> None:
    versions = history((0, jax("1") | {"flax": "1"}), (50, jax("2") | {"flax": "2"}))
    result, suite = found(versions, lambda v: v["flax"] == "2", 100)
    assert (result.package, result.day) == ("flax", START + timedelta(days=50))
    assert suite.runs[2:] == ["flax==1,jax==2,jaxlib==2", "flax==2,jax==1,jaxlib==1"]


def test_what_takes_both_packages_is_said_to_be_of_neither_alone() -> None:
    versions = history((0, jax("1") | {"flax": "1"}), (50, jax("2") | {"flax": "2"}))
    result, _ = found(versions, lambda v: v["flax"] == v["jax"] == "2", 100)
    assert result.package is None


def test_the_python_goes_with_every_run() -> None:
    versions = history((0, jax("1") | {"flax": "1"}), (50, jax("2") | {"flax": "2"}))
    _, suite = found(versions, lambda v: v["flax"] == "2", 100, "@3.11")
    assert all(spec.endswith("@3.11") for spec in suite.runs)


def test_ends_that_do_not_differ_are_said() -> None:
    versions = history((0, jax("1") | {"flax": "1"}))
    with pytest.raises(BisectError, match="do not differ in this: both give holds"):
        found(versions, lambda v: False, 10)


def test_a_release_stands_for_the_first_day_that_gives_it() -> None:
    first = date(2025, 3, 9)
    there = {"jax==2": {"jax": "2", "flax": "1"}}

    def resolved(spec: str) -> dict[str, str]:
        if spec in there:
            return there[spec]
        return {"jax": "2" if date.fromisoformat(spec) >= first else "1", "flax": "1"}

    assert day_of("jax==2", resolved) == first
    assert day_of("2025-02-01", resolved) == date(2025, 2, 1)


def test_versions_that_no_day_gave_together_are_said() -> None:
    def resolved(spec: str) -> dict[str, str]:
        return {"jax": "1" if "==" in spec else "2", "flax": "1"}

    with pytest.raises(BisectError, match=r"no day's install gives jax 1 with flax 1 \(jax==1\)"):
        day_of("jax==1", resolved)


def test_an_attribute_of_an_object_has_a_key_of_its_own() -> None:
    facts = {"hash": "True", ".axis_names": "('i')"}
    events = [Observation(cell="a", key="objects/Mesh", value=facts)]
    assert observed(events, "objects/Mesh/hash") == "True"
    assert observed(events, "objects/Mesh/.size") == "not there"  # it may be, in another release
    assert observed(events, "objects/Mesh") == facts
    assert observed(events, "objects") == {"objects/Mesh": facts}
    with pytest.raises(BisectError, match="no observation 'objects/Device'"):
        observed(events, "objects/Device")
