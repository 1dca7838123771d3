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

NOT_CHECKED = frozenset({"not-applicable", "not-sampled"})
"""Outcomes of items of which no call was checked."""
CONFORMING = frozenset({"holds", "known-defect", "fixed-defect", "conforms"}) | NOT_CHECKED
"""Outcomes and verdicts that leave the exit status 0."""
