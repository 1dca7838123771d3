"""What is known for the user as soon as each environment was asked about their code, before anything runs."""

from collections.abc import Iterator, Mapping, Sequence

import attrs
import msgspec

from conformance.events.user_code import MODULE, Use, UserSources
from conformance.upgrade.difference import Value
from conformance.upgrade.for_you.annotated import made_without_a_mesh
from conformance.upgrade.for_you.containers import plain_containers
from conformance.upgrade.for_you.index import by_name
from conformance.upgrade.for_you.lines import (
    Line,
    Place,
    each_said_once,
    moves_said_once,
    plural,
    things_to_do,
)
from conformance.upgrade.for_you.names import (
    arguments,
    deprecated,
    gone,
    gone_now,
    in_neither,
    keywords,
)
from conformance.upgrade.for_you.own_draws import of_flag
from conformance.upgrade.for_you.packages import Side, is_met, not_going_with
from conformance.upgrade.for_you.pins import keeping_out
from conformance.upgrade.for_you.subjects import (
    Subjects,
    broken,
    explaining,
    never_made,
    repaired,
)
from conformance.upgrade.for_you.versions_as_text import misread_now


@attrs.frozen
class Early:
    """The part of the answer that needs no run."""

    title: str
    """Such as `mymodel, 6 subjects, 3 files`."""
    work: tuple[Line, ...]
    know: tuple[Line, ...]
    names: int
    """How many names of JAX and Flax were looked at."""
    keys: frozenset[str]
    """The observations that are reported."""
    broken: tuple[str, ...]
    """The subjects that cannot be made any more."""

    @property
    def things_to_do(self) -> int:
        """How many lines need work by themselves."""
        return things_to_do(self.work)


_UNKNOWN = Side(None, {}), Side(None, {})
"""Two environments of which nothing is known."""


def before_it_runs(
    sources: UserSources,
    was: Subjects,
    now: Subjects,
    old: Mapping[str, Value],
    new: Mapping[str, Value],
    sides: tuple[Side, Side] = _UNKNOWN,
) -> Early:
    """What the user has to do and to know of names, and of subjects that cannot be made.

    Args:
        sources: What the user's sources use.
        was: The user's subjects in the environment they have.
        now: Those in the one they may move to.
        old: The observations of the first, of which those of names count.
        new: Those of the second.
        sides: What both environments say of packages and PRNGs.

    """
    uses = by_name(_as_they_run(sources.uses, new, sides[1]))
    jax = sides[0].versions.get("jax"), sides[1].versions.get("jax")
    told = [*gone(uses, old, new), *keywords(uses, old, new, jax), *arguments(uses, old, new)]
    lines = sorted((line for line, provided in told if not provided), key=_place)
    failing, names = broken(was, now, [explaining(line) for line in lines])
    handled = (line for line, provided in told if provided)
    return Early(
        title=_title(sources, {**was, **now}),
        work=(
            *keeping_out(sources.pins, *sides),
            *not_going_with(sources.packages, *sides),
            *moves_said_once(each_said_once(lines)),
            *plain_containers(sources.operations, *sides),
            *made_without_a_mesh(sources.operations, uses, *sides),
            *misread_now(sources.operations, *sides),
            *failing,
            *never_made(was, now),
            *of_flag(uses, *sides),
        ),
        know=(
            *moves_said_once(each_said_once(deprecated(uses, old, new))),
            *each_said_once(handled),
            *moves_said_once(each_said_once(in_neither(uses, old, new))),
            *repaired(was, now),
            *(
                Line("", f"cannot be parsed: {u.reason}", (Place(u.path),))
                for u in sources.unreadable
            ),
        ),
        names=len(uses),
        keys=frozenset(f"names/{name}" for name in gone_now(uses, old, new)),
        broken=tuple(names),
    )


def _place(line: Line) -> tuple[str, int]:
    """The file, and the first of its lines."""
    place = line.places[0]
    return place.file, place.lines[0]


def _as_they_run(uses: Sequence[Use], new: Mapping[str, Value], now: Side) -> Iterator[Use]:
    """The uses, without their guards where what the code asks for holds with the new release.

    That is its version, or another name, of which `hasattr` asks whether it is there. What another branch
    does instead is left out where the one that runs uses the same name: the line is about that one.
    """
    met = {each: is_met(each, now) for use in uses if (each := use.releases)}
    run = {(use.file, use.name) for use in uses if met.get(use.releases)}
    for use in uses:
        if met.get(use.releases) is False and (use.file, use.name) in run:
            continue
        there = bool(use.where) and new.get(f"names/{use.where}") is True
        runs = there or met.get(use.releases) is True
        yield msgspec.structs.replace(use, guarded=False) if runs else use


def _title(sources: UserSources, subjects: Subjects) -> str:
    packages = ", ".join(dict.fromkeys(each.module.split(".")[0] for each in subjects.values()))
    counts = [
        plural(sum(not name.endswith(MODULE) for name in subjects), "subject"),
        plural(sources.files, "file"),
    ]
    return ", ".join(part for part in (packages, *counts) if part and not part.startswith("0 "))
