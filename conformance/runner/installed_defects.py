"""The known defects of what is installed here."""

import functools
from collections.abc import Callable

import jax

from conformance.known_defects import DEFECTS
from conformance.known_defects.defect import Defect, in_force
from conformance.runner import environment_info
from properties.call import Call
from properties.law import Law


@functools.cache
def installed_defects() -> list[Defect]:
    """The known defects of the installed versions on the platform that JAX runs on."""
    return [
        defect
        for defect in in_force(DEFECTS, environment_info.versions())
        if defect.platform in (None, jax.default_backend())
    ]


def defects_that_explain(law: Law, transform: str, call: Call) -> list[str]:
    """The ids of the known defects that explain why a call with one combination of axes violates a law."""
    return [
        defect.id
        for defect in _relevant(law, transform)
        if defect.affects(call) or defect.explains(call)
    ]


def _relevant(law: Law, transform: str) -> list[Defect]:
    compared = (transform, law.compares_with)
    return [
        defect
        for defect in installed_defects()
        if any(defect.may_affect(law.id, name) for name in compared if name is not None)
    ]


def defects_of_call(law: Law, transform: str) -> Callable[[Call], list[str]]:
    """A function of a call with one combination of axes: the ids of the known defects that it shows.

    Those of what the law compares with are among them.
    """
    known = _relevant(law, transform)
    return lambda call: [defect.id for defect in known if defect.affects(call)]
