"""What a run is asked for. It travels to the workers as JSON, in one pytest option."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec
from msgspec import Struct, field

from conformance.events.writer import new_cell
from properties.profile import PROFILES, Profile


class RunOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options of a run, by keyword; globs choose laws, transforms, subjects and observations."""

    profile_name: str = "quick"
    seed: int = 0
    laws: tuple[str, ...] = ()
    transforms: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    database_directory: str | None = None
    """Hypothesis' database of failing examples; None for profiles that keep none."""
    plan: str | None = None
    """Check the calls of this file instead of drawing any."""
    shard: tuple[int, int] = (1, 1)
    observe: tuple[str, ...] = ()
    """Record these groups of observations, too."""
    own: tuple[str, ...] = ()
    """Modules that list subjects of the user's own."""
    max_failures: int = 0
    """Stop after so many results that do not conform; 0 is no limit."""
    cell: str = field(default_factory=new_cell)
    """The name of this run in its log."""
    scratch: str | None = None
    """Where workers leave their stderr and the names of their items, for the controller."""

    @property
    def profile(self) -> Profile:
        """The profile with this seed; what the globs name is not sampled but run whole."""
        return PROFILES[self.profile_name].asked(self.seed, self.laws, self.subjects)

    @property
    def chosen(self) -> list[str]:
        """The options that choose what is checked, as a command line has them, in one order."""
        globs = {
            "--law": self.laws,
            "--transform": self.transforms,
            "--subject": self.subjects,
            "--subjects": self.own,
            "--observe": self.observe,
        }
        return [
            word for name, those in globs.items() for each in sorted(those) for word in (name, each)
        ]

    def database(self) -> Any:
        """Hypothesis' database of failing examples; None where the run keeps none."""
        if self.database_directory is None:
            return None
        from hypothesis.database import DirectoryBasedExampleDatabase

        return DirectoryBasedExampleDatabase(self.database_directory)

    def compiling(self) -> AbstractContextManager[None]:
        """How the items of this run are compiled: by quick in less time, else as JAX does by default.

        Numbers that are observed are compared with those of other runs, and compiled as users do.
        """
        if self.profile_name != "quick" or self.observe:
            return nullcontext()
        from properties.compiler_options import fast_everywhere

        return fast_everywhere()

    def to_json(self) -> str:
        """The options as text for a command line."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "RunOptions":
        """The inverse of `to_json`. Raises `msgspec.ValidationError` for unknown fields and wrong types."""
        return msgspec.json.decode(text, type=cls)
