"""What to say of a name that is not known."""

import difflib
from collections.abc import Iterable

NEAREST = 3
"""How many names are suggested in place of an unknown one."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One line: there is no such thing, and the nearest names.

    Args:
        kind: What is named, in the singular: "law", "transform".
        name: What was asked for.
        known: The names that there are.

    Returns:
        A sentence such as "there is no law 'mappin.x': did you mean 'mapping.x'?".

    """
    near = difflib.get_close_matches(name, list(known), n=NEAREST, cutoff=0.0)
    words = [repr(each) for each in near]
    choice = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)
    return f"there is no {kind} {name!r}: did you mean {choice}?"
