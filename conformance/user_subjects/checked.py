"""One line on what was checked of a user's subject: how many checks hold, and which laws do not apply."""

from collections.abc import Sequence

from conformance.events.details import NotApplicable
from conformance.events.records import Result

NEEDS_DEVICES = "needs two devices"
"""What the reason says where a transform lacks devices."""


def in_one_line(name: str, results: Sequence[Result]) -> str:
    """Such as `f: 12 checks hold; not applicable: gradients.forward (f takes integers)`.

    Args:
        name: The subject's name.
        results: What came of each law under each transform, none of them violated.

    """
    held = [result.law for result in results if result.outcome == "holds"]
    speaking = {r.law for r in results if not isinstance(r.detail, NotApplicable)}
    reasons: dict[str, str] = {}
    for result in results:
        if isinstance(result.detail, NotApplicable) and result.law not in held:
            reason = result.detail.reason
            # Another reason is the transform's: the law may be sampled under another one by another seed.
            if result.law not in speaking or name in reason.split():
                reasons.setdefault(result.law, reason)
    laws: dict[str, list[str]] = {}
    for law, reason in reasons.items():
        if NEEDS_DEVICES not in reason:  # that is said once, of all subjects
            laws.setdefault(reason, []).append(law)
    left = [f"{', '.join(mine)} ({reason})" for reason, mine in laws.items()]
    said = f"{name}: {len(held)} check{'s' * (len(held) != 1)} hold{'s' * (len(held) == 1)}"
    return f"{said}; not applicable: {'; '.join(left)}" if left else said
