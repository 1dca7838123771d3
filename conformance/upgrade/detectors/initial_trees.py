"""Variables of modules: other names, shapes and dtypes."""

import re
from collections.abc import Iterator

from conformance.upgrade.difference import (
    Difference,
    ObservationPair,
    Value,
    is_absent,
    is_failing,
)
from conformance.upgrade.kinds import DifferenceKind

CHANGED = DifferenceKind(
    "parameters-changed",
    "Parameters changed",
    ("parameter changed", "parameters changed"),
    "A module has other variables, or starts with other values from the same seed.",
    "Checkpoints, and code that names these variables, must follow.",
    40,
    "work",
)
KINDS = (CHANGED,)

_SHAPE = re.compile(r"\[[\d,]*\]")

GROUPS = ("parameters", "lifts", "layers")
"""Observations of what modules start with."""


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each module whose tree of variables changed, with what fails for it."""
    for key, was, now in pair.of(*GROUPS):
        if not (key.endswith("/tree") and _is_tree(was) and _is_tree(now)):
            continue
        group, _, case = key.removesuffix("/tree").partition("/")
        follow = [k for k in pair.changed if k.startswith(f"{group}/{case}/") and k != key]
        follow += [
            k
            for k in pair.changed
            if k.partition("/")[2].startswith(case) and not k.startswith(f"{group}/")
            if is_failing(pair.new.get(k)) or _lost_with_its_case(k, pair)
        ]
        said = [f"{path} is gone" for path in was if path not in now]
        said += [f"{path} {now[path]} is new" for path in now if path not in was]
        both = [path for path in now if path in was and was[path] != now[path]]
        said += [f"{path} was {was[path]}, is {now[path]}" for path in both]
        text = "; ".join(said)
        cause = None if group == "parameters" else f"{case.split('/')[0]}: {_SHAPE.sub('', text)}"
        yield Difference(CHANGED, key, text, cause=cause, consequences=tuple(follow))


def _is_tree(value: Value) -> bool:
    return isinstance(value, dict) and not is_failing(value) and not is_absent(value)


def _lost_with_its_case(key: str, pair: ObservationPair) -> bool:
    """Whether an observation is not there because its whole case fails."""
    cases = (key[:i] for i, letter in enumerate(key) if letter == "/")
    return key not in pair.new and any(is_failing(pair.new.get(case)) for case in cases)
