"""A user's code may end the process. It is not to decide the exit status of the command."""

import contextlib
import os
from collections.abc import Iterator
from typing import NoReturn

_EXIT = os._exit


def end_process(status: int) -> NoReturn:
    """End this process at once, without waiting for its threads."""
    _EXIT(status)


@contextlib.contextmanager
def os_exit_raises() -> Iterator[None]:
    """Within it, `os._exit` raises SystemExit in this process; in a forked one it does what it does."""
    this_process = os.getpid()

    def refuse(status: int) -> NoReturn:
        if os.getpid() != this_process:
            _EXIT(status)
        raise SystemExit(f"os._exit({status}) was called by the code under test")

    os._exit = refuse
    try:
        yield
    finally:
        os._exit = _EXIT
