"""The user's source files: which names of JAX and Flax they use, and where. Nothing is imported.

May import events.
"""

from collections.abc import Sequence
from pathlib import Path

from conformance.events.user_code import Operation, Unreadable, Use, UserSources
from conformance.upgrade.sources.files import python_files
from conformance.upgrade.sources.of_objects import done_in
from conformance.upgrade.sources.operations import operations_in
from conformance.upgrade.sources.uses import uses_in

__all__ = ["operations_in", "scan", "uses_in"]


def scan(places: Sequence[Path]) -> UserSources:
    """What the Python files in these directories, and these files, use of JAX and Flax."""
    uses: list[Use] = []
    operations: list[Operation] = []
    unreadable: list[Unreadable] = []
    files = python_files(places)
    for path, shown in files:
        try:
            source = path.read_bytes()
            mine = uses_in(source, shown)
            if mine:
                uses += mine
                operations += operations_in(source, shown)
                operations += done_in(source, shown)
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            unreadable.append(Unreadable(path=shown, reason=reason))
    return UserSources(files=len(files), uses=uses, unreadable=unreadable, operations=operations)
