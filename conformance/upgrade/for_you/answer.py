"""What an upgrade means for the user's own code: what to do, what to know, what is as before."""

import re
from collections.abc import Iterator, Mapping, Sequence

import attrs

from conformance.events.records import Record
from conformance.events.user_code import MODULE, SubjectError, Use, UserSources, UserSubject
from conformance.upgrade.causes import causes, percent
from conformance.upgrade.compare import Differences, header, observations
from conformance.upgrade.detectors import streams
from conformance.upgrade.detectors.arrays import distance
from conformance.upgrade.detectors.laws import KNOWN
from conformance.upgrade.difference import Difference, Value, is_absent
from conformance.upgrade.name_changes import advice, change_of, keyword_change

_KEYWORD = re.compile(r"takes no (\w+)= ")
_PATH = re.compile(r"\s*\((?:/|[A-Za-z]:)[^()]*\)")
Uses = Mapping[str, list[Use]]
Subjects = Mapping[str, UserSubject]
_NO_SOURCES = UserSources(files=0, uses=[], unreadable=[])
_NAMED = 3
"""As many subjects that one line is about are named in it."""
_VALUES = ("outputs", "gradients", "parameters")


@attrs.frozen
class Line:
    """One thing to do or to know."""

    where: str
    """File and line, or a subject; empty where there is no place."""
    what: str
    """A name, or nothing."""
    sentence: str
    follows: bool = False
    """Whether it is a consequence of a line before it, and nothing to do by itself."""


@attrs.frozen
class ForYou:
    """The user's part of a comparison."""

    title: str
    """Such as `mymodel, 6 subjects, 3 files`."""
    work: tuple[Line, ...]
    know: tuple[Line, ...]
    fine: tuple[str, ...]
    keys: frozenset[str]
    """Differences that are reported here, and need no second mention."""

    @property
    def things_to_do(self) -> int:
        """How many lines need work by themselves."""
        return sum(not line.follows for line in self.work)


def for_you(
    before: Sequence[Record], after: Sequence[Record], differences: Differences
) -> ForYou | None:
    """The user's part; None where neither sources nor subjects of the user's were given."""
    first, second = header(before), header(after)
    sources = (first.sources if first else None) or _NO_SOURCES
    was: Subjects = (first.subjects if first else None) or {}
    now: Subjects = (second.subjects if second else None) or {}
    if not sources.uses and not was and not now:
        return None
    old, new = observations(before), observations(after)
    uses = _by_name(sources.uses)
    removed = list(_gone(uses, old, new))
    gone = [line for line, guarded in removed if not guarded]
    provided_for = [line for line, guarded in removed if guarded]
    keywords = list(_keywords(uses, old, new))
    broken, broken_names = _broken(was, now, [_explaining(line) for line in (*gone, *keywords)])
    sound = [name for name in was if name in now and not now[name].error and not was[name].error]
    regressed, regressed_keys = _of_subjects(sound, differences)
    defects = list(_by_defects(sound, differences))
    drawn, drawn_names = _drawn(sound, differences)
    unsound = {line.where for line in regressed} | drawn_names.keys()
    fine = [name for name in sound if name not in unsound]
    unreadable = [
        Line(each.path, "", f"cannot be parsed: {each.reason}") for each in sources.unreadable
    ]
    reported = {f"names/{line.what}" for line, _ in removed} | set(regressed_keys)
    reported |= {key for _, keys in defects for key in keys} | set(drawn_names.values())
    reported |= {
        d.key for d in differences.entries for name in (*broken_names, *fine) if _is_of(d.key, name)
    }
    return ForYou(
        _title(sources, {**was, **now}),
        (*gone, *keywords, *broken, *_never_made(was, now), *drawn, *regressed),
        (
            *_deprecated(uses, old, new),
            *(line for line, _ in defects),
            *provided_for,
            *_repaired(was, now),
            *_slower(fine, differences),
            *unreadable,
        ),
        tuple(_as_before(fine, old, new, but_for_defects=bool(defects))),
        frozenset(reported),
    )


def _title(sources: UserSources, subjects: Subjects) -> str:
    packages = ", ".join(dict.fromkeys(each.module.split(".")[0] for each in subjects.values()))
    counts = [
        _plural(sum(not name.endswith(MODULE) for name in subjects), "subject"),
        _plural(sources.files, "file"),
    ]
    return ", ".join(part for part in (packages, *counts) if part and not part.startswith("0 "))


def _by_name(uses: Sequence[Use]) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = {}
    for use in uses:
        found.setdefault(use.name, []).append(use)
    return found


def _places(uses: Sequence[Use]) -> Iterator[str]:
    """File and lines, one for each file."""
    files: dict[str, list[int]] = {}
    for use in uses:
        files.setdefault(use.file, []).append(use.line)
    for file, lines in files.items():
        shown = [str(line) for line in dict.fromkeys(lines)]
        rest = f" and {len(shown) - 5} more lines" if len(shown) > 5 else ""
        yield f"{file}:{', '.join(shown[:5])}{rest}"


def _gone(
    uses: Uses, old: Mapping[str, Value], new: Mapping[str, Value]
) -> Iterator[tuple[Line, bool]]:
    """A line for each removed name, and whether the code provides for that."""
    for name, mine in uses.items():
        now: Value = new.get(f"names/{name}")
        if old.get(f"names/{name}") is True and is_absent(now):
            change = change_of(name, now["absent"])
            instead = f": use {change.instead}" if change.instead else ""
            for place in _places([use for use in mine if not use.guarded]):
                yield Line(place, name, f"{change.sentence}{instead}"), False
            for place in _places([use for use in mine if use.guarded]):
                yield Line(place, name, f"{change.sentence}; your code provides for it"), True


def _keywords(uses: Uses, old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Line]:
    """Keywords that a function took and does not take now."""
    for name, mine in uses.items():
        was: Value = old.get(f"signatures/{name}")
        now: Value = new.get(f"signatures/{name}")
        if not all(isinstance(side, Mapping) and "keywords" in side for side in (was, now)):
            continue
        for keyword in dict.fromkeys(word for use in mine for word in use.keywords):
            if _takes(was, keyword) and not _takes(now, keyword):
                added = [word for word in now["keywords"] if word not in was["keywords"]]
                hint = f"; new: {', '.join(added)}" if added else ""
                for place in _places([use for use in mine if keyword in use.keywords]):
                    known = keyword_change(name, keyword)
                    yield Line(place, name, known or f"takes no {keyword}= any more{hint}")


def _takes(signature: Value, keyword: str) -> bool:
    return bool(signature["any"]) or keyword in signature["keywords"]


def _deprecated(uses: Uses, old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Line]:
    """Names that warn now: newly, or in other words than before."""
    for name, mine in uses.items():
        was, now = (side.get(f"warnings/names/{name}") for side in (old, new))
        if not isinstance(now, list) or not now or now == was or not isinstance(was, list):
            continue
        message = next((each["line"] for each in now if each not in was), None)
        if message is None:
            continue
        use = advice(message)
        newly = "deprecated now" if not was else "still deprecated, in other words"
        said = f"use {use}" if use else message
        for place in _places(mine):
            yield Line(place, name, f"{newly}: {said}")


def _broken(
    was: Subjects, now: Subjects, explanations: Sequence[str]
) -> tuple[list[Line], list[str]]:
    """Subjects that can be made before and not now, and modules that cannot be imported any more."""
    lines: list[Line] = []
    names: list[str] = []
    for name, each in now.items():
        if name.endswith(MODULE) and each.error:
            mine = [n for n, u in was.items() if u.module == each.module and not u.error]
            names += mine
            count = _plural(len(mine), "subject")
            said = f"{count} ran before, now the import fails with"
            if mine:
                lines.append(_failing(each.module, said, each.error, explanations))
    for name, each in was.items():
        there = now.get(name)
        if not each.error and there and there.error:
            names.append(name)
            lines.append(_failing(name, "ran before, now", there.error, explanations))
    return lines, names


def _failing(where: str, said: str, error: SubjectError, explanations: Sequence[str]) -> Line:
    """A line on what fails now; the message only where no line before it explains the error."""
    if _explained(error, explanations):
        return Line(where, "", f"{said} {error.type} (follows from the above)", follows=True)
    return Line(where, "", f"{said} {_error(error)}")


def _error(error: SubjectError) -> str:
    return f"{error.type}: {_PATH.sub('', error.line)}".rstrip(": ")


def _explaining(line: Line) -> str:
    """What an error says that this line about a name explains, as a regular expression."""
    name = line.what.split(".")[-1]
    keyword = _KEYWORD.match(line.sentence)
    if keyword is not None:
        return rf"\b{re.escape(name)}\(\).*'{re.escape(keyword[1])}'"
    return rf"{re.escape(line.what)}|'{re.escape(name)}'"


def _explained(error: SubjectError, explanations: Sequence[str]) -> bool:
    """Whether the error is about a name that is already listed."""
    return any(re.search(explanation, error.line) for explanation in explanations)


def _never_made(was: Subjects, now: Subjects) -> Iterator[Line]:
    """Subjects of which nothing could be checked."""
    failing = {each.module for name, each in now.items() if name.endswith(MODULE) and each.error}
    for name, each in was.items():
        there = now.get(name)
        if each.error and there and there.error:
            yield Line(name, "", f"cannot be made in either: {_error(there.error)}")
        elif each.error and each.module in failing and not name.endswith(MODULE):
            yield Line(name, "", f"cannot be made before either: {_error(each.error)}")


def _repaired(was: Subjects, now: Subjects) -> Iterator[Line]:
    for name, each in was.items():
        there = now.get(name)
        # A subject that is not there now may be of a module that cannot be imported any more.
        works = there is not None and not there.error
        if each.error and works:
            yield Line(name, "", f"can be made now; before, {_error(each.error)}")


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
            lines.append(Line(name, _short(first.key), f"{first.sentence.splitlines()[0]}{rest}"))
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
            who = ", ".join(mine) if len(mine) <= _NAMED else _plural(len(mine), "subject")
            prng = entry.key.partition("/")[2]
            said = f"the same keys give other numbers ({prng}). {entry.remedy}"
            lines.append(Line(who, "", said))
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
            Line(_plural(len(subjects), "subject"), "", f"a known defect: {cause.sentence}"),
            [difference.key for difference in cause.entries],
        )


def _slower(names: Sequence[str], differences: Differences) -> Iterator[Line]:
    for name in names:
        for difference in differences.entries:
            if difference.kind.id == "slower" and _is_of(difference.key, name):
                yield Line(name, difference.key.split("/")[1], difference.sentence)


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
    who = _plural(len(names), "subject")
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
        said += f"; {_plural(unbounded, 'value')} without a bound differ"
    yield f"{who}: {laws}; {said}"


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
