"""What a run cost: compilations and the seconds they took, counted by JAX's own monitoring."""

from typing import Any

import attrs
from jax import monitoring

COMPILE = "/jax/core/compile/backend_compile_duration"
CACHE_HIT = "/jax/compilation_cache/cache_hits"


@attrs.define
class CompileStats:
    """Counts since the process began. `compilations` leaves out what the cache gave."""

    compilations: int = 0
    compile_seconds: float = 0.0
    cache_hits: int = 0

    def since(self, before: "CompileStats") -> "CompileStats":
        """What was added to the counts since `before`."""
        return CompileStats(
            self.compilations - before.compilations,
            self.compile_seconds - before.compile_seconds,
            self.cache_hits - before.cache_hits,
        )


TOTAL = CompileStats()


def _on_duration(event: str, duration_secs: float, **_: Any) -> None:
    if event == COMPILE:
        TOTAL.compilations += 1
        TOTAL.compile_seconds += duration_secs


def _on_event(event: str, **_: Any) -> None:
    if event == CACHE_HIT:
        # JAX reports the time to fetch an entry as a compilation too.
        TOTAL.cache_hits += 1
        TOTAL.compilations -= 1


monitoring.register_event_duration_secs_listener(_on_duration)
monitoring.register_event_listener(_on_event)


def so_far() -> CompileStats:
    """A copy of the counts, to take the difference from later."""
    return attrs.evolve(TOTAL)
