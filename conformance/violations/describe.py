"""A violation as the log has it: everything that a person or another tool needs to see it."""

import msgspec

from conformance.events import details
from conformance.events.arrays import encode, quantity
from conformance.violations.likely_cause import likely_cause
from conformance.violations.recheck import ONLY_FROM_CACHE, is_only_from_cache
from conformance.violations.script import script
from properties.call_json import to_json
from properties.law import Law, Violation
from properties.transform import Transform


def describe(law: Law, transform: Transform, found: Violation) -> details.Violation:
    """The detail of a result whose law does not hold, with its likely cause and a script that shows it."""
    wrong = found.mismatch
    if is_only_from_cache(law, transform, found):
        cause: str | None = ONLY_FROM_CACHE
    else:
        cause = likely_cause(law, transform, found)
    return details.Violation(
        call=msgspec.convert(encode(to_json(found.call)), details.Call),
        what=found.what,
        message=wrong.message,
        path=wrong.path,
        expected=encode(wrong.expected),
        got=encode(wrong.got),
        max_ulps=quantity(wrong.max_ulps),
        error=quantity(wrong.max_error),
        bound=quantity(wrong.allowed),
        cause=cause,
        script=script(law, transform, found),
    )
