"""SIGTERM and SIGHUP treated as Ctrl-C, so that a command that is ended leaves no files or processes."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def from_signals(before_raising: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Raise KeyboardInterrupt where the process is terminated or hung up on.

    Only the main thread can handle signals: elsewhere this does nothing.

    Args:
        before_raising: Called first, for what must end before the interrupt can unwind.

    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        before_raising()
        raise KeyboardInterrupt

    handlers = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {
            number: signal.signal(number, interrupt)
            for number in (signal.SIGTERM, signal.SIGHUP)
            # `nohup` ignores hanging up, and that stays so. None: it was not set from Python.
            if signal.getsignal(number) not in (None, signal.SIG_IGN)
        }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
