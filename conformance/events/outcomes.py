"""What may come of an item or of a candidate, and which of it conforms."""

from typing import Literal

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

CONFORMING = frozenset(
    {"holds", "known-defect", "fixed-defect", "not-applicable", "not-sampled", "conforms"}
)
"""Outcomes and verdicts that leave the exit status 0."""
