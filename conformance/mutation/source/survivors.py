"""Why slips survive that no law could notice: they change nothing that a user sees."""

import fnmatch

from conformance.mutation.results import SlipResult

REASONS: dict[tuple[str, str], str] = {}
"""By globs over the target and over the code before the slip."""


def reason(slip: SlipResult) -> str:
    """Why the slip cannot be noticed; empty where it is not known that it cannot."""
    for (target, before), why in REASONS.items():
        if fnmatch.fnmatchcase(slip.target, target) and fnmatch.fnmatchcase(slip.before, before):
            return why
    return ""
