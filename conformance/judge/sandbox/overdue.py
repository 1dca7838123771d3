"""Tell where a candidate's code is when its time is over."""

from __future__ import annotations

import contextlib
import signal
import time
import types
from collections.abc import Callable, Iterator

_AGAIN = 1.0
"""Seconds after which it is looked again."""


@contextlib.contextmanager
def told(
    seconds: float, computing: float, tell: Callable[[types.FrameType | None], None]
) -> Iterator[None]:
    """While the block runs, and once its time is over, call `tell` with the frame that is running.

    It is called between two steps of Python's, so nobody is told of a loop inside a compiled program.
    The candidate can prevent it, too: the judge has a clock of its own.

    Args:
        seconds: of wall-clock time.
        computing: of this thread's own computing, which takes the same on a machine that is busy.
        tell: gets the innermost frame.

    """
    began, computed = time.monotonic(), time.thread_time()

    def look(number: int, frame: types.FrameType | None) -> None:
        is_over = time.monotonic() - began >= seconds or time.thread_time() - computed >= computing
        with contextlib.suppress(BaseException):
            if is_over:
                signal.setitimer(signal.ITIMER_REAL, 0)
                tell(frame)

    with contextlib.suppress(OSError, ValueError):
        signal.signal(signal.SIGALRM, look)
        signal.siginterrupt(signal.SIGALRM, False)  # what waits in a library goes on waiting
        signal.setitimer(signal.ITIMER_REAL, min(seconds, computing), _AGAIN)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            signal.setitimer(signal.ITIMER_REAL, 0)
