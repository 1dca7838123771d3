"""Names that JAX and Flax no longer have, and what takes their place."""

from __future__ import annotations

import re

from conformance.judge.verdict import Diagnosis
from conformance.successors import by_longest_prefix, successor

_OLDER = {"jax.config": "`import jax` and `jax.config.update(...)`"}
"""A module that was gone before the oldest supported release; what is in it today is an option."""

_FORMS = (
    r"No module named '((?:jax|flax)\.[\w.]+)'",
    r"cannot import name '(?P<name>\w+)' from '(?P<module>(?:jax|flax)[\w.]*)'",
    r"module '(?P<module>(?:jax|flax)[\w.]*)' has no attribute '(?P<name>\w+)'",
    r"((?:jax|flax)\.[\w.]+) (?:was|has been|is) (?:deprecated|removed)",
)
"""How a release says that it lacks something, and the places of its name."""


def of_removed(text: str) -> Diagnosis | None:
    """What takes the place of the name that an exception says is not there; None for other texts.

    Args:
        text: the exception's type and message.

    """
    for form in _FORMS:
        found = re.search(form, text)
        if found is not None:
            parts = found.groupdict()
            name = f"{parts['module']}.{parts['name']}" if parts else found[1]
            return _of_name(name, form.startswith("No module"), "removed" in form)
    return None


def _of_name(name: str, is_module: bool, removed: bool) -> Diagnosis:
    uses = f"imports the module `{name}`" if is_module else f"uses `{name}`"
    known = successor(name) or by_longest_prefix(name, _OLDER)
    if known is not None:
        return Diagnosis(
            "removed-api",
            f"The file {uses}, which this release no longer has.",
            f"Use its successor: {known}.",
        )
    if removed:
        return Diagnosis(
            "removed-api",
            f"The file {uses}, which this release no longer has.",
            "Use its successor: the message says which, or JAX's change log.",
        )
    return Diagnosis(
        "no-such-name",
        f"This release has no `{name}`.",
        "Look for a spelling mistake, and for the module that has it; a name from an old text may "
        "be gone: JAX's change log names the successor.",
    )
