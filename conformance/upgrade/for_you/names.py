"""Names of JAX and Flax that the user's sources use and that are gone, take other keywords, or warn."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

from conformance.events.user_code import Import, Operation, Pin, Use
from conformance.upgrade.difference import Value, is_absent
from conformance.upgrade.for_you.index import Uses
from conformance.upgrade.for_you.lines import Line, Place
from conformance.upgrade.name_changes import (
    NameChange,
    advice,
    change_of,
    is_known_to_have_been_taken,
    is_refused_since,
    keyword_change,
    needed,
)

_IN_COMMON = 0.35
"""The share that two names of one keyword have in common, at least."""


def places(
    uses: Sequence[Use] | Sequence[Import] | Sequence[Operation] | Sequence[Pin],
) -> tuple[Place, ...]:
    """One for each file, with its lines in order."""
    files: dict[str, list[int]] = {}
    for use in uses:
        files.setdefault(use.file, []).append(use.line)
    return tuple(Place(file, tuple(sorted(set(lines)))) for file, lines in files.items())


def gives_arguments(use: Use) -> bool:
    """Whether a use is a call that gives something: an annotation is none."""
    return bool(use.positional or use.keywords)


def gone_now(
    uses: Uses, old: Mapping[str, Value], new: Mapping[str, Value]
) -> dict[str, NameChange]:
    """What became of each name that the old release has, and the new one has not."""
    return {
        name: change_of(name, new[f"names/{name}"]["absent"])
        for name in uses
        if old.get(f"names/{name}") is True and is_absent(new.get(f"names/{name}"))
    }


def gone(
    uses: Uses, old: Mapping[str, Value], new: Mapping[str, Value]
) -> Iterator[tuple[Line, bool]]:
    """A line for each removed name, and whether the code provides for that.

    What a removed class or module held went with it: where it has no replacement of its own, its lines are
    those of the class in the same file.
    """
    changes = gone_now(uses, old, new)
    for name, change in changes.items():
        instead = f": use {change.instead}" if change.instead else ""
        mine = _told_with(name, uses, changes)
        told = [u for u in mine if not u.guarded or not _fails_before(u, uses, changes)]
        yield from _told(name, f"{change.sentence}{instead}", told, change.sentence)


def _told(
    name: str, sentence: str, uses: Sequence[Use], if_provided: str | None = None
) -> Iterator[tuple[Line, bool]]:
    """A line for each file, and another of what its code provides for, which needs no remedy."""
    for place in places([use for use in uses if not use.guarded]):
        yield Line(name, sentence, (place,)), False
    for place in places([use for use in uses if use.guarded]):
        known = if_provided or re.split(": |; ", sentence)[0]
        yield Line(name, f"{known}; your code provides for it", (place,)), True


def _fails_before(use: Use, uses: Uses, changes: Mapping[str, NameChange]) -> bool:
    """Whether a removed module or class that holds the name is used in the file, and not provided for."""
    around = use.name
    while around := around.rpartition(".")[0]:
        if around in changes and any(u.file == use.file and not u.guarded for u in uses[around]):
            return True
    return False


def _told_with(name: str, uses: Uses, changes: Mapping[str, NameChange]) -> list[Use]:
    """The uses that the line of a removed name tells of: its own, and those of what it held."""
    held = [name, *(each for each in changes if each.startswith(f"{name}."))]
    found = [use for each in held for use in uses[each] if _holder(use, uses, changes) == name]
    return sorted(found, key=lambda use: (use.file, use.line))


def _holder(use: Use, uses: Uses, changes: Mapping[str, NameChange]) -> str:
    """The removed name that tells of a use: that of what held it, where the file uses that, too."""
    name = around = use.name
    while around := around.rpartition(".")[0]:
        if around not in changes:
            continue
        in_file = any(
            each.file == use.file and each.guarded == use.guarded for each in uses[around]
        )
        instead, theirs = changes[use.name].instead, changes[around].instead
        # `new.module.f` is what the replacement of the module says of `old.module.f`.
        moved = {None, theirs, f"{theirs}{use.name.removeprefix(around)}"}
        if not in_file or instead not in moved:
            break
        name = around
    return name


NEITHER = "is in neither release"


def in_neither(uses: Uses, old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Line]:
    """A line for each name that is absent before and after, where the code does not provide for that.

    An attribute of a class is left out. Which class an object is of is inferred; where neither release has
    the attribute, code that works today shows that the inference is wrong.
    """
    changes: dict[str, NameChange] = {}
    for name in uses:
        if any(part[:1].isupper() for part in name.split(".")[:-1]):
            continue
        was: Value = old.get(f"names/{name}")
        now: Value = new.get(f"names/{name}")
        if is_absent(was) and is_absent(now):
            changes[name] = change_of(name, now["absent"])
    for name, change in changes.items():
        instead = f": use {change.instead}" if change.instead else ""
        mine = _told_with(name, uses, changes)
        for place in places([use for use in mine if not use.guarded]):
            yield Line(name, f"{NEITHER}: {change.sentence}{instead}", (place,))


def keywords(
    uses: Uses,
    old: Mapping[str, Value],
    new: Mapping[str, Value],
    jax: tuple[str | None, str | None] = (None, None),
) -> Iterator[tuple[Line, bool]]:
    """Keywords that a function took and does not take now, and whether the code provides for that.

    Args:
        uses: The names that the sources use.
        old: The observations of the environment that the user has.
        new: Those of the one they may move to.
        jax: The releases of JAX in both, where they are known.

    """
    for name, mine in uses.items():
        was: Value = old.get(f"signatures/{name}")
        now: Value = new.get(f"signatures/{name}")
        if not all(isinstance(side, Mapping) and "keywords" in side for side in (was, now)):
            continue
        refused: dict[tuple[str, ...], list[Use]] = {}
        for use in mine:
            lost = (
                word
                for word in use.keywords
                if (_took(name, was, word) and not _takes(now, word))
                or is_refused_since(name, word, *jax)
            )
            refused.setdefault(tuple(dict.fromkeys(lost)), []).append(use)
        for words, these in refused.items():
            if words:
                yield from _told(name, _refusal(name, words, was, now), these)


def names_read(uses: Uses, old: Mapping[str, Value], new: Mapping[str, Value]) -> frozenset[str]:
    """The names of which both releases say all the keywords that they take."""

    def said(side: Mapping[str, Value], name: str) -> bool:
        signature: Value = side.get(f"signatures/{name}")
        return isinstance(signature, Mapping) and "keywords" in signature and not signature["any"]

    return frozenset(name for name in uses if said(old, name) and said(new, name))


def _refusal(name: str, words: Sequence[str], was: Value, now: Value) -> str:
    """Of the keywords that a call gives and that are not taken now, and what to give instead."""
    known = keyword_change(name, words)
    if known is not None:
        return known
    given = ", ".join(f"{word}=" for word in words)
    if all(word in now.get("positional", ()) for word in words):
        return f"takes no {given} any more: give it by position"
    added = [
        word for word in now["keywords"] if word not in was["keywords"] and not word.startswith("_")
    ]
    # One that is new and reads like it may be its other name; several say nothing of that.
    hint = (
        f"; new: {added[0]}" if len(added) == len(words) == 1 and _alike(words[0], added[0]) else ""
    )
    return f"takes no {given} any more{hint}"


def _alike(one: str, other: str) -> bool:
    """Whether two names have much in common, as `check_rep` and `check_vma`."""
    return difflib.SequenceMatcher(None, one, other).ratio() > _IN_COMMON


def arguments(
    uses: Uses, old: Mapping[str, Value], new: Mapping[str, Value]
) -> Iterator[tuple[Line, bool]]:
    """Calls that give what a function asked for, and do not give what it asks for now, or give too much.

    Only of calls of which all arguments are there to read. With each, whether the code provides for that.
    """
    for name, mine in uses.items():
        was: Value = old.get(f"signatures/{name}")
        now: Value = new.get(f"signatures/{name}")
        if not all(isinstance(side, Mapping) and "required" in side for side in (was, now)):
            continue
        said: dict[str, list[Use]] = {}
        for use in mine:
            known = not use.whole or _misfit(was, use) or _is_told_of_keywords(use, was, now)
            if not known and (misfit := _misfit(now, use, was)):
                said.setdefault(misfit, []).append(use)
        for sentence, these in said.items():
            yield from _told(name, sentence, these)


def _is_told_of_keywords(use: Use, was: Value, now: Value) -> bool:
    """Whether the line of a keyword that is not taken now says to give what the call lacks in its place."""
    lost = [word for word in use.keywords if _took(use.name, was, word) and not _takes(now, word)]
    given = {*now["positional"][: use.positional], *use.keywords}
    lacking = [each for each in now["required"] if each not in given]
    instead = _refusal(use.name, lost, was, now).partition(": use ")[2] if lost else ""
    return bool(lacking) and {f"{each}=" for each in lacking} <= set(re.split(r"[\s,]+", instead))


def _misfit(signature: Value, use: Use, before: Value = None) -> str | None:
    """Why the arguments of a call are too few or too many; None where they are not."""
    positional = signature["positional"]
    given = {*positional[: use.positional], *use.keywords}
    lacking = [each for each in signature["required"] if each not in given]
    if lacking:
        # An argument that was put before another: the call gives the other in its place.
        named = (before or {}).get("positional", [])[: use.positional]
        inserted = [each for each in signature["required"] if each not in {*named, *use.keywords}]
        known = bool(named) and set(lacking) <= set(named) <= set(positional)
        if known and inserted and positional[: len(inserted)] == inserted:
            return f"needs {', '.join(inserted)} before {named[0]} now"
        write = needed(use.name, lacking)
        asked = ", ".join(f"{each}=" for each in lacking)
        return f"needs {asked} now" + (f": {write}" if write else "")
    if use.positional > len(positional) and not signature["more"]:
        return f"takes {len(positional)} arguments by position now, and is given {use.positional}: name them"
    return None


def _took(name: str, signature: Value, keyword: str) -> bool:
    """Whether a function took a keyword: maybe one that its signature asks for by position alone."""
    hidden = keyword in signature.get("required", ()) and is_known_to_have_been_taken(name, keyword)
    return hidden or _takes(signature, keyword)


def _takes(signature: Value, keyword: str) -> bool:
    return bool(signature["any"]) or keyword in signature["keywords"]


def deprecated(uses: Uses, old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Line]:
    """Names that warn now: newly, or in other words than before.

    What is of a class that warns in the same words is told with the class.
    """
    said = {name: sentence for name in uses if (sentence := _warning(name, old, new)) is not None}
    for name, sentence in said.items():
        if said.get(name.rpartition(".")[0]) == sentence:
            continue
        held = [each for each in said if each.rpartition(".")[0] == name and said[each] == sentence]
        mine = [use for each in (name, *held) for use in uses[each]]
        for place in places(sorted(mine, key=lambda use: (use.file, use.line))):
            yield Line(name, sentence, (place,))


def _warning(name: str, old: Mapping[str, Value], new: Mapping[str, Value]) -> str | None:
    """What a name warns of now, and did not before; None where that is nothing."""
    was, now = (side.get(f"warnings/names/{name}") for side in (old, new))
    if not isinstance(now, list) or not now or now == was or not isinstance(was, list):
        return None
    message = next((each["line"] for each in now if each not in was), None)
    if message is None:
        return None
    use = advice(name, message)
    newly = "deprecated now" if not was else "still deprecated, in other words"
    says_no_more = message.rstrip(".") == f"{name} is deprecated"
    return f"{newly}: use {use}" if use else newly if says_no_more else f"{newly}: {message}"
