"""Why slips survive that no law could notice: they change nothing that a user sees."""

import fnmatch

from conformance.mutation.results import SlipResult

_WORDS = "it only words the message of an error"
REASONS: dict[tuple[str, str], str] = {
    ("jax._src.api:_mapped_axis_size", code): _WORDS
    for code in (
        "axis + 1",
        "axis >= 0",
        "-axis",
        "signature_parameters is None",
        "i >= len(signature_parameters)",
        "len(key_path) > 1",
        "ct == 1",
        "[012]",
    )
}
"""By globs over the target and over the code before the slip."""


def reason(slip: SlipResult) -> str:
    """Why the slip cannot be noticed; empty where it is not known that it cannot."""
    for (target, before), why in REASONS.items():
        if fnmatch.fnmatchcase(slip.target, target) and fnmatch.fnmatchcase(slip.before, before):
            return why
    return ""
