"""The results of slips in a file, one a line, so that what was tried is not tried again."""

import importlib.metadata
import platform
import random
from collections.abc import Iterable
from pathlib import Path

import msgspec

from conformance.mutation.results import CONTROL, SlipResult
from conformance.mutation.source.driver import Task
from conformance.mutation.source.operators import slips
from conformance.mutation.source.reach import TRIED
from conformance.mutation.source.targets import Target


class Versions(msgspec.Struct, frozen=True):
    """The first line: what the results were measured on."""

    python: str
    jax: str
    flax: str

    @property
    def sentence(self) -> str:
        """Such as `jax 0.10.2, flax 0.12.8 and Python 3.11`."""
        return f"jax {self.jax}, flax {self.flax} and Python {self.python}"


class LogError(Exception):
    """A file is no log of slips, or one of other releases."""


def installed() -> Versions:
    """The versions in this environment."""
    version = importlib.metadata.version
    return Versions(".".join(platform.python_version_tuple()[:2]), version("jax"), version("flax"))


def read(path: Path) -> list[SlipResult]:
    """The results in the file; none where there is no such file.

    Args:
        path: The file.

    Raises:
        LogError: If it is no log of slips, or has results of other releases.

    """
    if not path.exists():
        return []
    first, *lines = path.read_bytes().splitlines() or [b""]
    try:
        versions = msgspec.json.decode(first, type=Versions)
        results = [msgspec.json.decode(line, type=SlipResult) for line in lines]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LogError(f"{path} is no log of slips: {error}. Give --log another file") from None
    if versions != installed():
        raise LogError(
            f"{path} has results of {versions.sentence}; installed is {installed().sentence}. "
            "Give --log another file"
        )
    return results


def append(path: Path, result: SlipResult) -> None:
    """Add a result to the file, which is made where there is none."""
    lines = [] if path.exists() else [installed()]
    with path.open("ab") as file:
        file.write(b"".join(msgspec.json.encode(each) + b"\n" for each in [*lines, result]))


def tasks(targets: Iterable[Target], seed: int) -> list[Task]:
    """Every slip of the targets, in an order drawn at random: a part of them is a sample."""
    order = [
        (target.id, number)
        for target in targets
        for number, _ in enumerate(slips(target.definition))
    ]
    random.Random(seed).shuffle(order)
    return order


def left(
    order: Iterable[Task], results: Iterable[SlipResult], profile: str, sample: int | None = None
) -> list[Task]:
    """The slips that are still to be tried on the calls of the profile.

    Each is tried on those of quick; then those that survive are tried on those of ci.

    Args:
        order: The slips, in the order in which they are tried.
        results: Those that there are.
        profile: The name of the profile.
        sample: How many slips to try in all; None for every one.

    """
    last = {(each.target, each.number): each for each in latest(results)}
    if profile == TRIED[0]:
        new = [task for task in order if task not in last]
        return new if sample is None else new[: max(0, sample - len(last))]
    survive = {task for task, each in last.items() if not each.noticed and each.profile != profile}
    return [task for task in order if task in survive]


def latest(results: Iterable[SlipResult]) -> list[SlipResult]:
    """The last result of each slip, reached where the calls of some profile executed its line."""
    of_slip: dict[Task, SlipResult] = {}
    for each in results:
        if each.operator != CONTROL:
            before = of_slip.get((each.target, each.number))
            reached = each.reached or (before is not None and before.reached)
            of_slip[each.target, each.number] = msgspec.structs.replace(each, reached=reached)
    return list(of_slip.values())
