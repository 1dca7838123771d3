"""Which exercises `check` judges, and which it requires: the names that options or a file of marks give."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.reporting.suggestions import unknown

if TYPE_CHECKING:
    from conformance.reporting.verdicts.marking import Marking


def chosen_names(
    known: Collection[str],
    marking: Marking | None,
    exercises: tuple[str, ...],
    required: str,
    marks_file: Path | None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The exercises to judge and those that are required: the file of marks names its own.

    Raises click's usage error for a name that is not known.
    """
    if marking is not None:
        _check_names(known, tuple(marking.exercises), f"{marks_file}: ")
        return tuple(marking.exercises), marking.required
    needed = tuple(name.strip() for name in required.split(",") if name.strip())
    _check_names(known, (*exercises, *needed))
    return exercises, needed


def _check_names(known: Collection[str], names: tuple[str, ...], where: str = "") -> None:
    for name in names:
        if name not in known:
            raise click.UsageError(where + unknown("exercise", name, known))
