"""The deadline of an item: seconds that its process computes, so that a slow machine is no violation."""

import faulthandler
import threading
import time

PATIENCE = 4
"""Times the deadline: what only waits is stopped after so many seconds of the clock."""
TICK = 5.0
"""Seconds between two looks at the time that the process computed."""

HEADER = "Timeout ("
"""How faulthandler's last words of a process begin that ran out of time."""


class Deadline:
    """Ends this process where an item takes too long, the stacks of its threads in its last words.

    Faulthandler's timer does that even where compiled code keeps the interpreter's lock. It knows the clock
    alone: a thread sets it anew for as long as the item has time left.

    Args:
        file: The descriptor that the last words go to.
        patience: As `PATIENCE`.
        tick: As `TICK`.
    """

    def __init__(self, file: int = 2, patience: float = PATIENCE, tick: float = TICK) -> None:
        self._file, self._patience, self._tick = file, patience, tick
        self._lock = threading.Lock()
        self._ends: tuple[float, float] | None = None
        self._thread: threading.Thread | None = None

    def start(self, seconds: float) -> None:
        """An item begins that may compute for so many seconds."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, daemon=True, name="deadline")
            self._thread.start()
        with self._lock:
            self._ends = (
                time.process_time() + seconds,
                time.monotonic() + self._patience * seconds,
            )
            self._arm()

    def cancel(self) -> None:
        """The item ended in time."""
        with self._lock:
            self._ends = None
            faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        while True:
            time.sleep(self._tick)
            with self._lock:
                if self._ends is not None:
                    self._arm()

    def _arm(self) -> None:
        """Let the timer end at the earliest moment at which the item may have used its time."""
        assert self._ends is not None
        computed, waited = self._ends
        left = min(computed - time.process_time(), waited - time.monotonic())
        faulthandler.dump_traceback_later(max(left, 0.001), exit=True, file=self._file)
