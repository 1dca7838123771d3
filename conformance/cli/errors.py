"""Exit codes, and what the command line says of an error: one line, never a traceback."""

import contextlib
import errno
import io
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import click

from conformance.cli import interrupts
from conformance.cli.exits import os_exit_raises

VIOLATED = 1
"""Something does not conform; nothing else ends with this status."""
USAGE = 2
"""The command was used wrongly."""
NOT_RUN = 3
"""The command could not run, or not to its end."""


def exit_status(run: Callable[[], int]) -> int:
    """Run a command. Its exit status; an exception becomes one line on stderr and 2 or 3."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _flushed(run)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        return _failed(" ".join(error.format_message().split()), USAGE)
    except click.ClickException as error:
        return _failed(error.format_message())
    except (click.exceptions.Abort, KeyboardInterrupt):
        _say("Stopped.")
        return NOT_RUN
    except BrokenPipeError:
        abandon_output()
        return _failed("the output was closed before its end")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return _internal(error)
        abandon_output()
        where = error.filename or "the output"
        return _failed(f"{where} cannot be written: {error.strerror}")
    except Exception as error:
        return _internal(error)


def _flushed(run: Callable[[], int]) -> int:
    try:
        with os_exit_raises(), interrupts.from_signals():
            status = run()
    except SystemExit as ended:
        how = f"sys.exit({ended.code!r})" if not isinstance(ended.code, str) else ended.code
        raise click.ClickException(f"the code under test ended the process: {how}") from None
    sys.stdout.flush()
    return status


def _failed(message: str, status: int = NOT_RUN) -> int:
    _say(f"Error: {message}")
    return status


def _internal(error: Exception) -> int:
    """Keep the traceback in a file, and ask for a report of it."""
    words = " ".join(f"{type(error).__name__}: {error}".split())
    saved = _save_traceback()
    where = f", with the traceback in {saved}" if saved is not None else ""
    return _failed(f"internal error: {words[:300]}. Please report it as a bug of the suite{where}")


def _save_traceback() -> Path | None:
    name = f"vmap-conformance-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    path = Path(tempfile.gettempdir()) / name
    try:
        path.write_text(f"{sys.argv}\n{traceback.format_exc()}", encoding="utf-8")
    except (OSError, UnicodeError):
        return None
    return path


def _say(line: str) -> None:
    from conformance.reporting.printable import printable

    with contextlib.suppress(OSError):
        click.echo(printable(line), err=True)


def abandon_output() -> None:
    """What is still in the buffer of stdout goes nowhere, so that the interpreter's end is silent."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
