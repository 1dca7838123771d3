"""What a kind of difference is. The kinds themselves are beside their detectors."""

from typing import Literal

import attrs

Urgency = Literal["work", "know", "fine"]


@attrs.frozen
class DifferenceKind:
    """All that is said of a kind of difference, wherever it is shown."""

    id: str
    """Stable: such as `removed-names`."""
    title: str
    """Such as `Removed names`; a heading."""
    counted: tuple[str, str]
    """What one and what several of them are, after their number."""
    consequence: str
    """What a user meets, in one sentence."""
    remedy: str
    """What to do, in one sentence; a difference may have a remedy of its own."""
    rank: int
    """The order in which kinds are shown: the smallest first."""
    urgency: Urgency
    """`work`: it needs work before an upgrade. `know`: good to know. `fine`: nothing to do."""

    @property
    def breaks(self) -> bool:
        """Whether one such difference makes the exit status 1."""
        return self.urgency == "work"
