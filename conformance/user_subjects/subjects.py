"""Subjects of the user's own: functions and Linen or NNX modules, listed in a module of theirs.

    from conformance import own

    SUBJECTS = [
        own.function("scores", attention_scores, [("length", 8), ("length", 8)]),
        own.module("encoder", Encoder(features=8), [("length", 8)]),
    ]

The right answer for such a subject is the unmapped subject itself, applied to each example.
"""

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import flax.linen as nn

from conformance.events.text import well_formed
from conformance.transforms import TRANSFORMS
from conformance.transforms.linen import modules
from conformance.transforms.linen.modules import ORIGINS
from conformance.user_subjects import linen, transforms
from conformance.user_subjects.functions import function, said
from conformance.user_subjects.inputs import SubjectsError
from conformance.user_subjects.linen import LinenSubject
from properties import oracle
from properties.subject import Subject
from properties.subjects import SUBJECTS

__all__ = ["SubjectsError", "function", "load", "module", "of_any_kind", "register", "registered"]


def module(
    name: str,
    module: Any,
    inputs: Sequence[Any],
    *,
    streams: Sequence[str] = ("params",),
    keywords: Mapping[str, Any] | None = None,
    method: str = "__call__",
    collections: Sequence[str] | None = None,
    **given: Any,
) -> Subject:
    """A Linen module as a subject, or an NNX module, which becomes a function of its state.

    Args:
        name: What the subject is called in reports.
        module: An instance of the module.
        inputs: The inputs of one example, and
        keywords: those given by name, as `own.function` takes them.
        streams: The PRNG streams that a Linen module draws from.
        method: The method that is called.
        collections: The collections of a Linen module, where its init does not make all of them.
        given: ``tolerance``, ``batch_sizes``, ``axes``, ``without`` and ``batched``, as `own.function` takes
            them.

    Raises:
        SubjectsError: where it is no module, or does not take such inputs.

    """
    if isinstance(module, type):
        raise SubjectsError(
            f"the subject {name!r} is the class {module.__name__}, not a module: give an instance of "
            f"it, such as {module.__name__}(...)"
        )
    if isinstance(module, nn.Module):
        return linen.module(
            name,
            module,
            inputs,
            streams=streams,
            keywords=keywords,
            method=method,
            collections=collections,
            **given,
        )
    if not is_nnx(module):
        raise SubjectsError(f"the subject {name!r} is neither a Linen nor an NNX module")
    from conformance.user_subjects import nnx

    return nnx.module(name, module, inputs, keywords=keywords, method=method, **given)


def is_nnx(module: Any) -> bool:
    """Whether it is an NNX module."""
    try:
        from flax import nnx
    except ImportError:
        return False
    return isinstance(module, nnx.Module)


def of_any_kind(name: str, subject: Any, inputs: Sequence[Any], **given: Any) -> Subject:
    """A function, Linen module or NNX module as a subject: what is not given stays at its default."""
    chosen = {word: value for word, value in given.items() if value is not None}
    if isinstance(subject, nn.Module) or is_nnx(subject):
        return module(name, subject, inputs, **chosen)
    for word in ("streams", "collections", "method"):
        chosen.pop(word, None)
    return function(name, subject, inputs, **chosen)


def load(origin: str) -> list[Subject]:
    """Import the module ``origin`` and register its ``SUBJECTS``.

    Raises `SubjectsError` where it cannot be imported, lists none, or takes a name that is taken.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = importlib.import_module(origin)
        listed = found.SUBJECTS
    except SubjectsError:
        raise
    except AttributeError:
        raise SubjectsError(
            f"{origin} has no list SUBJECTS of what to check, such as "
            "SUBJECTS = [own.function('mine', f, [('n', 3)])]; docs/own-subjects.md has more"
        ) from None
    except (Exception, SystemExit) as error:
        raise SubjectsError(f"{origin} cannot be imported: {said(error)}") from None
    if not isinstance(listed, list | tuple):
        raise SubjectsError(f"SUBJECTS of {origin} is {listed!r:.80}, not a list of subjects")
    for transform in getattr(found, "TRANSFORMS", ()):
        TRANSFORMS[transform.name] = transform
        transforms.MADE[transform.name] = origin
    for subject in listed:
        if not isinstance(subject, Subject):
            raise SubjectsError(
                f"{origin} lists {subject!r}, which is no subject: use own.function or own.module"
            )
        if not isinstance(subject.name, str) or well_formed(subject.name) != subject.name:
            raise SubjectsError(f"{origin}: the name {subject.name!r} is not Unicode text")
        if ORIGINS.get(subject.name, origin) != origin or (
            subject.name in SUBJECTS and subject.name not in ORIGINS
        ):
            raise SubjectsError(f"{origin}: there is a subject {subject.name!r} already")
        register(subject)
        ORIGINS[subject.name] = origin
    return list(listed)


def register(subject: Subject) -> None:
    """Make the subject known by its name."""
    before = SUBJECTS.get(subject.name, _last.get(subject.name, subject))
    if before is not subject:
        # Traces are kept by name.
        oracle.clear_caches()
    SUBJECTS[subject.name] = _last[subject.name] = subject
    if isinstance(subject, LinenSubject):
        modules.CLASSES[subject.name] = subject.lifted_class


_last: dict[str, Subject] = {}
"""The subject that had each name last."""


@contextmanager
def registered(subject: Subject) -> Iterator[None]:
    """Know the subject by its name for a while."""
    tables: tuple[dict[str, Any], ...] = (SUBJECTS, modules.CLASSES)
    before = [table.get(subject.name) for table in tables]
    register(subject)
    try:
        yield
    finally:
        if before[0] not in (None, subject):
            oracle.clear_caches()
            _last[subject.name] = before[0]
        for table, known in zip(tables, before, strict=True):
            table.pop(subject.name, None)
            if known is not None:
                table[subject.name] = known
