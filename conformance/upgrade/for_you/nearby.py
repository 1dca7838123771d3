"""What changed of names that the user's sources use, where no code of the user's was seen to meet it."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

from conformance.events.user_code import Use
from conformance.upgrade.causes import causes
from conformance.upgrade.detectors import (
    arguments,
    call_forms,
    failures,
    laws,
    new_warnings,
    objects,
    public_names,
)
from conformance.upgrade.difference import Difference
from conformance.upgrade.for_you.concern import may_concern, name_of_call, of_law
from conformance.upgrade.for_you.conditions import condition, met, named_instead, suitable
from conformance.upgrade.for_you.explicit import explicit_files, in_few_lines, is_about_explicit
from conformance.upgrade.for_you.index import NOTHING_DONE, Operations, Uses
from conformance.upgrade.for_you.lines import Line, some
from conformance.upgrade.for_you.names import gives_arguments, places
from conformance.upgrade.for_you.of_objects import met_by
from conformance.upgrade.for_you.ranks import may_be_of
from conformance.upgrade.kinds import DifferenceKind

_OF_USE = frozenset({"defaults-changed", "arguments-needed"})
"""Kinds, beside those that need work, that concern who calls the function."""
_SAID_ANEW = (failures.FAILS, call_forms.FACTS, call_forms.RESULTS)
_ABOUT = re.compile(r"['\"`(\[\d]")
"""Where an error's message begins to name what the call was of."""
_OF_A_FUNCTION = re.compile(r"^plain-(each-)?[\w.]+-(?=.)")
"""What the name of a call without a map begins with: the function that it is of."""
_LIFTS = frozenset(
    ("jit", "remat", "vmap", "scan", "pmap", "cond", "vjp", "map_variables", "bridge")
)
"""Lifts that the name of a case of `conformance/observations/lifts.py` tells."""
_OF_CASES = {"decorated-methods": {"jit", "remat"}}
"""Those of cases whose name does not tell them."""
_BRIDGES: Mapping[str, frozenset[str]] = {
    "flax.linen": frozenset({"ToLinen", "to_linen"}),
    "flax.nnx": frozenset({"ToNNX"}),
}
"""What makes a module of the other library one of this."""
_RIGHT_NOW = "results change, for they were wrong before and are right now: {}"
_ERROR = re.compile(r"\w*(Error|Exception): ")
_KEYWORD = re.compile(r"got an unexpected keyword argument '\w+'")
_MOST_GIVEN = re.compile(r"takes (\d+) positional arguments? but \d+ were given")
_WORD = re.compile(r"[A-Za-z]+")
_NUMBER = re.compile(r"nan|-?inf|-?[\d.]+(?:e[-+]?\d+)?")
_CUT_OFF = re.compile(r"[;,.]? see:?$", re.IGNORECASE)
"""How the first line of a text ends whose next line is an address."""


def nearby(
    uses: Uses,
    entries: Iterable[Difference],
    primitives: Collection[str] = (),
    operations: Operations = NOTHING_DONE,
    jax: str | None = None,
    read: Collection[str] = (),
) -> Iterator[tuple[Line, tuple[str, ...]]]:
    """A line for each such change, and the differences that it is about.

    Args:
        uses: The uses of each name.
        entries: The differences that are not reported yet.
        primitives: What the user's code is traced to.
        operations: What the sources do with objects of unknown type.
        jax: The release of JAX that the user has; None where it is not known.
        read: Names of which both releases say what keywords they take.

    """
    explicit = explicit_files(uses, jax)
    concerned: dict[tuple[str, DifferenceKind, str], list[Difference]] = {}
    where: dict[tuple[str, DifferenceKind, str], list[Use]] = {}
    for entry in entries:
        if not _is_near(entry):
            continue
        if entry.kind in laws.KINDS and not may_concern(entry.key, uses, primitives):
            continue
        found = _place(entry, uses, operations)
        called = _called_so(entry, *found, explicit, read) if found is not None else []
        if found is not None and called:
            group = (found[0], entry.kind, _said_of_its_own(entry))
            concerned.setdefault(group, []).append(entry)
            where.setdefault(group, []).extend(called)
    _join(concerned, where)
    over_explicit = [g for g, mine in concerned.items() if _is_of_explicit(mine)]
    of_explicit = [(group[0], concerned.pop(group), where[group]) for group in over_explicit]
    for group, mine in sorted(concerned.items(), key=_order):
        name = group[0]
        mine_at = places(sorted(where[group], key=lambda use: (use.file, use.line)))
        line = partial(Line, name, places=mine_at, first_files=True)
        if mine[0].kind in laws.KINDS:
            for cause in causes(mine):
                said = _RIGHT_NOW.format(cause.sentence) * (cause.kind is laws.FIXED)
                yield line(said or cause.sentence), tuple(e.key for e in cause.entries)
            continue
        if mine[0].kind in objects.KINDS:
            yield line(mine[0].sentence), tuple(entry.key for entry in mine)
            continue
        special = condition(mine[0])
        said = f"{_counted(mine)}: {_CUT_OFF.sub('', mine[0].sentence.splitlines()[0])}"
        if special is not None and special.says and mine[0].kind in _SAID_ANEW:
            said = f"{special.says}. {_error_of(mine[0])}".strip()
        yield line(said), tuple(entry.key for entry in mine)
    yield from in_few_lines(of_explicit)


def _join(
    concerned: dict[tuple[str, DifferenceKind, str], list[Difference]],
    where: Mapping[tuple[str, DifferenceKind, str], Sequence[Use]],
) -> None:
    """Leave calls that fail where a line on an object, such as `x += 1`, says the same of the same places.

    Their differences become those of the object's line, after its own. That something is deprecated says no
    more than another warning.
    """
    places = {group: {(use.file, use.line) for use in mine} for group, mine in where.items()}
    of_objects = [group for group in concerned if group[1] in objects.KINDS]
    for group, (first, *_) in list(concerned.items()):
        if group in of_objects or not _is_of_operation(first):
            continue
        as_much = [
            each
            for each in of_objects
            if each[1] is not objects.WARNS or group[1] is new_warnings.NEW
        ]
        same = next((each for each in as_much if places[group] <= places[each]), None)
        if same is None and group[1] is new_warnings.NEW and as_much:
            # Objects of two types may be warned of in one way: `with mesh:`.
            every = set().union(*(places[each] for each in as_much))
            same = as_much[0] if places[group] <= every else None
        if same is not None:
            concerned[same].extend(concerned.pop(group))


def _called_so(
    entry: Difference,
    name: str,
    uses: Sequence[Use],
    explicit: Collection[str],
    read: Collection[str],
) -> list[Use]:
    """Those uses that no more than their arguments and axes show not to be such a call.

    Args:
        entry: The difference.
        name: What is used.
        uses: Its uses that the difference may concern.
        explicit: The files that may have Explicit axes.
        read: Names of which both releases say what keywords they take.

    """
    if name in read and _KEYWORD.search(entry.sentence):
        # The call that was made may be of another name of the function: an older module takes more.
        return []
    if is_about_explicit(entry):
        uses = [use for use in uses if use.file in explicit]
    most = _MOST_GIVEN.search(entry.sentence)
    return [u for u in uses if most is None or not u.whole or u.positional > int(most.group(1))]


def _is_of_explicit(mine: Sequence[Difference]) -> bool:
    """Whether they are of what is broken or changed over Explicit axes, and of nothing that is mended."""
    return mine[0].kind is not laws.FIXED and all(map(is_about_explicit, mine))


def _is_of_operation(entry: Difference) -> bool:
    """Whether lines of a file show what such calls do."""
    special = condition(entry)
    return special is not None and bool(special.operations) and special.place == "operation"


def _order(
    item: tuple[tuple[str, DifferenceKind, str], list[Difference]],
) -> tuple[bool, int, str]:
    """What the text of a file shows to be met comes first; then by kind and name."""
    (name, kind, _), (entry, *_) = item
    return not (_is_of_operation(entry) or _is_of_keywords(entry)), kind.rank, name


def _is_of_keywords(entry: Difference) -> bool:
    """Whether the keywords of a call show that it is met, and it is said what to write."""
    special = condition(entry)
    said = special is not None and (bool(special.says) or entry.kind is new_warnings.NEW)
    return special is not None and said and bool(special.unless or special.given)


def _error_of(entry: Difference) -> str:
    """What the call raises now, in one line; nothing where it raises nothing."""
    return "".join(entry.sentence.partition("; now ")[2].splitlines()[:1])


def _place(entry: Difference, uses: Uses, operations: Operations) -> tuple[str, list[Use]] | None:
    """The user's name that a difference is about, and where; None where it concerns no file."""
    if entry.kind in objects.KINDS:
        return met_by(entry, uses, operations)
    special = condition(entry)
    if special is not None and _is_of_operation(entry):
        return met(special, _library(entry.key), uses, operations)
    if entry.key.startswith("calls/"):
        found = name_of_call(entry.key, entry.sentence, uses)
        if found and special and special.names and not special.operations:
            found = named_instead(special, _library(entry.key), found[1], uses)
    else:
        named = max(_concerned(entry, uses), key=len, default=None)
        found = (named, list(uses[named])) if named is not None else None
    if found is not None and special is not None:
        found = (found[0], suitable(special, found[1], operations))
    if found is not None:
        found = (found[0], [use for use in found[1] if may_be_of(entry.key, use, operations)])
    if found is not None and entry.kind is arguments.NEEDED:
        # Of a whole call it was read whether it gives the argument.
        found = (found[0], [use for use in found[1] if gives_arguments(use) and not use.whole])
    if found is not None and entry.kind is arguments.DEFAULT:
        argument = entry.sentence.partition(" was ")[0]
        found = (found[0], [use for use in found[1] if argument not in use.keywords])
    if found is not None and entry.kind in laws.KINDS:
        found = (found[0], of_law(entry.key, found[1], uses))
    if found is not None and entry.kind in laws.KINDS and _library(entry.key) == "jax":
        # A module is mapped in other files than it is made in; a function is not.
        files = {use.file for use in found[1]}
        files = {file for file in files if may_concern(entry.key, uses.of_file[file])}
        found = (found[0], [use for use in found[1] if use.file in files])
    return found if found and found[1] else None


def _library(key: str) -> str:
    """That of the transform of an observed call or of a law's item: `jax`, `flax.linen` or `flax.nnx`."""
    if " | " in key:
        return key.split(" | ")[1].rpartition(".")[0]
    transform = key.split("/")[1] if key.startswith("calls/") else "jax."
    return transform.rpartition(".")[0]


def _is_near(entry: Difference) -> bool:
    """Whether a difference is of a kind that concerns who uses the name."""
    if entry.kind is public_names.REMOVED and entry.key.startswith("calls/"):
        return False  # the function takes some of the suite's arguments no more
    if entry.kind in (objects.OTHER, objects.WARNS):
        return True
    if entry.kind is laws.FIXED:
        return _was_silent(entry.cause or "")
    if entry.kind is call_forms.FACTS:
        return "/plain-" in entry.key or condition(entry) is not None
    if entry.kind is new_warnings.NEW:
        return any(_warned(key) for key in (entry.key, *entry.consequences))
    if entry.kind is arguments.DEFAULT and entry.sentence.endswith(", is None"):
        return False  # that is chosen by the function: what it gives by default is compared
    of_results = entry.kind is call_forms.RESULTS
    if of_results and (_is_weak_alone(entry.sentence) or _was_refused(entry.sentence)):
        return False
    if of_results and "/at-edges-" in entry.key and _was_no_number(entry.sentence):
        return False
    return entry.kind.urgency == "work" or entry.kind.id in _OF_USE


def _was_silent(cause: str) -> bool:
    """Whether one of the known defects that a cause names gave wrong values and said nothing."""
    if not cause.startswith(laws.KNOWN):
        return False
    # It needs JAX.
    from conformance.known_defects.effects import effects

    ids = cause.removeprefix(laws.KNOWN).split(", ")
    return any(effects().get(id) == "silently wrong" for id in ids)


def _is_weak_alone(sentence: str) -> bool:
    """Whether results differ in weak types alone: their numbers are the same."""
    was, _, now = sentence.removeprefix("gave ").partition("; gives ")
    sides = [side.replace(" weak", "") for side in (was, now)]
    # A long one is shown as far as `...`.
    shown = min((len(side) - 3 for side in sides if side.endswith("...")), default=None)
    return sides[0][:shown] == sides[1][:shown]


def _was_no_number(sentence: str) -> bool:
    """Whether all that differs was NaN or infinite before, which code that works does not go on with."""
    was, _, now = sentence.removeprefix("gave ").partition("; gives ")
    if "..." in sentence:
        return False
    sides = [_NUMBER.findall(side) for side in (was, now)]
    differ = [a for a, b in zip(*sides, strict=False) if a != b]
    alike = len(sides[0]) == len(sides[1])
    return alike and bool(differ) and all(a.lstrip("-") in {"nan", "inf"} for a in differ)


def _was_refused(sentence: str) -> bool:
    """Whether a part of a call, such as its derivative, was refused before: no code that works has it."""
    return bool(_ERROR.match(sentence.removeprefix("gave ")))


def _said_of_its_own(entry: Difference) -> str:
    """What distinguishes lines of one kind: the error, the words of a warning, what to write."""
    if entry.kind is new_warnings.NEW:
        return entry.sentence
    if entry.kind in objects.KINDS:
        return objects.what_is_done(entry.key)[1]
    if entry.kind in laws.KINDS:
        return entry.cause or ""
    special = condition(entry)
    said = special.says if special is not None and entry.kind in _SAID_ANEW else ""
    return said + (_ABOUT.split(entry.cause or "")[0] if entry.kind is failures.FAILS else "")


def _warned(key: str) -> str:
    """The name of which a form of call warns; empty where it is the name itself that warns."""
    start, _, call = key.partition("warnings/calls/")
    name, dash, _ = call.partition("-")
    return name if dash and not start else ""


def _counted(mine: Sequence[Difference]) -> str:
    """Such as `2 calls fail now (bound-method, holds-a-list), the first`."""
    one, several = mine[0].kind.counted
    which = some([_last(entry.key) for entry in mine])
    return f"1 {one} ({which})" if len(mine) == 1 else f"{len(mine)} {several} ({which}), the first"


def _concerned(entry: Difference, uses: Uses) -> Iterator[str]:
    """The names that a difference is about: what its key names, or whose variables changed."""
    if entry.kind is new_warnings.NEW:
        warned = (_warned(key) for key in (entry.key, *entry.consequences))
        yield from (name for name in warned if name in uses)
        return
    parts = re.split(r" \| |/", entry.key)
    if parts[0] == "draws":
        parts.append(f"jax.random.{parts[1].split('-')[0]}")
    if parts[0] == "layers":
        parts.append(f"{parts[1]}.{parts[2].split('-')[0]}")
    if parts[0] != "lifts":
        yield from (part for part in (parts[2:] if parts[0] == "layers" else parts) if part in uses)
    elif _uses_lifts(parts[1], parts[2], uses):
        # Of a module of several layers: its paths name them.
        words = {word.lower() for word in _WORD.findall(entry.sentence)}
        bridges = _BRIDGES[parts[1]] if "bridge" in parts[2].split("-") else frozenset()
        yield from (name for name in uses if name.rpartition(".")[2] in bridges)
        for name in uses:
            library, _, last = name.rpartition(".")
            if library != parts[1] or last == "Rngs":
                continue  # each layer that draws has streams
            if last[:1].isupper() and last.lower() in words:
                yield name


def _uses_lifts(library: str, case: str, uses: Collection[str]) -> bool:
    """Whether the names are of all lifts of a case, such as `scan` and `jit` of `scan-of-jit`."""
    lifts = set(case.split("-")) & _LIFTS | _OF_CASES.get(case, set())
    of_library = {name.rpartition(".")[2] for name in uses if name.startswith(f"{library}.")}
    bridges = _BRIDGES.get(library, frozenset())
    of_library |= {"bridge" for name in uses if name.rpartition(".")[2] in bridges}
    return lifts <= of_library | ({"remat"} if "checkpoint" in of_library else set())


def _last(key: str) -> str:
    """What distinguishes a difference from others of its name."""
    if " | " in key:
        return key.split(" | ", maxsplit=1)[0]
    parts = key.split("/")
    # The line names the function already.
    return _OF_A_FUNCTION.sub("", parts[-1] if parts[-1] not in {"tree", "output"} else parts[-2])
