"""What changed between the observations of two environments, found class by class.

Each finder tells of what is still to be told; what is about values is in ``changed_values``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from conformance.events.log import Event
from conformance.upgrade.replacements import REMEDIES, replacement

FACTOR = 2.0
"""How many times slower or faster counts, where the repetitions of the two do not overlap either."""


@attrs.frozen
class Entry:
    """One difference."""

    kind: str
    key: str
    """The observation, or law, transform and subject."""
    sentence: str
    remedy: str
    breaks: bool = False
    """Whether it makes the upgrade one that needs work: the exit status is 1."""
    detail: dict[str, Any] = attrs.field(factory=dict)
    """Of a law the result's own; of values ``max_ulps`` and ``within`` (the bound)."""
    consequences: tuple[str, ...] = ()
    """Observations that changed because of this one, and are told nowhere else."""


@attrs.frozen
class Pair:
    """The observations of two environments, and which of them are still to be told."""

    old: dict[str, Any]
    new: dict[str, Any]
    changed: tuple[str, ...]
    before: Event
    """The header of the earlier one."""
    after: Event

    def of(self, *groups: str) -> list[tuple[str, Any, Any]]:
        """What changed in these groups: key, value before and value now, None where there is none."""
        return [
            (key, self.old.get(key), self.new.get(key))
            for key in self.changed
            if key.split("/")[0] in groups
        ]


def entry(
    kind: str,
    key: str,
    sentence: str,
    breaks: bool = False,
    detail: dict[str, Any] | None = None,
    consequences: tuple[str, ...] = (),
    remedy: str | None = None,
) -> Entry:
    return Entry(kind, key, sentence, remedy or REMEDIES[kind], breaks, detail or {}, consequences)


def removed(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("names"):
        if was is True and absent(now):
            name = key.removeprefix("names/")
            instead = replacement(name)
            yield entry(
                "removed-names",
                key,
                f"{name} is gone: {now['absent']}",
                True,
                consequences=_without(name, pair.changed, pair.new, key),
                remedy=f"Use {instead}." if instead else None,
            )


def added(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("names"):
        if absent(was) and now is True:
            name = key.removeprefix("names/")
            follow = _without(name, pair.changed, pair.old, key)
            yield entry("added-names", key, f"{name} is new", consequences=follow)


def absent(value: Any) -> bool:
    return isinstance(value, dict) and "absent" in value


def _without(
    name: str, changed: Iterable[str], values: Mapping[str, Any], key: str
) -> tuple[str, ...]:
    """The other observations that there are not for want of the name."""
    return tuple(
        other
        for other in changed
        if other != key and absent(values.get(other)) and values[other].get("name") == name
    )


def failing(value: Any) -> bool:
    """Whether the case itself failed, where another release gave something."""
    return isinstance(value, dict) and "error" in value


def below(key: str, keys: Iterable[str]) -> tuple[str, ...]:
    """The other observations of a case, which have the case's key before a slash."""
    return tuple(other for other in keys if other.startswith(f"{key}/"))


def failures(pair: Pair) -> Iterator[Entry]:
    """Cases that fail now, or lack what they need, or did so before. A case that gives several
    observations fails as one, under a key of its own."""
    for key, was, now in pair.of(*{key.split("/")[0] for key in pair.changed} - {"names"}):
        parts = below(key, pair.changed)
        if absent(now) and not absent(was):
            said = f"it needs what is gone: {now['absent']}"
            yield entry("removed-names", key, said, True, consequences=parts)
        elif absent(was) and not absent(now):
            said = f"it needs what is new: {was['absent']}"
            yield entry("added-names", key, said, consequences=parts)
        elif failing(now) and not failing(was):
            said = f"worked before; now {_one(now)}"
            remedy = "Find such calls of your own, and change them before you move."
            yield entry("errors-changed", key, said, True, consequences=parts, remedy=remedy)
        elif failing(was) and not failing(now):
            said = f"works now; before, {_one(was)}"
            yield entry("errors-changed", key, said, consequences=parts)
        elif failing(was) and _one(was).rstrip(".") != _one(now).rstrip("."):
            yield entry("errors-changed", key, words(was, now))


def words(was: Any, now: Any) -> str:
    return f"was {_one(was)}; is {_one(now)}"


def _one(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    if "error" in value:
        return _one(value["error"])
    if "type" in value:
        return f"{value['type']}: {value['line']}"
    if "gives" in value:
        return f"accepted, giving {value['gives']}"
    if "absent" in value:
        return f"not there ({value['absent']})"
    if "value" in value:
        return f"{value['value']['dtype']}{value['value']['shape']}"
    return str(value)


def errors(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("errors"):
        # A full stop at the end is no change that anyone acts on.
        if _one(was).rstrip(".") != _one(now).rstrip("."):
            yield entry("errors-changed", key, words(was, now))


def new_warnings(pair: Pair) -> Iterator[Entry]:
    """One entry for each warning, whatever raises it. Where a release words a warning of a category
    otherwise, that is none."""
    raised: dict[str, list[str]] = {}
    for key, was, now in pair.of("warnings"):
        before, since = (value if isinstance(value, list) else [] for value in (was, now))
        then, counts = (Counter(w["category"] for w in value) for value in (before, since))
        for warning in since:
            category = warning["category"]
            if warning not in before and counts[category] > then[category]:
                raised.setdefault(f"{category}: {warning['line']}", []).append(key)
    for said, (first, *others) in raised.items():
        yield entry("new-warnings", first, said, consequences=tuple(others))


def costs(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("costs"):
        if not all(isinstance(value, dict) and "ratio" in value for value in (was, now)):
            continue
        times = now["ratio"] / was["ratio"]
        if times >= FACTOR and now["least"] > was["most"]:
            yield entry("slower", key, f"{times:.1f} times slower", detail={"times": times})
        elif times <= 1 / FACTOR and now["most"] < was["least"]:
            yield entry("faster", key, f"{1 / times:.1f} times faster", detail={"times": times})


def jaxprs(pair: Pair) -> Iterator[Entry]:
    """One entry for all jaxprs in which the same primitives came and went."""
    alike: dict[tuple[tuple[str, bool], ...], list[str]] = {}
    for key, was, now in pair.of("jaxprs"):
        then, since = was["primitives"], now["primitives"]
        moved = [n for n in sorted({*then, *since}) if then.get(n, 0) != since.get(n, 0)]
        more = tuple((name, since.get(name, 0) > then.get(name, 0)) for name in moved)
        alike.setdefault(more, []).append(key)
    for keys in alike.values():
        first, *others = keys
        was, now = pair.old[first], pair.new[first]
        yield entry("jaxprs-changed", first, _counted(was, now), consequences=tuple(others))


def _counted(was: Any, now: Any) -> str:
    then, since = was["primitives"], now["primitives"]
    parts = [
        f"{name} {then.get(name, 0)} to {since.get(name, 0)}"
        for name in sorted({*then, *since})
        if then.get(name) != since.get(name)
    ]
    return f"{was['count']} equations to {now['count']}: {', '.join(parts)}"
