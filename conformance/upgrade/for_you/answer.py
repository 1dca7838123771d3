"""The user's part of a comparison."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import UNSET

from conformance.events.records import Header, Record
from conformance.events.user_code import Use, UserSources
from conformance.runner.environment_info import LIBRARIES
from conformance.upgrade.causes import causes, percent
from conformance.upgrade.compare import Differences, header, observations
from conformance.upgrade.detectors import streams
from conformance.upgrade.detectors.arrays import distance
from conformance.upgrade.detectors.laws import KNOWN
from conformance.upgrade.detectors.objects import is_warning
from conformance.upgrade.difference import Difference, Value
from conformance.upgrade.for_you import own_draws
from conformance.upgrade.for_you.containers import without_known
from conformance.upgrade.for_you.early import before_it_runs
from conformance.upgrade.for_you.index import Operations, by_name
from conformance.upgrade.for_you.lines import ForYou, Line, objects_said_once, plural
from conformance.upgrade.for_you.names import names_read
from conformance.upgrade.for_you.nearby import nearby
from conformance.upgrade.for_you.packages import Side, is_met
from conformance.upgrade.for_you.subjects import Subjects

_NO_SOURCES = UserSources(files=0, uses=[], unreadable=[])
_NOT_RUN = (
    "no function of yours was run; list them for their values and laws: --subjects MODULE, as "
    "docs/own-subjects.md shows"
)
_NAMED = 3
"""As many subjects that one line is about are named in it."""
_VALUES = ("outputs", "gradients", "parameters")


def for_you(
    before: Sequence[Record], after: Sequence[Record], differences: Differences
) -> ForYou | None:
    """The user's part; None where neither sources nor subjects of the user's were given."""
    first, second = header(before), header(after)
    sources = (first.sources if first else None) or _NO_SOURCES
    was: Subjects = (first.subjects if first else None) or {}
    now: Subjects = (second.subjects if second else None) or {}
    if not sources.uses and not sources.packages and not was and not now:
        return None
    old, new = observations(before), observations(after)
    sides = _side(first), _side(second)
    known = before_it_runs(sources, was, now, old, new, sides)
    sound = [name for name in was if name in now and not now[name].error and not was[name].error]
    regressed, regressed_keys = _of_subjects(sound, differences)
    defects = list(_by_defects(sound, differences))
    uses = by_name([use for use in sources.uses if _may_run(use, sides[1])])
    drawn, drawn_names = _drawn(sound, differences)
    drawing, streams_met = own_draws.observed(uses, sides[1].prng, differences.entries, known.work)
    unsound = {line.subject for line in regressed} | drawn_names.keys()
    fine = [name for name in sound if name not in unsound]
    reported = known.keys | set(regressed_keys)
    reported |= (
        {key for _, keys in defects for key in keys} | set(drawn_names.values()) | streams_met
    )
    reported |= {
        d.key for d in differences.entries for name in (*known.broken, *fine) if _is_of(d.key, name)
    }
    rest = [entry for entry in differences.entries if entry.key not in reported]
    primitives = (first.primitives if first else None) or ()
    jax = first.environment.jax if first else None
    read = names_read(uses, old, new)
    near = list(nearby(uses, rest, primitives, Operations(sources.operations), jax, read))
    reported |= {key for _, keys in near for key in keys}
    near = [
        (left, keys)
        for line, keys in near
        if not _is_said(line.what, known.work)
        and (left := without_known(line, known.work)) is not None
    ]
    # What a file's text shows to be deprecated is known, as is a name that is.
    deprecated = [line for line, (first, *_) in near if is_warning(first)]
    return ForYou(
        title=known.title,
        work=(*known.work, *drawn, *drawing, *regressed),
        know=(
            *known.know,
            *objects_said_once(deprecated),
            *(line for line, _ in defects),
            *_slower(fine, differences),
        ),
        near=tuple(line for line, _ in near if line not in deprecated),
        fine=(
            *_as_before(fine, old, new, but_for_defects=bool(defects)),
            *([] if was or now else [_NOT_RUN]),
        ),
        keys=frozenset(reported),
    )


def _side(header: Header | None) -> Side:
    """What a cell's header says of packages."""
    if header is None:
        return Side(None, {})
    there = header.environment
    versions = {name: getattr(there, name) for name in ("python", *LIBRARIES)}
    # A log of an older version of the suite does not say how it drew.
    return Side(
        header.package_imports or None,
        versions,
        there.prng or None,
        None if there.threefry_partitionable is UNSET else there.threefry_partitionable,
    )


def _may_run(use: Use, now: Side) -> bool:
    """Whether the line of a use may run with the new release, as far as the code asks for its version."""
    return not use.releases or is_met(use.releases, now) is not False


def _is_said(what: str, work: Sequence[Line]) -> bool:
    """Whether lines of what to do say it: that the name is gone, or how a method is called now."""
    name = what.rstrip("()")
    of_object = "." in name and name[:1].isupper()
    return any(
        (line.what == name and line.sentence.startswith("gone"))
        or (of_object and line.what.endswith(f".{name}"))
        for line in work
    )


def _of_subjects(names: Sequence[str], differences: Differences) -> tuple[list[Line], list[str]]:
    """What needs work of the subjects that can be made in both, one line for each and kind."""
    lines: list[Line] = []
    keys: list[str] = []
    for name in names:
        kinds: dict[str, list[Difference]] = {}
        for difference in differences.entries:
            if _needs_work(difference) and _is_of(difference.key, name):
                kinds.setdefault(difference.kind.id, []).append(difference)
                keys.append(difference.key)
        for mine in kinds.values():
            first, more = mine[0], len(mine) - 1
            rest = f" (and {more} more)" if more else ""
            said = f"{first.sentence.splitlines()[0]}{rest}"
            lines.append(Line(_short(first.key), said, subject=name))
    return lines, keys


def _drawn(names: Sequence[str], differences: Differences) -> tuple[list[Line], dict[str, str]]:
    """A line for each PRNG whose stream changed, and the subjects that draw from it, with its key."""
    lines: list[Line] = []
    of_names: dict[str, str] = {}
    for entry in differences.entries:
        if entry.kind is not streams.CHANGED:
            continue
        mine = [name for name in names if any(_is_of(key, name) for key in entry.consequences)]
        if mine:
            of_names |= dict.fromkeys(mine, entry.key)
            who = ", ".join(mine) if len(mine) <= _NAMED else plural(len(mine), "subject")
            prng = entry.key.partition("/")[2]
            said = f"the same keys give other numbers ({prng}). {entry.remedy}"
            lines.append(Line("", said, subject=who))
    return lines, of_names


def _needs_work(difference: Difference) -> bool:
    """Whether the user has to do something; of a known defect of the library there is nothing to mend."""
    return difference.breaks and not (difference.cause or "").startswith(KNOWN)


def _by_defects(names: Sequence[str], differences: Differences) -> Iterator[tuple[Line, list[str]]]:
    """Known defects of the library that calls of the user's subjects meet now, and their differences."""
    mine = [
        difference
        for difference in differences.entries
        if difference.breaks
        and not _needs_work(difference)
        and any(_is_of(difference.key, name) for name in names)
    ]
    for cause in causes(mine):
        subjects = {name for d in cause.entries for name in names if _is_of(d.key, name)}
        yield (
            Line("", f"a known defect: {cause.sentence}", subject=plural(len(subjects), "subject")),
            [difference.key for difference in cause.entries],
        )


def _slower(names: Sequence[str], differences: Differences) -> Iterator[Line]:
    for name in names:
        for difference in differences.entries:
            if difference.kind.id == "slower" and _is_of(difference.key, name):
                yield Line(difference.key.split("/")[1], difference.sentence, subject=name)


def _is_of(key: str, subject: str) -> bool:
    """Whether a difference is about the subject: an item's name, or an observation's key."""
    if " | " in key:
        return key.split(" | ")[2] == subject
    parts = key.split("/", 3 if key.startswith("costs/") else 2)
    rest = parts[-1] if len(parts) > 2 else ""
    return rest == subject or rest.startswith(f"{subject}/")


def _short(key: str) -> str:
    """A law and its transform, or a group of observations."""
    if " | " in key:
        law, transform = key.split(" | ")[:2]
        return f"{law} of {transform}"
    return key.split("/", maxsplit=1)[0]


def _as_before(
    names: Sequence[str],
    old: Mapping[str, Value],
    new: Mapping[str, Value],
    *,
    but_for_defects: bool,
) -> Iterator[str]:
    """One line on all subjects that are as they were."""
    if not names:
        return
    shares, unbounded, compared = [0.0], 0, 0
    for key, value in old.items():
        if key.split("/")[0] not in _VALUES or key not in new:
            continue
        if not any(_is_of(key, name) for name in names):
            continue
        apart = distance(value, new[key])
        if apart is None:
            continue
        compared += 1
        if apart.share is None:
            unbounded += not apart.equal
        elif not apart.equal:
            shares.append(apart.share)
    who = plural(len(names), "subject")
    laws = "but for that, the same laws hold" if but_for_defects else "the same laws hold"
    if not compared:
        yield f"{who}: {laws}; no values to compare"
        return
    equal = max(shares) == 0 and not unbounded
    said = (
        "values equal to the bit"
        if equal
        else (f"values equal within rounding (largest {percent(max(shares))} of the bound)")
    )
    if unbounded:
        said += f"; {plural(unbounded, 'value')} without a bound differ"
    yield f"{who}: {laws}; {said}"
