"""Logs of two environments written by hand, and their differences."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from conformance.events.arrays import encode
from conformance.events.records import Header, Record
from conformance.upgrade.compare import Differences, compare

HEADER = {
    "type": "header",
    "cell": "c",
    "observations": 1,
    "environment": {"prng": "threefry2x32", "threefry_partitionable": False},
}
NEWER = {**HEADER, "environment": {"prng": "threefry2x32", "threefry_partitionable": True}}
NAMES = {"law": "axes.in-axes-permute", "transform": "jax.pmap", "subject": "sort"}
ITEM = "axes.in-axes-permute | jax.pmap | sort"
VERSIONS = ("python", "jax", "jaxlib", "flax", "numpy", "chex", "hypothesis")
CALL = {
    "kind": "function",
    "subject_name": "sort",
    "sizes": {"batch": 1},
    "axes": [{"in_axes": [0], "out_axes": 0}],
    "dtype": "float32",
    "seed": 0,
}
SKIPPED = {"reason": "no reason", "source": "suite"}
DETAILS: dict[str, dict[str, Any]] = {
    "violated": {
        "call": CALL,
        "what": "map",
        "message": "values differ",
        "path": "",
        "expected": 1.0,
        "got": 2.0,
        "max_ulps": 1.0,
        "error": 1.0,
        "bound": 0.0,
        "cause": None,
        "script": "x",
    },
    "known-defect": {"defect": "d-1"},
    **dict.fromkeys(("not-applicable", "not-sampled"), SKIPPED),
    "crashed": {"reason": "it died", "output": ""},
    "timed-out": {"reason": "it died", "output": ""},
}


def records(events: Sequence[dict[str, Any]]) -> list[Record]:
    """Events written by hand as records; what they leave out is filled in."""
    defaults: dict[str, dict[str, Any]] = {
        "header": {
            "schema": 1,
            "suite": "0",
            "profile": "quick",
            "seed": 0,
            "shard": [1, 1],
            "command": [],
        },
        "result": {"examples": 1, "seconds": 1.0, "compilations": 0},
        "observation": {},
    }
    made = []
    for event in events:
        event = {"cell": "c", **defaults[event["type"]], **event}
        if event["type"] == "header":
            event["environment"] = dict.fromkeys(VERSIONS) | event["environment"]
        if event.get("outcome") in DETAILS:
            event["detail"] = DETAILS[event["outcome"]] | (event["detail"] or {})
        made.append(msgspec.convert(event, Record))
    return made


def difference(before: Sequence[Any], after: Sequence[Any]) -> Differences:
    """The differences between two lists of events."""
    return compare(records(before), records(after))


def result(outcome: str, **fields: Any) -> dict[str, Any]:
    return {"type": "result", "cell": "c", **NAMES, "outcome": outcome, "detail": None, **fields}


def compared(
    old: dict[str, Any],
    new: dict[str, Any],
    before: dict[str, Any] = HEADER,
    after: dict[str, Any] = HEADER,
) -> Differences:
    """The differences between these observations."""

    def events(header: dict[str, Any], values: dict[str, Any]) -> list[dict[str, Any]]:
        lines = [{"type": "observation", "key": k, "value": encode(v)} for k, v in values.items()]
        return [header, *lines]

    return difference(events(before, old), events(after, new))


def leaf(*values: float, bound: float | None = 1e-6, **facts: Any) -> dict[str, Any]:
    array = np.array(values, np.float32)
    return {
        "value": array,
        "bound": None if bound is None else np.full(array.shape, bound),
        "keyed": False,
        "agrees": True,
        **facts,
    }


ERROR = {"error": {"type": "TypeError", "line": "no such keyword"}}
GONE = {"absent": "no attribute 'tree_map'", "name": "jax.tree_map"}


def drawing(events: list[Record], partitionable: bool) -> list[Record]:
    """The events where Threefry draws in one way or the other."""
    header, *rest = events
    assert isinstance(header, Header)
    there = msgspec.structs.replace(
        header.environment, prng="threefry2x32", threefry_partitionable=partitionable
    )
    return [msgspec.structs.replace(header, environment=there), *rest]
