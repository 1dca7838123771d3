"""The JSON schema of a line of the log, made from the records' classes.

`python -m conformance.events.schema` writes `schema.json` anew.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from conformance.events.details import DETAILS
from conformance.events.records import Record

PATH = Path(__file__).with_name("schema.json")

_VALUE = {
    "description": "A tree of arrays, numbers and words. In a counterexample of `check`, the object "
    '{"tuple": [...]} is a tuple.',
    "anyOf": [
        {"$ref": "#/$defs/Array"},
        {"type": ["number", "string", "boolean", "null"]},
        {"type": "array", "items": {"$ref": "#/$defs/Value"}},
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/Value"}},
    ],
}


def schema() -> dict[str, Any]:
    """The schema, as JSON-ready data."""
    details = {kind: None for kind in DETAILS.values() if kind is not type(None)}
    (events, *_), definitions = msgspec.json.schema_components(
        [Record, *details], ref_template="#/$defs/{name}"
    )
    result = definitions["Result"]
    result["allOf"] = [_detail_of(outcome, kind) for outcome, kind in DETAILS.items()]
    definitions["Call"]["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": "module"}}},
            "then": {"required": ["variable_axes", "split_rngs", "key", "typed"]},
        }
    ]
    definitions["Call"]["properties"]["sizes"]["required"] = ["batch"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:vmap-conformance:event-log:1",
        "title": "One line of vmap-conformance's event log, schema 1",
        "description": "A log is JSON lines. A reader ignores fields it does not know. "
        "A cell without a footer is incomplete.",
        **events,
        "$defs": {**dict(sorted(definitions.items())), "Value": _VALUE},
    }


def _detail_of(outcome: str, kind: type[Any]) -> dict[str, Any]:
    """What an outcome requires of its result."""
    if kind is type(None):
        required: dict[str, Any] = {"detail": {"type": "null"}, "examples": {"minimum": 1}}
    else:
        required = {"detail": {"$ref": f"#/$defs/{kind.__name__}"}}
    return {
        "if": {"properties": {"outcome": {"const": outcome}}},
        "then": {"properties": required},
    }


def text() -> str:
    """What `schema.json` contains."""
    return json.dumps(_ordered(schema()), indent=2) + "\n"


def _ordered(part: Any) -> Any:
    """The same schema with alternatives in one order, whichever msgspec lists them in."""
    if isinstance(part, dict):
        ordered = {name: _ordered(value) for name, value in part.items()}
        if "anyOf" in ordered:
            ordered["anyOf"].sort(key=json.dumps)
        return ordered
    return [_ordered(each) for each in part] if isinstance(part, list) else part


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
