"""What may come of an item or of a candidate, and which of it conforms."""

from typing import Literal, get_args

Outcome = Literal[
    "holds",
    "violated",
    "known-defect",
    "fixed-defect",
    "not-applicable",
    "not-sampled",
    "crashed",
    "timed-out",
]

Judgement = Literal["conforms", "violates", "error", "timeout", "crashed", "missing"]

Effect = Literal["silently wrong", "process dies", "raises", "unclear error"]
EFFECTS: tuple[Effect, ...] = get_args(Effect)
"""What a known defect does to a user, the most dangerous first."""

NOT_CHECKED = frozenset({"not-applicable", "not-sampled"})
"""Outcomes of items of which no call was checked."""
CONFORMING = frozenset({"holds", "known-defect", "fixed-defect", "conforms"}) | NOT_CHECKED
"""Outcomes and verdicts that leave the exit status 0."""
