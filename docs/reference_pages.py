"""The reference pages of the Python API and of the event log, made by `docs/make_pages.py`."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

from conformance import own, testing
from conformance.events import schema

API_HEAD = """# Python API

Made by `python docs/make_pages.py` from the docstrings. What is not named here may change without notice.
How to use it: [own-subjects.md](own-subjects.md).
"""
LOG_HEAD = """# The event log

Made by `python docs/make_pages.py` from `conformance/events/schema.json`, which is in the package.

A run writes JSON lines, one event each; every view reads them. Each line carries its `type` and its `cell`,
so logs of several cells, such as shards, may be joined. A reader ignores fields that it does not know. A log
without its footer is incomplete. Arrays are `{"dtype", "shape", "data"}`, the data in base64, little-endian.
"""


def api() -> str:
    """The public functions with their signatures and docstrings."""
    parts = [API_HEAD]
    for module in (testing, own):
        parts.append(f"## `{module.__name__}`\n")
        for name in module.__all__:
            found = getattr(module, name)
            signature = "" if inspect.isclass(found) else str(inspect.signature(found))
            text = inspect.cleandoc(found.__doc__ or "")
            parts.append(f"### `{name}`\n\n```text\n{name}{_short(signature)}\n\n{text}\n```\n")
    return "\n".join(parts)


def _short(signature: str) -> str:
    """A signature without module paths, one parameter a line where it is long."""
    for long in ("collections.abc.", "typing.", "properties.subject.", "properties.transform."):
        signature = signature.replace(long, "")
    return signature


def event_log() -> str:
    """Each record with its fields."""
    whole = json.loads(schema.text())
    parts = [LOG_HEAD]
    for name, record in whole["$defs"].items():
        if record.get("type") == "object" and record.get("properties"):
            parts.append(f"## {name}\n\n{record.get('description', '')}\n")
            parts += ["| field | type | what it is |", "|---|---|---|", *_fields(record), ""]
    return "\n".join(parts).rstrip("\n") + "\n"


def _fields(record: dict[str, Any]) -> Iterator[str]:
    needed = set(record.get("required", ()))
    for name, field in record["properties"].items():
        optional = "" if name in needed else " (optional)"
        about = str(field.get("description", "")).replace("|", "\\|")
        yield f"| `{name}`{optional} | {_type(field)} | {about} |"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", maxsplit=1)[-1]
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    either = field.get("anyOf") or field.get("oneOf")
    if either:
        return " or ".join(map(_type, either))
    kind = field.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
