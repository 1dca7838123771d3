"""Files that a command writes: whether they can be written is known before it runs for minutes."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click


class OutputFile(click.Path):
    """A file that is written once the command is done; one that cannot be ends the command at once."""

    def __init__(self, *, is_log: bool = False) -> None:
        super().__init__(path_type=Path, dir_okay=False)
        self._check = check_log if is_log else check_file

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        """The path. Raises click.ClickException, for status 3, where it cannot be written."""
        path: Path = super().convert(value, param, ctx)  # type: ignore[assignment]  # see path_type
        self._check(path)
        return path


def check_file(path: Path) -> None:
    """Check that a file can be written. Raises click.ClickException; nothing is made."""
    with writing(path):
        if path.exists():  # a device or a pipe, too, beside which no file can be made
            check_access(path)
        else:
            check_access(path.parent, directory=True)


def check_log(path: Path) -> None:
    """As `check_file`, of a log, whose directory is made."""
    with writing(path, "log"):
        if path.exists():
            check_access(path)
            return
        above = nearest(path)
        if not above.is_dir():  # what making the directory would say
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(above))
        check_access(above, directory=True)


def nearest(path: Path) -> Path:
    """The path, or the nearest directory above it that exists."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())


def check_access(path: Path, *, directory: bool = False) -> None:
    """Raise OSError where the path cannot be written to, or is no directory and should be one."""
    if directory and not path.is_dir():
        reason = errno.ENOTDIR if path.exists() else errno.ENOENT
        raise OSError(reason, os.strerror(reason), str(path))
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def write(path: Path, text: str) -> None:
    """Write a file. Raises click's exception, for status 3, where it cannot be."""
    with writing(path):
        path.write_text(text, encoding="utf-8")


@contextmanager
def writing(path: Path, what: str = "") -> Iterator[None]:
    """Turn a failure to write into one line, for status 3. Raises click.ClickException."""
    try:
        yield
    except OSError as problem:
        reason = problem.strerror or str(problem)
        named = f"the {what} {path}" if what else str(path)
        raise click.ClickException(f"{named} cannot be written: {reason}") from None
