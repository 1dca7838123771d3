"""Subjects of the user's own, for a module that lists them: see `conformance.user_subjects`."""

from conformance.user_subjects.functions import function
from conformance.user_subjects.inputs import (
    SubjectsError,
    array,
    between,
    booleans,
    examples,
    generated,
    indices,
    integers,
    key,
    positive,
    probabilities,
    raw_key,
    static,
)
from conformance.user_subjects.subjects import module
from conformance.user_subjects.transforms import transform

__all__ = [
    "SubjectsError",
    "array",
    "between",
    "booleans",
    "examples",
    "function",
    "generated",
    "indices",
    "integers",
    "key",
    "module",
    "positive",
    "probabilities",
    "raw_key",
    "static",
    "transform",
]
