"""Text that JSON cannot carry: lone surrogates, which file names and a user's strings may have."""

import re
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def well_formed(value: Any) -> Any:
    """JSON-ready data with a question mark for each lone surrogate, which UTF-8 has no bytes for."""
    if isinstance(value, str):
        return value if value.isascii() else _LONE_SURROGATE.sub("?", value)
    if isinstance(value, dict):
        return {well_formed(k): well_formed(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [well_formed(v) for v in value]
    return value
