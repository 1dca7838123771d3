"""What the known defects of a log do to a user."""

from collections.abc import Iterable

from conformance.events.details import KnownDefect
from conformance.events.outcomes import Effect
from conformance.events.records import Result


def known_effects(results: Iterable[Result]) -> dict[str, Effect | None]:
    """What each known defect that the results show does, by its id, in the order of the results.

    The log says it. Of a log without effects the ledger does, which needs JAX; None where it lacks the
    defect.
    """
    details = [
        result.detail
        for result in results
        if result.outcome == "known-defect" and isinstance(result.detail, KnownDefect)
    ]
    if all(detail.effect for detail in details):
        return {detail.defect: detail.effect or None for detail in details}
    from conformance.known_defects.effects import effects

    ledger = effects()
    return {detail.defect: detail.effect or ledger.get(detail.defect) for detail in details}
