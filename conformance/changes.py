"""What changed between the observations of two environments, found class by class.

Causes come first: what one finder tells, or names as a consequence, the later ones no longer see.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from conformance.log import Event, decode
from conformance.remedies import PARTITIONABLE, REMEDIES, REPLACEMENTS

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
        """What changed in these groups: key, value before and value now."""
        return [(k, self.old[k], self.new[k]) for k in self.changed if k.split("/")[0] in groups]


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


def _removed(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("names"):
        if was is True and _absent(now):
            name = key.removeprefix("names/")
            instead = REPLACEMENTS.get(name)
            yield entry(
                "removed-names",
                key,
                f"{name} is gone: {now['absent']}",
                True,
                consequences=_without(name, pair.changed, pair.new, key),
                remedy=f"Use {instead}." if instead else None,
            )


def _added(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("names"):
        if _absent(was) and now is True:
            name = key.removeprefix("names/")
            follow = _without(name, pair.changed, pair.old, key)
            yield entry("added-names", key, f"{name} is new", consequences=follow)


def _absent(value: Any) -> bool:
    return isinstance(value, dict) and "absent" in value


def _without(
    name: str, changed: Iterable[str], values: Mapping[str, Any], key: str
) -> tuple[str, ...]:
    """The other observations that there are not for want of the name."""
    return tuple(
        other
        for other in changed
        if other != key and _absent(values[other]) and values[other].get("name") == name
    )


def _streams(pair: Pair) -> Iterator[Entry]:
    here, there = (header.get("environment", {}) for header in (pair.before, pair.after))
    draws = [key for key, *_ in pair.of("prng")]
    for name in sorted({key.split("/")[1] for key in draws}):
        mine = tuple(key for key in draws if key.startswith(f"prng/{name}/"))
        observed = sum(key.startswith(f"prng/{name}/") for key in pair.old)
        explained: tuple[str, ...] = ()
        if name == here.get("prng") == there.get("prng"):
            drawn = pair.of("parameters", "outputs", "gradients")
            explained = tuple(k for k, *both in drawn if all(map(_drawn_rightly, both)))
        flags = [side.get("threefry_partitionable") for side in (here, there)]
        flipped = name.startswith("threefry") and flags[0] != flags[1]
        follow = f"; {len(explained)} changes follow from it" if explained else ""
        yield entry(
            "prng-stream-changed",
            f"prng/{name}",
            f"the draws of {name} changed, {len(mine)} of {observed} observed{follow}",
            True,
            consequences=(*mine, *explained),
            remedy=PARTITIONABLE.format(old=flags[0]) if flipped else None,
        )


def _drawn_rightly(value: Any) -> bool:
    """Whether a leaf depends on the key, and is what the reference draws from the same PRNG."""
    return isinstance(value, dict) and bool(value.get("keyed")) and value.get("agrees") is True


def _parameters(pair: Pair) -> Iterator[Entry]:
    changed = pair.of("parameters")
    places = [key.removesuffix("tree") for key, *_ in changed if key.endswith("/tree")]
    for key, was, now in changed:
        if key.endswith("/tree"):
            leaves = tuple(k for k, *_ in changed if k != key and k.startswith(key[: -len("tree")]))
            yield entry("parameters-changed", key, _trees(was, now), True, consequences=leaves)
        elif not key.startswith(tuple(places)):
            arrays = _arrays(was, now)
            ulps = None if arrays is None else _ulps(*arrays)
            if ulps == 0:
                continue  # only what is said about it changed
            said = _words(was, now)
            if ulps is not None:
                said = f"other initial values from the same seed, by up to {ulps:.3g} ULP"
            detail = {} if ulps is None else {"max_ulps": ulps}
            yield entry("parameters-changed", key, said, True, detail)


def _trees(was: Any, now: Any) -> str:
    if not all(isinstance(tree, dict) and "error" not in tree for tree in (was, now)):
        return _words(was, now)
    parts = [f"{path} is gone" for path in was if path not in now]
    parts += [f"{path} {now[path]} is new" for path in now if path not in was]
    both = [path for path in now if path in was and was[path] != now[path]]
    return "; ".join([*parts, *(f"{path} was {was[path]}, is {now[path]}" for path in both)])


def _values(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("outputs", "gradients"):
        arrays = _arrays(was, now)
        if arrays is None:
            yield entry("values-beyond-bound", key, _words(was, now), True)
            continue
        a, b = arrays
        if np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            continue  # only what is said about it changed
        bounds = [decode(value["bound"]) for value in (was, now) if value.get("bound") is not None]
        error = np.abs(a.astype(np.float64) - b)
        within = len(bounds) == 2 and bool(np.all(error <= sum(bounds)))
        ulps = _ulps(a, b)
        yield entry(
            "values-changed" if within else "values-beyond-bound",
            key,
            f"by up to {ulps:.3g} ULP, {'within' if within else 'beyond'} what rounding may do",
            not within,
            {"max_ulps": ulps, "within": within},
        )


def _arrays(was: Any, now: Any) -> tuple[Any, Any] | None:
    """Two arrays of one shape and dtype; None where they are not that."""
    if not all(isinstance(v, dict) and "value" in v for v in (was, now)):
        return None
    a, b = decode(was["value"]), decode(now["value"])
    return (a, b) if a.shape == b.shape and a.dtype == b.dtype else None


def _ulps(a: Any, b: Any) -> float:
    """The largest difference in units in the last place of the earlier value; of what is no float, how
    many elements differ."""
    if a.dtype.kind != "f":
        return float(np.count_nonzero(a != b))
    with np.errstate(all="ignore"):
        steps = np.abs(a.astype(np.float64) - b) / np.spacing(np.abs(a)).astype(np.float64)
    return float(np.max(np.where((a == b) | ((a != a) & (b != b)), 0.0, steps), initial=0.0))


def _words(was: Any, now: Any) -> str:
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


def _errors(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("errors"):
        # A full stop at the end is no change that anyone acts on.
        if _one(was).rstrip(".") != _one(now).rstrip("."):
            yield entry("errors-changed", key, _words(was, now))


def _warnings(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("warnings"):
        known = {w["category"] for w in was} if isinstance(was, list) else set()
        fresh = [w for w in now if w["category"] not in known] if isinstance(now, list) else []
        if fresh:
            said = "; ".join(f"{w['category']}: {w['line']}" for w in fresh)
            yield entry("new-warnings", key, said)


def _costs(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("costs"):
        if not all(isinstance(value, dict) and "ratio" in value for value in (was, now)):
            continue
        times = now["ratio"] / was["ratio"]
        if times >= FACTOR and now["least"] > was["most"]:
            yield entry("slower", key, f"{times:.1f} times slower", detail={"times": times})
        elif times <= 1 / FACTOR and now["most"] < was["least"]:
            yield entry("faster", key, f"{1 / times:.1f} times faster", detail={"times": times})


def _jaxprs(pair: Pair) -> Iterator[Entry]:
    for key, was, now in pair.of("jaxprs"):
        if not all(isinstance(value, dict) and "count" in value for value in (was, now)):
            continue
        then, since = was["primitives"], now["primitives"]
        parts = [
            f"{name} {then.get(name, 0)} to {since.get(name, 0)}"
            for name in sorted({*then, *since})
            if then.get(name) != since.get(name)
        ]
        counts = f"{was['count']} equations to {now['count']}"
        yield entry("jaxprs-changed", key, f"{counts}: {', '.join(parts)}")


FINDERS: tuple[Callable[[Pair], Iterator[Entry]], ...] = (
    _removed,
    _streams,
    _added,
    _parameters,
    _values,
    _errors,
    _warnings,
    _costs,
    _jaxprs,
)
