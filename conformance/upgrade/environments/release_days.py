"""The releases of JAX and Flax that the suite supports, the day of each, and the Pythons it runs on."""

import re
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import attrs
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from conformance.upgrade.environments.run_uv import run_uv

DAYS = {
    "jax": {
        "0.4.30": "2024-06-18",
        "0.4.31": "2024-07-30",
        "0.4.33": "2024-09-16",
        "0.4.34": "2024-10-04",
        "0.4.35": "2024-10-22",
        "0.4.36": "2024-12-05",
        "0.4.37": "2024-12-10",
        "0.4.38": "2024-12-17",
        "0.5.0": "2025-01-17",
        "0.5.1": "2025-02-24",
        "0.5.2": "2025-03-05",
        "0.5.3": "2025-03-19",
        "0.6.0": "2025-04-17",
        "0.6.1": "2025-05-21",
        "0.6.2": "2025-06-17",
        "0.7.0": "2025-07-22",
        "0.7.1": "2025-08-20",
        "0.7.2": "2025-09-16",
        "0.8.0": "2025-10-15",
        "0.8.1": "2025-11-18",
        "0.8.2": "2025-12-18",
        "0.8.3": "2026-01-29",
        "0.9.0": "2026-01-20",
        "0.9.0.1": "2026-02-05",
        "0.9.1": "2026-03-02",
        "0.9.2": "2026-03-18",
        "0.10.0": "2026-04-16",
        "0.10.1": "2026-05-20",
        "0.10.2": "2026-06-17",
        "0.11.0": "2026-07-16",
        "0.11.1": "2026-08-17",
        "0.11.2": "2026-09-17",
        "0.12.0": "2026-10-19",
        "0.12.0.1": "2026-10-21",
    },
    "flax": {
        "0.8.5": "2024-06-26",
        "0.9.0": "2024-08-27",
        "0.10.0": "2024-10-16",
        "0.10.1": "2024-10-31",
        "0.10.2": "2024-11-19",
        "0.10.3": "2025-02-10",
        "0.10.4": "2025-02-27",
        "0.10.5": "2025-03-31",
        "0.10.6": "2025-04-23",
        "0.10.7": "2025-07-02",
        "0.11.0": "2025-07-29",
        "0.11.1": "2025-08-08",
        "0.11.2": "2025-08-28",
        "0.12.0": "2025-09-25",
        "0.12.1": "2025-11-19",
        "0.12.2": "2025-12-18",
        "0.12.3": "2026-01-27",
        "0.12.4": "2026-02-12",
        "0.12.5": "2026-03-04",
        "0.12.6": "2026-03-20",
        "0.12.7": "2026-04-22",
        "0.12.8": "2026-07-20",
        "0.12.9": "2026-08-18",
        "0.12.10": "2026-09-24",
        "0.12.12": "2026-10-27",
    },
}
"""The day on which each release was uploaded, in UTC, as the registry said on 2026-11-27.

Releases that were withdrawn are not here. uv is asked for newer ones.
"""

PYTHONS = (
    ("0.4.30", 10, 12),
    ("0.4.34", 10, 13),
    ("0.7.0", 11, 13),
    ("0.11.0", 12, 14),
)
"""From which release of JAX on which minor versions of Python 3 are supported: the first and the last."""


@attrs.frozen
class Release:
    """One release of JAX or Flax."""

    package: str
    version: str
    day: date

    @property
    def label(self) -> str:
        """Such as `jax 0.8.0`."""
        return f"{self.package} {self.version}"

    @property
    def environment(self) -> str:
        """ENV of what its install gave on its day, with the running Python where it is supported."""
        python = _python(self)
        at = "" if python == sys.version_info[1] else f"@3.{python}"
        return f"{self.package}=={self.version} on {self.day}{at}"


def releases(wanted: str, ask: Callable[..., str] = run_uv) -> list[Release]:
    """The releases that a requirement such as `jax>=0.4.30` allows, the oldest first.

    Args:
        wanted: A requirement of jax or of flax.
        ask: Runs uv, which knows releases that are newer than `DAYS`.

    Raises:
        ValueError: It is not such a requirement, or allows no release.
        NotBuilt: uv has no answer.

    """
    try:
        requirement = Requirement(wanted)
    except InvalidRequirement:
        requirement = None
    if requirement is None or requirement.name not in DAYS:
        raise ValueError(
            f"{wanted!r} is not a requirement of jax or flax: write such as 'jax>=0.4.30'"
        )
    known = [
        Release(requirement.name, version, date.fromisoformat(day))
        for version, day in DAYS[requirement.name].items()
    ]
    found = [r for r in known if r.version in requirement.specifier]
    if _may_be_newer(requirement.specifier, known[-1].version):
        found += [r for r in _newer(known[-1], ask) if r.version in requirement.specifier]
    if not found:
        raise ValueError(f"no supported release of {requirement.name} is in {wanted!r}")
    return sorted(found, key=lambda release: Version(release.version))


def _may_be_newer(allowed: SpecifierSet, last: str) -> bool:
    """Whether a release after `last` may be allowed: no upper end is before it."""
    return all(
        each.contains(last) or Version(each.version.removesuffix(".*")) > Version(last)
        for each in allowed
        if each.operator in {"==", "<", "<="}
    )


def _newer(last: Release, ask: Callable[..., str]) -> list[Release]:
    """The releases after this one. uv gives the newest that a requirement allows, so ask downwards."""
    found: list[Release] = []
    below = ""
    while True:
        wanted = f"{last.package}>={last.version}{below}"
        release = _newest(last.package, wanted, ask)
        if Version(release.version) <= Version(last.version):
            return found
        found.append(release)
        below = f",<{release.version}"


def _newest(package: str, wanted: str, ask: Callable[..., str]) -> Release:
    with tempfile.TemporaryDirectory(prefix="vmap-conformance-") as directory:
        asked = Path(directory) / "asked.in"
        asked.write_text(wanted, encoding="utf-8")
        options = ("--no-deps", "--only-binary=:all:", f"--python-version=3.{PYTHONS[-1][2]}")
        lock = ask("pip", "compile", "-q", *options, "--format=pylock.toml", str(asked))
    version = re.search(r'^version = "(.+)"$', lock, re.MULTILINE)
    uploaded = re.search(r"upload-time = (\d{4}-\d\d-\d\d)", lock)
    if version is None or uploaded is None:
        raise ValueError(f"the registry does not say on which day {wanted} was uploaded")
    return Release(package, version.group(1), date.fromisoformat(uploaded.group(1)))


def _python(release: Release) -> int:
    """The minor version of Python 3: the running one, or the nearest that the release supports."""
    jax = release.version
    if release.package != "jax":
        days = DAYS["jax"].items()
        jax = [version for version, day in days if day <= release.day.isoformat()][-1]
    first, last = [(a, b) for since, a, b in PYTHONS if Version(since) <= Version(jax)][-1]
    return min(max(sys.version_info[1], first), last)
