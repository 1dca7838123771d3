"""What a release says of some names alone, without anything that is computed."""

from collections.abc import Iterable
from typing import Any

from conformance.observations import names, signatures, warned


def observe(dotted: Iterable[str]) -> dict[str, Any]:
    """By key, as the groups have it: whether each name is there, its keywords, and its warnings."""
    return {
        key: value
        for name in dotted
        for of_name in (names.of_name, signatures.of_name, warned.of_name)
        for key, value in of_name(name)
    }
