"""The user's source files: which names of JAX and Flax they use, and where. Nothing is imported.

May import events.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from conformance.events.user_code import Operation, Unreadable, Use, UserSources
from conformance.upgrade.sources.annotated import annotated_in
from conformance.upgrade.sources.containers import containers_in, modules_of
from conformance.upgrade.sources.files import python_files
from conformance.upgrade.sources.of_objects import done_in
from conformance.upgrade.sources.operations import operations_in
from conformance.upgrade.sources.own_modules import Members, OwnModules
from conformance.upgrade.sources.packages import packages_of
from conformance.upgrade.sources.pins import pins_of
from conformance.upgrade.sources.uses import members_in, uses_in

_LIBRARIES = re.compile(rb"\b(jax|jaxlib|flax)\b")

__all__ = ["operations_in", "scan", "uses_in"]


def scan(places: Sequence[Path]) -> UserSources:
    """What the Python files in these directories, and these files, use of JAX and Flax."""
    uses: list[Use] = []
    operations: list[Operation] = []
    unreadable: list[Unreadable] = []
    files = python_files(places)
    own = OwnModules(dict(_members(files)))
    modules = OwnModules(dict(_modules(files)))
    for path, shown in files:
        try:
            source = path.read_bytes()
            mine = uses_in(source, shown, own)
            if mine:
                uses += mine
                operations += operations_in(source, shown)
                operations += done_in(source, shown)
                operations += annotated_in(source, shown)
                operations += containers_in(source, shown, modules)
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            unreadable.append(Unreadable(path=shown, reason=reason))
    return UserSources(
        files=len(files),
        uses=uses,
        unreadable=unreadable,
        operations=operations,
        packages=packages_of(places),
        pins=pins_of(places),
    )


def _members(files: Sequence[tuple[Path, str]]) -> Iterator[tuple[str, Members]]:
    """By file, what it has of JAX and Flax for the others that import it."""
    for path, shown in files:
        # What cannot be read is told where its uses are.
        with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError):
            source = path.read_bytes()
            yield shown, members_in(source, shown) if _LIBRARIES.search(source) else {}


def _modules(files: Sequence[tuple[Path, str]]) -> Iterator[tuple[str, Members]]:
    """By file, its NNX modules for the others that import it."""
    for path, shown in files:
        with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError):
            source = path.read_bytes()
            yield shown, modules_of(source, shown) if b"nnx" in source else {}
