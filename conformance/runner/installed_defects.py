"""The known defects of what is installed here."""

import functools
from collections.abc import Callable

import jax

from conformance.known_defects import DEFECTS
from conformance.known_defects.defect import Defect, in_force
from conformance.runner import environment_info
from properties.call import Call


@functools.cache
def installed_defects() -> list[Defect]:
    """The known defects of the installed versions on the platform that JAX runs on."""
    return [
        defect
        for defect in in_force(DEFECTS, environment_info.versions())
        if defect.platform in (None, jax.default_backend())
    ]


def defects_of_call(law: str, transform: str) -> Callable[[Call], list[str]]:
    """A function of a call with one combination of axes: the ids of the known defects that it shows."""
    known = [defect for defect in installed_defects() if defect.may_affect(law, transform)]
    return lambda call: [defect.id for defect in known if defect.affects(call)]
