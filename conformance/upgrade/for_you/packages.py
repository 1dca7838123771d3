"""Packages of others that the user's code imports, and that do not go with the releases they may move to."""

from collections.abc import Iterator, Mapping, Sequence

import attrs
from packaging.requirements import Requirement
from packaging.version import Version

from conformance.events.user_code import ImportFailure, Package, PackageImports
from conformance.upgrade.for_you.lines import Line, without_paths
from conformance.upgrade.for_you.names import places

_IN_PLACE = {"tensorflow-probability": ("0.25.0", "tfp-nightly")}
"""By a package: a release that was the newest for long and does not go with jax 0.7.0, and what does."""
_SHOWN = 160
"""So many characters of an error's message."""


@attrs.frozen
class Side:
    """What is known of packages in one environment."""

    imports: PackageImports | None
    versions: Mapping[str, str | None]
    """Of Python, JAX and Flax."""
    prng: str | None = None
    """The default PRNG, where it is known."""
    threefry_partitionable: bool | None = None


def not_going_with(packages: Sequence[Package], was: Side, now: Side) -> Iterator[Line]:
    """A line for each package that goes with the first environment's releases and not with the second's.

    Args:
        packages: Those that the user's sources import.
        was: The environment they have.
        now: The one they may move to.

    """
    told: set[str] = set()
    for failure, imported in _failing(packages, was, now):
        if failure.package in told:
            continue
        told.add(str(failure.package))
        package = next(each for each in packages if each.name == failure.package)
        imported = package if package.imports else imported
        message = without_paths(failure.line)
        shown = message if len(message) <= _SHOWN else message[:_SHOWN].rstrip() + "..."
        through = "" if imported.name == package.name else f", which {imported.name} imports,"
        said = (
            f"{package.version}{through} cannot be imported now: {failure.file}:{failure.at}: "
            f"{failure.type}: {shown}. {_remedy(package, now)}"
        )
        yield Line(package.name, said, places(imported.imports), first_files=True)
    for package in packages:
        unmet = [text for text in package.requires if not _is_met(text, now)]
        if package.name not in told and unmet and all(_is_met(text, was) for text in unmet):
            there = ", ".join(f"{_library(text)} {now.versions[_library(text)]}" for text in unmet)
            said = f"{package.version} requires {', '.join(unmet)}, not {there}. {_remedy(package, now)}"
            yield Line(package.name, said, places(package.imports), first_files=True)


def _failing(
    packages: Sequence[Package], was: Side, now: Side
) -> Iterator[tuple[ImportFailure, Package]]:
    """Failures that are of JAX or Flax, of modules that were imported before, and the user's package."""
    if was.imports is None or now.imports is None:
        return
    before = was.imports.modules
    for package in packages:
        for module in dict.fromkeys(each.module for each in package.imports):
            failure = now.imports.modules.get(module)
            could = module in before and before[module] is None
            if failure is not None and could and failure.of_libraries:
                yield failure, package


def _remedy(package: Package, now: Side) -> str:
    there = now.imports.versions.get(package.name) if now.imports else None
    if there and there != package.version:
        return f"Use {package.name} {there}, which installs with them"
    last, instead = _IN_PLACE.get(package.name, ("", ""))
    if instead and Version(package.version) <= Version(last):
        return (
            f"So it is with all up to {last}; {instead} goes with them: pip uninstall {package.name}, "
            f"then pip install {instead}"
        )
    return f"A newer {package.name} may go with them: pip install -U {package.name}"


def _library(requirement: str) -> str:
    return Requirement(requirement).name


def _is_met(requirement: str, side: Side) -> bool:
    """Whether a release is what is required; so is one that is not known."""
    return is_met(requirement, side) is not False


def is_met(requirement: str, side: Side) -> bool | None:
    """Whether a release is what is required; None where it is not known."""
    asked = Requirement(requirement)
    version = side.versions.get(asked.name)
    return None if version is None else asked.specifier.contains(version, prereleases=True)
