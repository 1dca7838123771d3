"""What changed in draws, initial values, outputs and gradients, and what of it one cause explains."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.events.log import decode
from conformance.upgrade.detectors.observed import Entry, Pair, absent, entry, failing, words
from conformance.upgrade.replacements import PARTITIONABLE


def trees(pair: Pair) -> Iterator[Entry]:
    """Other variables: what they are called, their shapes and dtypes. What uses them fails with it."""
    for key, was, now in pair.of("parameters"):
        if not (key.endswith("/tree") and _is_tree(was) and _is_tree(now)):
            continue
        case = key.removeprefix("parameters/").removesuffix("/tree")
        follow = [k for k in pair.changed if k.startswith(f"parameters/{case}/") and k != key]
        follow += [
            k
            for k in pair.changed
            if k.partition("/")[2].startswith(case) and not k.startswith("parameters/")
            if failing(pair.new.get(k)) or _lost_to(k, pair)
        ]
        said = [f"{path} is gone" for path in was if path not in now]
        said += [f"{path} {now[path]} is new" for path in now if path not in was]
        both = [path for path in now if path in was and was[path] != now[path]]
        said += [f"{path} was {was[path]}, is {now[path]}" for path in both]
        yield entry("parameters-changed", key, "; ".join(said), True, consequences=tuple(follow))


def _is_tree(value: Any) -> bool:
    return isinstance(value, dict) and not failing(value) and not absent(value)


def _lost_to(key: str, pair: Pair) -> bool:
    """Whether an observation is not there since its whole case fails."""
    cases = (key[:i] for i, letter in enumerate(key) if letter == "/")
    return key not in pair.new and any(failing(pair.new.get(case)) for case in cases)


def streams(pair: Pair) -> Iterator[Entry]:
    """One entry for each PRNG whose draws changed by more than rounding, and all that follows."""
    here, there = (header.get("environment", {}) for header in (pair.before, pair.after))
    changed = [key for key, *both in pair.of("prng") if not _within(*both)]
    by_name: dict[str, list[str]] = {}
    for key in changed:
        by_name.setdefault(key.split("/")[1], []).append(key)
    flags = [side.get("threefry_partitionable") for side in (here, there)]
    flipped = flags[0] != flags[1] and "threefry2x32" in by_name
    if flipped and "prng/rbg/bits/uint32" not in changed:
        # rbg draws by itself, and splits its keys with Threefry.
        by_name["threefry2x32"] += by_name.pop("rbg", [])
    for name, mine in sorted(by_name.items()):
        own = [key for key in mine if key.startswith(f"prng/{name}/")]
        observed = sum(key.startswith(f"prng/{name}/") for key in pair.old)
        explained: list[str] = []
        if name == here.get("prng") == there.get("prng"):
            drawn = pair.of("parameters", "outputs", "gradients")
            explained = [key for key, *both in drawn if all(map(_drawn_rightly, both))]
        others = len(mine) - len(own) + len(explained)
        follow = f"; {others} changes follow from it" if others else ""
        yield entry(
            "prng-stream-changed",
            f"prng/{name}",
            f"the draws of {name} changed, {len(own)} of {observed} observed{follow}",
            True,
            consequences=(*mine, *explained),
            remedy=PARTITIONABLE.format(old=flags[0])
            if flipped and name.startswith("threefry")
            else None,
        )


def _drawn_rightly(value: Any) -> bool:
    """Whether a leaf depends on the key, and is what the reference draws from the same PRNG."""
    return isinstance(value, dict) and bool(value.get("keyed")) and value.get("agrees") is True


def values(pair: Pair) -> Iterator[Entry]:
    """Every other array, within what rounding may do or beyond it."""
    for key, was, now in pair.of("prng", "parameters", "outputs", "gradients"):
        initial = key.startswith("parameters/")
        beyond = "parameters-changed" if initial else "values-beyond-bound"
        arrays = _arrays(was, now)
        if arrays is None:
            yield entry(beyond, key, words(was, now), True)
            continue
        ulps = _ulps(*arrays)
        if ulps == 0:
            continue  # only what is said about it changed
        within = _within(was, now)
        what = "other initial values from the same seed, " if initial else ""
        yield entry(
            "values-changed" if within else beyond,
            key,
            f"{what}by up to {ulps:.3g} ULP, {'within' if within else 'beyond'} what rounding may do",
            not within,
            {"max_ulps": ulps, "within": within},
        )


def _within(was: Any, now: Any) -> bool:
    """Whether two arrays are no further apart than their bounds allow; without bounds, equal."""
    arrays = _arrays(was, now)
    if arrays is None:
        return False
    a, b = arrays
    bounds = [value.get("bound") for value in (was, now)]
    if any(bound is None for bound in bounds):
        return _ulps(a, b) == 0
    with np.errstate(all="ignore"):
        close = np.abs(a.astype(np.float64) - b) <= sum(map(decode, bounds))
    return bool(np.all(close | (a == b) | ((a != a) & (b != b))))


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
