"""Tell where a candidate's code is when its time is over."""

from __future__ import annotations

import contextlib
import signal
import types
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def told(seconds: float, tell: Callable[[types.FrameType | None], None]) -> Iterator[None]:
    """While the block runs, and once `seconds` are over, call `tell` with the frame that is running.

    It is called between two steps of Python's, so nobody is told of a loop inside a compiled program.
    The candidate can prevent it, too: the judge has a clock of its own.

    Args:
        seconds: of wall-clock time.
        tell: gets the innermost frame.

    """

    def over(number: int, frame: types.FrameType | None) -> None:
        with contextlib.suppress(BaseException):
            tell(frame)

    with contextlib.suppress(OSError, ValueError):
        signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            signal.setitimer(signal.ITIMER_REAL, 0)
