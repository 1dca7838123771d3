"""What came of running laws against mutants, and against their control."""

import msgspec

CONTROL = "none"
"""The name of the mutant that changes nothing. Nothing may kill it."""


class MutationResult(msgspec.Struct, frozen=True):
    """One law on one mutant of one transform."""

    law: str
    transform: str
    mutant: str
    """A name in `MUTANTS`, or `CONTROL`."""
    killed_by: str | None
    """The subject on which the law noticed; None where the mutant survived."""
    calls: int = 0
    """Calls that the law checked, of all subjects. 0 where the law has nothing to say here."""

    @property
    def killed(self) -> bool:
        """Whether the law noticed the mutant."""
        return self.killed_by is not None


class RuleMutationResult(msgspec.Struct, frozen=True):
    """One mutant of one batching rule."""

    rule: str
    mutant: str
    """A name in `RULE_MUTANTS`, or `CONTROL`."""
    killed_by: str | None
    """The subject on which the law noticed; None where the mutant survived."""
    exempt: str = ""
    """Why the mutant does not apply, or cannot be wrong; empty where it must be killed."""

    @property
    def killed(self) -> bool:
        """Whether the law noticed the mutant."""
        return self.killed_by is not None

    @property
    def survived(self) -> bool:
        """Whether it should have been killed, and was not."""
        return not self.killed and not self.exempt and self.mutant != CONTROL


class SubtleResult(msgspec.Struct, frozen=True):
    """One subtle mutant of one transform, on the calls that runs draw."""

    mutant: str
    """A name in `SUBTLE`."""
    transform: str
    triggered: bool
    """Whether some call that runs draw makes it misbehave."""
    profile: str | None = None
    """The first profile whose calls kill it; None where it survives."""
    killed_by: str = ""
    """The law and the subject."""


class SlipResult(msgspec.Struct, frozen=True):
    """One slip in the source of JAX or Flax."""

    target: str
    """The function: its module, a colon, its name."""
    operator: str
    """A name in `OPERATORS`, or `CONTROL`."""
    line: int
    before: str
    after: str
    noticed_by: str | None
    """The law, the transform and the subject; None where the slip survives."""
    reached: bool = True
    """Whether the calls execute its line."""
    number: int = -1
    """Which slip of its function, the first being 0."""
    profile: str = "quick"
    """Whose calls were tried."""

    @property
    def noticed(self) -> bool:
        """Whether an item noticed the slip."""
        return self.noticed_by is not None
