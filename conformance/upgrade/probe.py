"""In a cell, before it runs: which of the user's subjects can be made there, and the plan of the run.

The driver of an upgrade imports none of the user's code: its own environment may have neither their
dependencies nor a release that their code runs on.
"""

import json
import sys
from collections.abc import Iterable
from glob import escape
from pathlib import Path
from typing import Any

import msgspec

from conformance.events.user_code import PackageImports
from conformance.upgrade import package_imports
from conformance.upgrade.package_imports import Packages


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the driver asks a cell."""

    modules: list[str]
    """Modules that list subjects of the user's own."""
    draw: bool
    """Whether to draw the plan."""
    profile: str
    seed: int
    laws: list[str]
    transforms: list[str]
    subjects: list[str]
    names: list[str] | None = None
    """Names of JAX and Flax that the user's sources use; None where there are no sources."""
    packages: Packages | None = None
    """What the sources import of others that is built on JAX; None where that is nothing, or not asked."""

    @property
    def is_about_user(self) -> bool:
        """Whether the upgrade is about a user's code."""
        return bool(self.modules) or self.names is not None


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """Why a subject cannot be made, or a module cannot be imported (then `subject` is null)."""

    module: str
    subject: str | None
    type: str
    line: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a cell says."""

    subjects: dict[str, str]
    """The module of each subject of the user's that can be made."""
    broken: list[Broken]
    known: list[str]
    """The names of all subjects there are."""
    plan: str | None
    """Which items every cell checks, of which calls, and what is observed; as JSON."""
    observed: list[str] | None = None
    """The suite's own subjects that are observed beside the user's; None for all."""
    share: int = 1
    """The plan has one in so many of the suite's own items, beside those that the user's code uses."""
    primitives: list[str] = []
    """What the user's code is traced to, where the plan was drawn for it."""
    names: dict[str, Any] = {}
    """What the release says of each of the user's names: observations by key."""
    groups: list[str] = []
    """The groups of observations that there are."""
    versions: dict[str, str | None] = {}
    """Of Python and of the packages that decide what is observed; None for one that is not there."""
    unmet: list[str] = []
    """What installed packages require of JAX and Flax, and the installed releases are not."""
    prng: str | None = None
    """The default PRNG."""
    threefry_partitionable: bool | None = None
    package_imports: PackageImports | None = None
    """Whether packages that the user's code imports can be imported; None where that was not asked."""


def answer(wanted: Wanted, scratch: Path) -> Answer:
    """Load the user's modules in this process, and draw the plan if it is wanted.

    Args:
        wanted: What is asked.
        scratch: A directory to write to, which the caller removes.

    """
    from conformance.runner import process_env

    process_env.prepare()
    packages = wanted.packages
    importing = None if packages is None else package_imports.started(packages, scratch)
    from conformance.observations import GROUPS, named
    from conformance.runner import environment_info, items, plan, sampling
    from conformance.upgrade import used
    from conformance.user_subjects import loading
    from properties.profile import PROFILES
    from properties.subjects import SUBJECTS

    said = named.observe(wanted.names or ())
    made = {subject.name: module for module in wanted.modules for subject in loading.load(module)}
    drawn = None
    profile = PROFILES[wanted.profile].asked(wanted.seed, wanted.laws, wanted.subjects)
    if wanted.draw:
        if wanted.is_about_user:
            names = wanted.names or []
            # Where the subjects show what is mapped, the transforms in the sources add nothing.
            mapped = () if wanted.modules else used.transforms(names)
            profile = profile.beside(_primitives(made) | used.primitives(names), mapped)
        selected = items.select(wanted.laws, wanted.transforms, wanted.subjects)
        drawn = json.dumps(plan.draw(selected, profile))
    return Answer(
        subjects=made,
        broken=[
            Broken(module=f.module, subject=f.subject, type=f.type, line=f.line)
            for f in loading.FAILED
        ],
        known=list(SUBJECTS),
        plan=drawn,
        observed=sampling.observed_subjects(profile),
        share=profile.share,
        primitives=sorted(profile.used_primitives or ()),
        names=said,
        groups=list(GROUPS),
        versions=environment_info.versions(),
        unmet=environment_info.unmet(),
        prng=environment_info.default_prng(),
        threefry_partitionable=environment_info.is_threefry_partitionable(),
        package_imports=None if packages is None else package_imports.answered(importing, packages),
    )


def _primitives(names: Iterable[str]) -> set[str]:
    """What subjects are traced to."""
    names = list(names)
    if not names:  # no glob would be every subject
        return set()
    from conformance.observations import jaxprs
    from conformance.observations.selection import Selection

    return jaxprs.primitives(Selection(subjects=tuple(map(escape, names))))


def main() -> None:
    """Answer the question in the file that the command line names, into the second file."""
    question, reply = map(Path, sys.argv[1:3])
    wanted = msgspec.json.decode(question.read_bytes(), type=Wanted)
    reply.write_bytes(msgspec.json.encode(answer(wanted, question.parent)))
