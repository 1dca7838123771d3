"""The releases that a requirement allows, and the environment of each."""

import sys
from datetime import date

import pytest

from conformance.upgrade.environments import parse
from conformance.upgrade.environments.release_days import DAYS, Release, releases


def uv(*newer: tuple[str, str]) -> object:
    """A uv that knows these releases besides, the newest first, and `0.12.0.1`."""
    known = [*newer, ("0.12.0.1", "2026-10-21")]

    def ask(*arguments: str) -> str:
        with open(arguments[-1], encoding="utf-8") as file:
            below = file.read().partition("<")[2]
        later = [version for version, _ in known]
        first = later.index(below) + 1 if below else 0
        version, day = known[first]
        return f'version = "{version}"\nwheels = [{{ upload-time = {day}T01:02:03Z }}]\n'

    return ask


def no_uv(*arguments: str) -> str:
    raise AssertionError("uv is asked although all releases are known")


def versions(found: list[Release]) -> list[str]:
    return [release.version for release in found]


def test_a_range_with_a_known_end_asks_nobody() -> None:
    assert versions(releases("jax>=0.6,<0.7.1", no_uv)) == ["0.6.0", "0.6.1", "0.6.2", "0.7.0"]
    assert versions(releases("flax==0.9.*", no_uv)) == ["0.9.0"]
    assert versions(releases("jax>=0.12,<0.12.0.1", no_uv)) == ["0.12.0"]
    with pytest.raises(ValueError, match=r"no supported release of jax is in "):
        releases("jax==0.3.0", no_uv)


def test_releases_after_the_table_are_asked_of_uv() -> None:
    ask = uv(("0.13.1", "2026-12-30"), ("0.13.0", "2026-12-01"))
    found = releases("jax>=0.12", ask)  # type: ignore[arg-type]  # a stand-in
    assert versions(found) == ["0.12.0", "0.12.0.1", "0.13.0", "0.13.1"]
    assert found[-1].day == date(2026, 12, 30)
    assert versions(releases("jax==0.12.*", ask)) == ["0.12.0", "0.12.0.1"]  # type: ignore[arg-type]  # as above
    (only,) = releases("jax==0.13.0", ask)  # type: ignore[arg-type]  # as above
    assert only.environment.startswith("jax==0.13.0 on 2026-12-01")


@pytest.mark.parametrize("wanted", ["numpy>=2", "jax >= ", "jax==99.*"])
def test_what_is_no_requirement_of_them_is_said(wanted: str) -> None:
    with pytest.raises(ValueError, match=r"requirement of jax or flax|no supported release"):
        releases(wanted, uv())  # type: ignore[arg-type]  # a stand-in


@pytest.mark.parametrize("package", ["jax", "flax"])
def test_every_release_has_an_environment_of_its_day(package: str) -> None:
    for version, day in DAYS[package].items():
        read = parse(Release(package, version, date.fromisoformat(day)).environment)
        assert (read.kind, read.requirements) == ("requirements", (f"{package}=={version}",))
        assert read.date == date.fromisoformat(day)


def test_the_python_is_the_running_one_where_the_release_supports_it() -> None:
    running = f"3.{sys.version_info[1]}"
    pythons = {
        release.version: parse(release.environment).python or running
        for release in releases("jax<=0.12.0", no_uv)
    }
    assert pythons["0.4.30"] in {"3.10", "3.11", "3.12"}
    assert pythons["0.12.0"] in {"3.12", "3.13", "3.14"}
    if sys.version_info[1] == 11:
        assert pythons["0.4.30"] == pythons["0.10.2"] == "3.11"
        assert pythons["0.11.0"] == "3.12"
