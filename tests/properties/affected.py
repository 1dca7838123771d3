"""Subjects of the catalogue that the installed release's known defects are of."""

import functools

from conformance.runner.installed_defects import installed_defects
from properties.applicability import raised_alone
from properties.call import FunctionCall
from properties.subjects import SUBJECTS


@functools.cache
def affected() -> frozenset[str]:
    """The names of those that a defect's own call is of."""
    calls = (defect.call for defect in installed_defects())
    return frozenset(call.subject_name for call in calls if isinstance(call, FunctionCall))


@functools.cache
def raising() -> frozenset[str]:
    """The names of those that raise without a map, so that no call of them is drawn."""
    return frozenset(name for name in affected() if raised_alone(SUBJECTS[name]) is not None)
