"""Subjects of the user's own, for a module that lists them: see `conformance.user_subjects`."""

from conformance.user_subjects.subjects import SubjectsError, function, indices, module

__all__ = ["SubjectsError", "function", "indices", "module"]
