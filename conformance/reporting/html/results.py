"""A result in full on the page: the call, what is wrong with it, both answers, and the script."""

from typing import TYPE_CHECKING

import attrs

from conformance.events.arrays import Value, decode
from conformance.events.details import (
    Casualty,
    KnownDefect,
    NotApplicable,
    NotSampled,
    Violation,
)
from conformance.events.records import Result
from conformance.reporting.failure import (
    array_in_words,
    call_in_words,
    distance,
    law_sentence,
    message,
)
from conformance.violations import IMPORTS_OWN

if TYPE_CHECKING:
    from conformance.known_defects.defect import Defect


@attrs.frozen
class ResultView:
    """What the templates say of a result."""

    place: str
    """The element's id."""
    result: Result
    law: str
    call: str | None = None
    message: str | None = None
    sides: tuple[tuple[str, str], ...] = ()
    """Titled arrays: expected and got."""
    distance: str | None = None
    cause: str | None = None
    output: str | None = None
    script: str | None = None

    @property
    def script_title(self) -> str:
        """What the script needs."""
        if self.script is not None and IMPORTS_OWN in self.script:
            return "Script that shows it; it imports your module"
        return "Script that shows it with JAX, Flax and NumPy only"

    known: str | None = None
    """The id of the known defect that it is of."""
    defect: "Defect | None" = None


def view(place: str, result: Result) -> ResultView:
    """The view of a result."""
    plain = ResultView(place, result, law_sentence(result.law))
    detail = result.detail
    if isinstance(detail, Violation):
        return attrs.evolve(
            plain,
            call=call_in_words(detail.call),
            message=message(detail),
            sides=(("expected", _text(detail.expected)), ("got", _text(detail.got))),
            distance=distance(detail) if detail.error is not None else None,
            cause=detail.cause,
            script=detail.script,
        )
    if isinstance(detail, Casualty):
        return attrs.evolve(plain, message=detail.reason, output=detail.output)
    if isinstance(detail, KnownDefect):
        # The ledger needs JAX, which only a page imports.
        from conformance.known_defects import DEFECTS

        defect = next((each for each in DEFECTS if each.id == detail.defect), None)
        return attrs.evolve(plain, known=detail.defect, defect=defect)
    if isinstance(detail, NotApplicable | NotSampled):
        return attrs.evolve(plain, message=detail.reason)
    return plain


def _text(value: Value) -> str:
    return array_in_words(decode(value))
