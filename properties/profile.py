"""How hard a run tries. Every setting of Hypothesis is stated here, and nowhere else."""

import zlib
from collections.abc import Sequence
from typing import Any

import attrs


@attrs.frozen
class Profile:
    """One level of effort."""

    name: str
    examples: int
    """Calls drawn for each (law, transform, subject)."""
    shapes: int
    """Sets of sizes that the calls of one subject have, in all laws together."""
    combinations: int
    """Axis combinations traced together in one call."""
    deadline: int
    """Seconds after which an item counts as timed out."""
    random: bool
    """Draw a fresh seed for each run, and keep what failed in a database."""
    seed: int = 0
    """Together with the profile's name it determines every call drawn."""
    on_devices: int = 1
    """Of the catalogue's functions, one in so many is mapped over devices, which cost most."""
    thinly: int = 1
    """Of the catalogue's functions, one in so many is held to each law but the first; of all other
    subjects, to what is thin."""

    def asked(self, seed: int, *names: Sequence[str]) -> "Profile":
        """With that seed; nothing is left out of what is asked for by names."""
        seeded = attrs.evolve(self, seed=seed)
        return attrs.evolve(seeded, on_devices=1, thinly=1) if any(names) else seeded

    def chooses(self, name: str, one_in: int) -> bool:
        """Whether the seed makes what has that name the one of so many."""
        return self._lot(name) % one_in == 0

    def sample(self, of: str, names: Sequence[str], one_in: int) -> Sequence[str]:
        """One in so many of the names, at least one of them; which, the seed says."""
        drawn = sorted(names, key=lambda name: self._lot(f"{of}|{name}"))
        return drawn[: -(-len(drawn) // one_in)]

    def _lot(self, name: str) -> int:
        return zlib.crc32(f"{self.seed}/chosen/{name}".encode())

    def sparing(self) -> "Profile":
        """Half the calls: for the catalogue's hundreds of subjects, thin laws and thin transforms."""
        return attrs.evolve(self, examples=max(1, self.examples // 2))

    def settings(self, database: Any = None, shrink: bool = True) -> dict[str, Any]:
        """Everything Hypothesis could otherwise take from its environment (``CI`` changes defaults)."""
        import hypothesis as h

        return {
            "max_examples": self.examples,
            # Every item carries an explicit seed, which is what makes a run repeatable.
            "derandomize": False,
            "database": database,
            # Compilation makes the first call of a shape slow; that is not a failure.
            "deadline": None,
            "phases": [h.Phase.reuse, h.Phase.generate, *([h.Phase.shrink] if shrink else [])],
            "print_blob": not self.random,
            "report_multiple_bugs": False,
            "suppress_health_check": list(h.HealthCheck),
        }


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "quick",
            examples=2,
            shapes=2,
            combinations=5,
            on_devices=8,
            thinly=3,
            deadline=120,
            random=False,
        ),
        Profile(
            "ci",
            examples=6,
            shapes=6,
            combinations=32,
            on_devices=2,
            deadline=300,
            random=False,
        ),
        Profile(
            "thorough",
            examples=60,
            shapes=16,
            combinations=64,
            deadline=1800,
            random=True,
        ),
    )
}
